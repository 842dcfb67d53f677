/*
 * webhook.c
 *		The WEBHOOK channel: a signed POST of {"id","type","payload","timestamp"}.
 *
 * The body is composed once for each attempt and stored with it. Signatures are
 * of what the stored body contains: the payload is read back from it, by the
 * inverse of the function that wrote it. A body that webhook_body() did not
 * write is not sent.
 *
 * Subscriptions and appointments can add headers, but none that appt itself sets
 * (signatures, ids), none that frame an HTTP message, and no Authorization if the
 * subscription has an authentication. If both set the same header, the
 * subscription's is sent, because an administrator set it.
 */
#include "postgres.h"

#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#include "channel/header.h"
#include "channel/http.h"
#include "channel/signature.h"
#include "channel/url.h"
#include "channel/webhook.h"
#include "core/encoding.h"
#include "core/json.h"
#include "core/text.h"

#define PAYLOAD_KEY "\"payload\":\""

char *
webhook_body(const pg_uuid_t *uid, NotificationType type, const char *payload,
			 TimestampTz timestamp)
{
	StringInfoData body;

	initStringInfo(&body);
	appendStringInfo(&body, "{\"id\":\"%s\",\"type\":\"%s\",\"payload\":",
					 uuid_text(uid), notification_types[type].code);
	json_append_text(&body, payload);
	appendStringInfoString(&body, ",\"timestamp\":\"");
	append_timestamp(&body, timestamp, MILLISECONDS);
	appendStringInfoString(&body, "\"}");
	return (char *) repalloc(body.data, body.len + 1);
}

/* Decode what json_append_text() wrote after a backslash, and advance *at; -1: it wrote no such thing. */
static int
unescape(const char **at)
{
	static const char escaped[] = "bfnrt\"\\";
	static const char plain[] = "\b\f\n\r\t\"\\";
	const char *found;
	unsigned int code;

	if (**at == 'u' && strspn(*at + 1, "0123456789abcdefABCDEF") >= 4 &&
		sscanf(*at + 1, "%4x", &code) == 1 && code > 0 && code < 0x20)
	{
		*at += 5;
		return code;
	}
	found = **at == '\0' ? NULL : strchr(escaped, **at);
	if (found == NULL)
		return -1;
	(*at)++;
	return plain[found - escaped];
}

char *
webhook_payload(const char *body)
{
	const char *at = strstr(body, PAYLOAD_KEY);
	char	   *payload;
	char	   *end;

	if (at == NULL)
		return NULL;
	at += strlen(PAYLOAD_KEY);
	payload = end = palloc(strlen(at) + 1);
	while (*at != '"')
	{
		if (*at == '\0')
			return NULL;
		if (*at == '\\')
		{
			int			character;

			at++;
			character = unescape(&at);
			if (character < 0)
				return NULL;
			*end++ = character;
		}
		else
			*end++ = *at++;
	}
	*end = '\0';
	return payload;
}

typedef char *(*SignFunction) (const char *key, const char *content);

/*
 * Append a header of the signatures by these keys, separated by blanks, if there
 * are any. False: a key is malformed.
 */
static bool
add_signature(List **lines, const char *name, SignFunction sign, const char *content, List *keys)
{
	StringInfoData line;
	ListCell   *cell;

	initStringInfo(&line);
	appendStringInfo(&line, "%s:", name);
	foreach(cell, keys)
	{
		char	   *key = encoding_to_utf8(lfirst(cell));
		char	   *signature = key ? sign(key, content) : NULL;

		if (signature == NULL)
			return false;
		appendStringInfo(&line, " %s", signature);
	}
	if (keys != NIL)
		*lines = lappend(*lines, line.data);
	return true;
}

/*
 * The first key is the newest; older ones sign, too, until they expire, so that a
 * receiver can replace its key without a gap. The header of Standard Webhooks takes
 * several signatures. x-signature has only the newest key's, x-signature-previous
 * those of the others.
 */
static bool
sign_by_all(List **lines, List *keys, const char *payload, const char *signed_content)
{
	return keys == NIL ||
		(add_signature(lines, "x-signature", hex_signature, payload, list_make1(linitial(keys))) &&
		 add_signature(lines, "x-signature-previous", hex_signature, payload, list_copy_tail(keys, 1)) &&
		 add_signature(lines, "webhook-signature", standard_signature, signed_content, keys));
}

/* x-signature, x-signature-previous, and the three headers of Standard Webhooks. */
static bool
add_signatures(List **lines, const Message *message, const Route *route,
			   const char *body, ComposeFailure *failure)
{
	char	   *id = uuid_text(&message->uid);
	char	   *payload = webhook_payload(body);
	char	   *signed_content;
	bool		is_signed;
	int64		seconds = (message->timestamp / USECS_PER_SEC) +
	(int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;

	if (payload == NULL)
		return compose_failed(failure, REASON_TEMPLATE_ERROR, "the webhook's body has no payload");
	*lines = lappend(*lines, psprintf("webhook-id: %s", id));
	*lines = lappend(*lines, psprintf("webhook-timestamp: " INT64_FORMAT, seconds));
	signed_content = psprintf("%s." INT64_FORMAT ".%s", id, seconds, body);
	is_signed = sign_by_all(lines, route->hmac_keys, payload, signed_content);
	/* Large copies of the message that would live as long as the request. */
	pfree(signed_content);
	pfree(payload);
	if (is_signed)
		return true;
	return compose_failed(failure, REASON_BAD_CONFIGURATION, "the subscription's key is not usable");
}

/* Scope and audience were checked when they were stored, and are escaped in the form. */
static bool
set_token(Request *request, const Route *route, ComposeFailure *failure)
{
	char	   *audience;

	if (!encoding_optional_to_utf8(route->token_audience, &audience))
		return compose_failed(failure, REASON_BAD_CONFIGURATION,
							  "the subscription's audience is not valid text");
	request->token_audience = audience;
	request->token_scope = route->token_scope;
	request->client_in_body = route->client_in_body;
	return set_client_credentials(request, route, route->token_url, failure);
}

static bool
set_authentication(Request *request, const Route *route, ComposeFailure *failure)
{
	switch (route->auth)
	{
		case AUTH_NONE:
			return true;
		case AUTH_BASIC:
			return set_basic_authentication(request, route, failure);
		case AUTH_OAUTH2:
			return set_token(request, route, failure);
	}
	return true;
}

/* An appointment's headers must not replace the subscription's authentication. */
static List *
without_authorization(List *lines)
{
	ListCell   *cell;

	foreach(cell, lines)
	{
		if (has_header(list_make1(lfirst(cell)), "authorization"))
			lines = foreach_delete_current(lines, cell);
	}
	return lines;
}

static Request *
compose_webhook(const Message *message, const Route *route,
				ComposeFailure *failure)
{
	Request    *request = palloc0(sizeof(Request));
	char	   *body = message->text_body ? encoding_to_utf8(message->text_body) : NULL;
	const char *problem = url_problem(route->url, false);
	List	   *lines = NIL;

	if (problem != NULL || body == NULL)
	{
		failure->reason = problem ? REASON_BAD_CONFIGURATION : REASON_TEMPLATE_ERROR;
		failure->error = problem ? problem : "the webhook's body is not valid text";
		return NULL;
	}
	request->protocol = REQUEST_HTTP;
	request->url = route->url;
	request->body = body;
	request->body_length = strlen(body);
	if (!set_authentication(request, route, failure) ||
		!add_signatures(&lines, message, route, body, failure) ||
		!add_headers(&lines, route->headers, failure) ||
		!add_headers(&lines, message->headers, failure))
		return NULL;
	if (route->auth != AUTH_NONE)
		lines = without_authorization(lines);
	if (!has_header(lines, "content-type"))
		lines = lappend(lines, "content-type: application/json");
	if (!has_header(lines, "user-agent"))
		lines = lappend(lines, USER_AGENT_HEADER);
	request->headers = lines;
	return request;
}

const ChannelKind webhook = {
	.channel = CHANNEL_WEBHOOK,
	.protocol = REQUEST_HTTP,
	.name = "WEBHOOK",
	.compose = compose_webhook
};
