/*
 * twilio_inbound.c
 *		Twilio's webhooks: messages that came in, and the status of those that
 *		it took.
 *
 * The signature is the HMAC-SHA1, by the account's auth token, of the URL that
 * Twilio was given, followed by the names and values of the form's fields in the
 * order of the names. Of JSON the URL has the digest of the body as its last
 * parameter, bodySHA256. Twilio signs the URL with the port 443 or without it,
 * depending on who asks; both are accepted, as by its own libraries.
 *
 * Source: https://www.twilio.com/docs/usage/security#validating-requests,
 * https://www.twilio.com/docs/messaging/guides/webhook-request,
 * https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
 */
#include "postgres.h"

#include "common/base64.h"
#include "lib/stringinfo.h"

#include "channel/form.h"
#include "channel/twilio_inbound.h"
#include "core/compat.h"
#include "core/encoding.h"
#include "core/hmac.h"
#include "core/json.h"

/* ---- the signature ---- */

static int
compare_texts(const FormText *one, const FormText *other)
{
	int			order = memcmp(one->bytes, other->bytes, Min(one->length, other->length));

	if (order != 0)
		return order;
	return one->length < other->length ? -1 : one->length > other->length;
}

/* By names, then by values. */
static int
compare_fields(const ListCell *one, const ListCell *other)
{
	const FormField *left = (const FormField *) lfirst(one);
	const FormField *right = (const FormField *) lfirst(other);
	int			order = compare_texts(&left->name, &right->name);

	return order != 0 ? order : compare_texts(&left->value, &right->value);
}

/* A field that is given twice with one value counts once. */
static void
append_fields(StringInfo signed_text, List *fields)
{
	const FormField *last = NULL;
	ListCell   *cell;

	list_sort(fields, compare_fields);
	foreach(cell, fields)
	{
		const FormField *field = (const FormField *) lfirst(cell);

		if (last == NULL || compare_texts(&last->name, &field->name) != 0 ||
			compare_texts(&last->value, &field->value) != 0)
		{
			appendBinaryStringInfo(signed_text, field->name.bytes, (int) field->name.length);
			appendBinaryStringInfo(signed_text, field->value.bytes, (int) field->value.length);
		}
		last = field;
	}
}

/* ?bodySHA256= and the digest in hexadecimal digits */
static void
append_digest(StringInfo signed_text, const char *url, const char *body)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH] = {0};

	(void) sha256_digest(body, strlen(body), digest);
	appendStringInfo(signed_text, "%cbodySHA256=", strchr(url, '?') ? '&' : '?');
	for (int i = 0; i < lengthof(digest); i++)
		appendStringInfo(signed_text, "%02x", digest[i]);
}

/* What is signed besides the URL. */
static StringInfo
signed_content(const InboundRequest *request, const char *url)
{
	StringInfo	content = makeStringInfo();

	if (inbound_is_json(request))
		append_digest(content, url, request->body);
	else
		append_fields(content, form_parse(request->body));
	return content;
}

/* Is the signature that of this URL? */
static bool
is_signed(const char *url, const StringInfo content, const char *secret, const char *signature)
{
	uint8		digest[SHA1_DIGEST_LENGTH];
	char		expected[SHA1_DIGEST_LENGTH * 2] = {0};
	char		given[sizeof(expected)] = {0};
	StringInfoData text;
	int			length;

	initStringInfo(&text);
	appendStringInfoString(&text, url);
	appendBinaryStringInfo(&text, content->data, content->len);
	if (!hmac_sha1(secret, strlen(secret), text.data, text.len, digest))
		return false;
	length = encode_base64(digest, sizeof(digest), expected, sizeof(expected) - 1);
	strlcpy(given, signature, sizeof(given));
	return length > 0 && bytes_are_same(given, expected, sizeof(expected));
}

/* The URL with the port of its scheme if it has none, without its port if it has that one. */
static char *
with_other_port(const char *url)
{
	bool		is_tls = pg_strncasecmp(url, "https:", 6) == 0;
	const char *port = is_tls ? ":443" : ":80";
	const char *host = strstr(url, "://");
	const char *end;
	size_t		length;

	if (host == NULL)
		return pstrdup(url);
	end = host + 3 + strcspn(host + 3, "/?#");
	length = strlen(port);
	if (end - host > (ptrdiff_t) length && strncmp(end - length, port, length) == 0)
		return psprintf("%.*s%s", (int) (end - length - url), url, end);
	return psprintf("%.*s%s%s", (int) (end - url), url, port, end);
}

bool
prove_twilio(const Route *route, const char *secret, const InboundRequest *request)
{
	const char *setting = json_root_text(route->settings, "inbound_url");
	const char *url = setting == NULL ? request->url : encoding_to_utf8(setting);
	const char *signature = request->signature == NULL ? "" : request->signature;
	StringInfo	content = signed_content(request, url == NULL ? "" : url);
	bool		is_proven = is_signed(url == NULL ? "" : url, content, secret, signature);
	bool		is_proven_by_port = is_signed(with_other_port(url == NULL ? "" : url), content, secret, signature);

	return url != NULL && (is_proven || is_proven_by_port);
}

/* ---- the content ---- */

/* Of a message that Twilio took; its other states are followed by one of these. */
static const struct
{
	const char *status;
	bool		is_delivered;
}			final_states[] = {
	{"delivered", true},
	{"read", true},
	{"undelivered", false},
	{"failed", false}
};

static void
read_status(const char *status, const InboundRequest *request, InboundReport *report)
{
	report->kind = INBOUND_NOTHING;
	for (int i = 0; i < lengthof(final_states); i++)
		if (strcmp(final_states[i].status, status) == 0)
		{
			report->kind = report->id == NULL ? INBOUND_UNREADABLE : INBOUND_RECEIPT;
			report->is_delivered = final_states[i].is_delivered;
			report->code = inbound_value(request, "ErrorCode");
		}
}

/* A message that came in has the SmsStatus "received", and no MessageStatus. */
void
read_twilio_inbound(const Route *route, const InboundRequest *request, InboundReport *report)
{
	char	   *status = inbound_value(request, "MessageStatus");

	report->id = inbound_value(request, "MessageSid");
	if (report->id == NULL)
		report->id = inbound_value(request, "SmsSid");
	if (status != NULL)
	{
		read_status(status, request, report);
		return;
	}
	report->from = inbound_value(request, "From");
	report->to = inbound_value(request, "To");
	report->text = inbound_value(request, "Body");
	if (report->from != NULL && report->to != NULL && report->id != NULL)
		report->kind = INBOUND_TEXT;
}
