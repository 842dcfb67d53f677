/*
 * inbound.c
 *		What a provider sends of its own accord.
 */
#include "postgres.h"

#include "channel/form.h"
#include "channel/inbound.h"
#include "core/hmac.h"
#include "core/json_scan.h"

#define JSON_TYPE "application/json"

bool
inbound_is_json(const InboundRequest *request)
{
	return request->content_type != NULL &&
		pg_strncasecmp(request->content_type, JSON_TYPE, strlen(JSON_TYPE)) == 0;
}

char *
inbound_value(const InboundRequest *request, const char *name)
{
	return inbound_is_json(request) ? json_scalar_at(request->body, name) : form_value(request->body, name);
}

/* Digests have one length, whatever the text has. */
bool
is_secret(const char *text, const char *secret)
{
	uint8		given[PG_SHA256_DIGEST_LENGTH];
	uint8		expected[PG_SHA256_DIGEST_LENGTH];

	return hmac_sha256(secret, strlen(secret), text, strlen(text), given) &&
		hmac_sha256(secret, strlen(secret), secret, strlen(secret), expected) &&
		bytes_are_same(given, expected, PG_SHA256_DIGEST_LENGTH);
}
