/*
 * page_headers.c
 *		The headers of an HTML page that keeps to itself.
 *
 * The token is in the page's address: it must get into no cache and no Referer.
 */
#include "postgres.h"

#include "common/base64.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "core/hmac.h"
#include "core/rest_response.h"
#include "pages/page_headers.h"

char *
page_hash_source(const char *content)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char		encoded[64];
	int			length;

	if (!sha256_digest(content, strlen(content), digest))
		elog(ERROR, "could not hash a part of a page");
	length = encode_base64(digest, sizeof(digest), encoded, sizeof(encoded));
	return psprintf("'sha256-%.*s'", length, encoded);
}

/* Made once a session for each page: the parts are constants. */
static const char *
content_policy(const char *style, const char *script)
{
	static const char *style_of_policy = NULL;
	static char *policy = NULL;
	char	   *made;

	if (policy != NULL && style_of_policy == style)
		return policy;
	made = psprintf("default-src 'none'; style-src %s; script-src %s; img-src data:; form-action 'self';"
					" base-uri 'none'; frame-ancestors 'none'", page_hash_source(style), page_hash_source(script));
	if (policy != NULL)
		pfree(policy);
	policy = MemoryContextStrdup(TopMemoryContext, made);
	style_of_policy = style;
	return policy;
}

void
page_set_headers(int status, const char *style, const char *script)
{
	const ResponseHeader headers[] = {
		{"Content-Type", "text/html; charset=utf-8"},
		{"Content-Security-Policy", content_policy(style, script)},
		{"Referrer-Policy", "no-referrer"},
		{"Cache-Control", "no-store"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"X-Robots-Tag", "noindex, nofollow"}
	};

	response_set_status(status);
	response_set_headers(headers, lengthof(headers));
}
