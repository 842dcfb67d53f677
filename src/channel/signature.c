/*
 * signature.c
 *		Webhook signatures: HMAC-SHA256, in hex for x-signature and in base64
 *		for Standard Webhooks.
 *
 * A key is text that the subscriber was shown once. x-signature uses its bytes.
 * Libraries of Standard Webhooks expect base64 after "whsec_": a key with that
 * prefix is decoded for webhook-signature; of any other key the bytes are used.
 */
#include "postgres.h"

#include "common/base64.h"

#include "channel/signature.h"
#include "core/compat.h"
#include "core/hmac.h"

#define ENCODED_KEY_PREFIX "whsec_"

/* The bytes of an encoded key, or -1 if it is not base64. */
static int
decode_key(const char *key, char **bytes)
{
	const char *encoded = key + strlen(ENCODED_KEY_PREFIX);
	int			length = strlen(encoded);

	*bytes = palloc(pg_b64_dec_len(length) + 1);
	return decode_base64(encoded, length, *bytes, pg_b64_dec_len(length));
}

static bool
key_is_encoded(const char *key)
{
	return strncmp(key, ENCODED_KEY_PREFIX, strlen(ENCODED_KEY_PREFIX)) == 0;
}

const char *
hmac_key_problem(const char *key)
{
	char	   *bytes;

	if (key == NULL || key[0] == '\0')
		return "the key must not be empty";
	if (key_is_encoded(key) && decode_key(key, &bytes) <= 0)
		return "what follows whsec_ must be base64";
	return NULL;
}

char *
hex_signature(const char *key, const char *content)
{
	static const char digits[] = "0123456789abcdef";
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char	   *hex;

	if (!hmac_sha256(key, strlen(key), content, strlen(content), digest))
		return NULL;
	hex = palloc(2 * PG_SHA256_DIGEST_LENGTH + 1);
	for (int i = 0; i < PG_SHA256_DIGEST_LENGTH; i++)
	{
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[2 * PG_SHA256_DIGEST_LENGTH] = '\0';
	return hex;
}

char *
standard_signature(const char *key, const char *signed_content)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char		encoded[64];
	char	   *bytes = unconstify(char *, key);
	int			length = strlen(key);

	if (key_is_encoded(key))
		length = decode_key(key, &bytes);
	if (length <= 0 ||
		!hmac_sha256(bytes, length, signed_content, strlen(signed_content), digest))
		return NULL;
	length = encode_base64(digest, PG_SHA256_DIGEST_LENGTH, encoded,
						   sizeof(encoded));
	return psprintf("v1,%.*s", length, encoded);
}
