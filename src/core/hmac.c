/*
 * hmac.c
 *		SHA-256 and HMAC of a sequence of bytes, and comparison in constant time.
 */
#include "postgres.h"

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

static size_t
digest_length(pg_cryptohash_type type)
{
	return type == PG_SHA1 ? SHA1_DIGEST_LENGTH : PG_SHA256_DIGEST_LENGTH;
}

bool
hmac_digest(pg_cryptohash_type type, const void *key, size_t key_length,
			const void *content, size_t length, uint8 *digest)
{
	pg_hmac_ctx *context = pg_hmac_create(type);
	bool		done;

	if (context == NULL)
		return false;
	done = pg_hmac_init(context, (const uint8 *) key, key_length) >= 0 &&
		pg_hmac_update(context, (const uint8 *) content, length) >= 0 &&
		pg_hmac_final(context, digest, digest_length(type)) >= 0;
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
