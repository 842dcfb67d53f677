/*
 * hmac.c
 *		SHA-256 and HMAC of a sequence of bytes, and comparison in constant time.
 */
#include "postgres.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "common/hmac.h"

#include "core/hmac.h"

bool
sha256_digest(const void *content, size_t length, uint8 *digest)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	bool		done;

	if (context == NULL)
		return false;
	done = pg_cryptohash_init(context) >= 0 &&
		pg_cryptohash_update(context, (const uint8 *) content, length) >= 0 &&
		pg_cryptohash_final(context, digest, PG_SHA256_DIGEST_LENGTH) >= 0;
	pg_cryptohash_free(context);
	return done;
}

/* ---- HMAC-SHA256 ---- */

/* A key after the library has prepared it, which takes longer than to sign a message with it. */
typedef struct PreparedKey
{
	EVP_MAC_CTX *context;		/* NULL: none is here */
	uint8	   *bytes;
	size_t		length;
} PreparedKey;

/* Those that were used last: each webhook is signed by the keys of its subscription. */
static PreparedKey prepared_keys[16];

static EVP_MAC_CTX *
prepare(const void *key, size_t length)
{
	static char digest[] = "SHA256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end()
	};
	EVP_MAC    *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = algorithm == NULL ? NULL : EVP_MAC_CTX_new(algorithm);

	/* The context refers to it. */
	EVP_MAC_free(algorithm);
	if (context != NULL && EVP_MAC_init(context, (const unsigned char *) key, length, parameters) == 1)
		return context;
	EVP_MAC_CTX_free(context);
	return NULL;
}

static void
forget(PreparedKey *key)
{
	EVP_MAC_CTX_free(key->context);
	OPENSSL_clear_free(key->bytes, key->length);
	memset(key, 0, sizeof(*key));
}

static bool
remember(PreparedKey *place, const void *key, size_t length)
{
	forget(place);
	place->context = prepare(key, length);
	place->bytes = OPENSSL_memdup(key, length);
	place->length = length;
	if (place->context != NULL && place->bytes != NULL)
		return true;
	forget(place);
	return false;
}

/* NULL if the crypto library fails. */
static EVP_MAC_CTX *
context_of(const void *key, size_t length)
{
	static unsigned int next;
	PreparedKey *place;

	for (int i = 0; i < lengthof(prepared_keys); i++)
		if (prepared_keys[i].length == length && memcmp(prepared_keys[i].bytes, key, length) == 0)
			return prepared_keys[i].context;
	place = &prepared_keys[next++ % lengthof(prepared_keys)];
	return remember(place, key, length) ? place->context : NULL;
}

bool
hmac_sha256(const void *key, size_t key_length, const void *content, size_t length, uint8 *digest)
{
	EVP_MAC_CTX *context = context_of(key, key_length);
	size_t		written;

	return context != NULL && EVP_MAC_init(context, NULL, 0, NULL) == 1 &&
		EVP_MAC_update(context, (const unsigned char *) content, length) == 1 &&
		EVP_MAC_final(context, digest, &written, PG_SHA256_DIGEST_LENGTH) == 1;
}

/* ---- HMAC-SHA1 ---- */

bool
hmac_sha1(const void *key, size_t key_length, const void *content, size_t length, uint8 *digest)
{
	pg_hmac_ctx *context = pg_hmac_create(PG_SHA1);
	bool		done;

	if (context == NULL)
		return false;
	done = pg_hmac_init(context, (const uint8 *) key, key_length) >= 0 &&
		pg_hmac_update(context, (const uint8 *) content, length) >= 0 &&
		pg_hmac_final(context, digest, SHA1_DIGEST_LENGTH) >= 0;
	pg_hmac_free(context);
	return done;
}

bool
bytes_are_same(const void *one, const void *other, size_t length)
{
	const volatile uint8 *a = (const volatile uint8 *) one;
	const volatile uint8 *b = (const volatile uint8 *) other;
	uint8		difference = 0;

	for (size_t i = 0; i < length; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}
