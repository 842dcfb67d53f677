/*
 * webhook.c
 *		The WEBHOOK channel: a signed POST of {"id","type","payload","timestamp"}.
 *
 * The body is composed once an attempt and stored with it, so what is signed
 * is what the body holds: the payload is read back from it, by the inverse of
 * what wrote it. A body that webhook_body() did not write is not sent.
 *
 * appt's own headers (signatures, ids) and those that frame an HTTP message
 * can't be set by a subscription or an appointment. Where both name the same
 * header the subscription's holds, since an administrator set it.
 */
#include "postgres.h"

#include <curl/curl.h>

#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/uuid.h"

#include "channel/parts.h"

/* Longer URLs are refused by many servers anyway. */
#define MAX_URL_LENGTH 2000
#define MAX_HEADER_LENGTH 4096

#define PAYLOAD_KEY "\"payload\":\""

/* Headers that only appt or libcurl may set. */
static const char *const reserved_headers[] = {
	"connection", "content-length", "expect", "host", "keep-alive",
	"proxy-authorization", "proxy-connection", "te", "trailer",
	"transfer-encoding", "upgrade", "webhook-id", "webhook-signature",
	"webhook-timestamp", "x-signature"
};

static char *
uuid_text(const pg_uuid_t *uuid)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(uuid)));
}

/* ISO 8601 in UTC, to the millisecond. */
static void
append_timestamp(StringInfo text, TimestampTz timestamp)
{
	struct pg_tm fields;
	fsec_t		microseconds;

	if (timestamp2tm(timestamp, NULL, &fields, &microseconds, NULL, NULL) != 0)
		memset(&fields, 0, sizeof(fields));
	appendStringInfo(text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
					 fields.tm_year, fields.tm_mon, fields.tm_mday,
					 fields.tm_hour, fields.tm_min, fields.tm_sec,
					 (int) (microseconds / 1000));
}

char *
webhook_body(const pg_uuid_t *uid, NotificationType type, const char *payload,
			 TimestampTz timestamp)
{
	StringInfoData body;

	initStringInfo(&body);
	appendStringInfo(&body, "{\"id\":\"%s\",\"type\":\"%s\",\"payload\":",
					 uuid_text(uid), notification_types[type].code);
	escape_json(&body, payload);
	appendStringInfoString(&body, ",\"timestamp\":\"");
	append_timestamp(&body, timestamp);
	appendStringInfoString(&body, "\"}");
	return body.data;
}

/* The character that escape_json() wrote as \x, or -1. */
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

bool
is_one_line(const char *text)
{
	for (; *text != '\0'; text++)
	{
		unsigned char byte = *text;

		if ((byte < ' ' && byte != '\t') || byte == 0x7f)
			return false;
	}
	return true;
}

const char *
header_problem(const char *name, const char *value)
{
	if (name == NULL || name[0] == '\0' ||
		strspn(name, "!#$%&'*+-.^_`|~0123456789"
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(name))
		return "a header's name must consist of letters, digits and !#$%&'*+-.^_`|~";
	for (int i = 0; i < lengthof(reserved_headers); i++)
	{
		if (pg_strcasecmp(name, reserved_headers[i]) == 0)
			return "this header is set by appt itself";
	}
	if (value == NULL || !is_one_line(value))
		return "a header's value must not contain line breaks or other control characters";
	if (strlen(name) + strlen(value) > MAX_HEADER_LENGTH)
		return "a header must not be longer than 4096 bytes";
	return NULL;
}

/* Only what no parser reads in two ways: printable ASCII, nothing quoted. */
static bool
url_is_plain(const char *url)
{
	for (; *url != '\0'; url++)
	{
		unsigned char byte = *url;

		if (byte <= ' ' || byte >= 0x7f || strchr("<>\"\\^`{|}", byte) != NULL)
			return false;
	}
	return true;
}

/* Behind a mail server's address may stand the name to greet it with (EHLO), where libcurl would decode %0d%0a. */
static bool
is_greeting_name(const char *url)
{
	const char *name = strchr(strstr(url, "://") + 3, '/');

	return name == NULL ||
		strspn(name + 1, ".-:[]0123456789"
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(name + 1);
}

/* What libcurl's parser finds wrong with it. */
static const char *
parsed_url_problem(CURLU *parsed, const char *url, bool smtp)
{
	char	   *part = NULL;
	bool		is_known;
	bool		is_short;

	if (curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		return "the URL is not well formed";
	if (curl_url_get(parsed, CURLUPART_SCHEME, &part, 0) != CURLUE_OK)
		return "the URL has no scheme";
	is_known = smtp ? strcmp(part, "smtp") == 0 || strcmp(part, "smtps") == 0
		: strcmp(part, "http") == 0 || strcmp(part, "https") == 0;
	curl_free(part);
	if (!is_known)
		return smtp ? "the URL must start with smtp:// or smtps://"
			: "the URL must start with http:// or https://";

	part = NULL;
	if (curl_url_get(parsed, CURLUPART_HOST, &part, 0) != CURLUE_OK)
		return "the URL has no host";
	is_short = part[0] != '\0' && strlen(part) <= 253;
	curl_free(part);
	if (!is_short)
		return "the URL's host is empty or too long";

	part = NULL;
	if (curl_url_get(parsed, CURLUPART_USER, &part, 0) == CURLUE_OK ||
		curl_url_get(parsed, CURLUPART_PASSWORD, &part, 0) == CURLUE_OK)
	{
		curl_free(part);
		return "the URL must not contain a user name or password";
	}
	return NULL;
}

const char *
url_problem(const char *url, bool smtp)
{
	CURLU	   *parsed;
	const char *problem;

	if (url == NULL || url[0] == '\0')
		return "the URL is empty";
	if (strlen(url) > MAX_URL_LENGTH)
		return "the URL is longer than 2000 bytes";
	if (!url_is_plain(url))
		return "the URL must consist of printable ASCII characters without spaces, quotes, brackets < > { } and \\ ^ ` |";
	if (strstr(url, "://") == NULL)
		return "the URL has no scheme";
	/* libcurl forgives one slash too many. */
	if (strstr(url, ":///") != NULL)
		return "the URL has no host";
	if (smtp && (strpbrk(url, "?#") != NULL || !is_greeting_name(url)))
		return "what follows the mail server's host must be the name to greet it with: letters, digits, dots and hyphens";
	parsed = curl_url();
	if (parsed == NULL)
		return "the URL could not be checked for want of memory";
	problem = parsed_url_problem(parsed, url, smtp);
	curl_url_cleanup(parsed);
	return problem;
}

/* Both have this part, and the same. */
static bool
is_same_part(CURLU *one, CURLU *other, CURLUPart part)
{
	char	   *of_one = NULL;
	char	   *of_other = NULL;
	bool		is_same;

	(void) curl_url_get(one, part, &of_one, CURLU_DEFAULT_PORT);
	(void) curl_url_get(other, part, &of_other, CURLU_DEFAULT_PORT);
	is_same = of_one != NULL && of_other != NULL && pg_strcasecmp(of_one, of_other) == 0;
	curl_free(of_one);
	curl_free(of_other);
	return is_same;
}

bool
url_has_same_origin(const char *one, const char *other)
{
	CURLU	   *parsed_one = curl_url();
	CURLU	   *parsed_other = curl_url();
	bool		is_same;

	is_same = parsed_one != NULL && parsed_other != NULL &&
		curl_url_set(parsed_one, CURLUPART_URL, one, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
		curl_url_set(parsed_other, CURLUPART_URL, other, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
		is_same_part(parsed_one, parsed_other, CURLUPART_SCHEME) &&
		is_same_part(parsed_one, parsed_other, CURLUPART_HOST) &&
		is_same_part(parsed_one, parsed_other, CURLUPART_PORT);
	curl_url_cleanup(parsed_one);
	curl_url_cleanup(parsed_other);
	return is_same;
}

/* Is there a header of this name in a list of "Name: value" already? */
static bool
has_header(List *lines, const char *name)
{
	ListCell   *cell;
	size_t		length = strlen(name);

	foreach(cell, lines)
	{
		const char *line = lfirst(cell);

		if (pg_strncasecmp(line, name, length) == 0 &&
			(line[length] == ':' || line[length] == ';'))
			return true;
	}
	return false;
}

/* libcurl takes "Name:" for the wish to send no such header. */
static char *
header_line(const char *name, const char *value)
{
	if (value[strspn(value, " \t")] == '\0')
		return psprintf("%s;", name);
	return psprintf("%s: %s", name, value);
}

/* Add headers of a list, but none that is there already. */
static bool
add_headers(List **lines, List *headers, ComposeFailure *failure)
{
	ListCell   *cell;

	foreach(cell, headers)
	{
		const Header *header = lfirst(cell);
		const char *problem = header->value == NULL ? "the value of a secret header is not stored"
			: header_problem(header->name, header->value);
		char	   *value = problem ? NULL : text_to_utf8(header->value);

		if (value == NULL)
		{
			failure->reason = REASON_BAD_CONFIGURATION;
			failure->error = problem ? problem : "a header's value is not valid text";
			return false;
		}
		if (!has_header(*lines, header->name))
			*lines = lappend(*lines, header_line(header->name, value));
	}
	return true;
}

/* webhook-signature: one signature for each key, the newest key's first. */
static char *
standard_signatures(const char *signed_content, List *keys)
{
	StringInfoData signatures;
	ListCell   *cell;

	initStringInfo(&signatures);
	foreach(cell, keys)
	{
		char	   *key = text_to_utf8(lfirst(cell));
		char	   *signature = key ? standard_signature(key, signed_content) : NULL;

		if (signature == NULL)
			return NULL;
		if (signatures.len > 0)
			appendStringInfoChar(&signatures, ' ');
		appendStringInfoString(&signatures, signature);
	}
	return signatures.data;
}

/* x-signature and the three headers of Standard Webhooks. */
static bool
add_signatures(List **lines, const Message *message, const Route *route,
			   const char *body, ComposeFailure *failure)
{
	char	   *id = uuid_text(&message->uid);
	char	   *payload = webhook_payload(body);
	int64		seconds = (message->timestamp / USECS_PER_SEC) +
		(int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	char	   *key;
	char	   *signature;

	if (payload == NULL)
	{
		failure->reason = REASON_TEMPLATE_ERROR;
		failure->error = "the webhook's body has no payload";
		return false;
	}
	*lines = lappend(*lines, psprintf("webhook-id: %s", id));
	*lines = lappend(*lines, psprintf("webhook-timestamp: " INT64_FORMAT, seconds));
	if (route->hmac_keys == NIL)
		return true;

	key = text_to_utf8(linitial(route->hmac_keys));
	signature = key ? hex_signature(key, payload) : NULL;
	if (signature != NULL)
	{
		*lines = lappend(*lines, psprintf("x-signature: %s", signature));
		signature = standard_signatures(psprintf("%s." INT64_FORMAT ".%s", id, seconds, body),
										route->hmac_keys);
	}
	if (signature == NULL)
	{
		failure->reason = REASON_BAD_CONFIGURATION;
		failure->error = "the subscription's key is not usable";
		return false;
	}
	*lines = lappend(*lines, psprintf("webhook-signature: %s", signature));
	return true;
}

static bool
set_authentication(Request *request, const Route *route, ComposeFailure *failure)
{
	const char *problem = NULL;

	if (route->auth == AUTH_NONE)
		return true;
	request->username = route->username ? route->username : "";
	request->password = route->password ? route->password : "";
	if (route->auth == AUTH_OAUTH2)
	{
		request->token_url = route->token_url;
		problem = url_problem(route->token_url, false);
	}
	else if (strchr(request->username, ':') != NULL)
		problem = "the user name must not contain a colon";
	if (!is_one_line(request->username) || !is_one_line(request->password))
		problem = "user name and password must not contain control characters";
	if (problem == NULL)
		return true;
	failure->reason = REASON_BAD_CONFIGURATION;
	failure->error = problem;
	return false;
}

Request *
compose_webhook(const Message *message, const Route *route,
				ComposeFailure *failure)
{
	Request    *request = palloc0(sizeof(Request));
	char	   *body = message->text_body ? text_to_utf8(message->text_body) : NULL;
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
	if (!has_header(lines, "content-type"))
		lines = lappend(lines, "content-type: application/json");
	if (!has_header(lines, "user-agent"))
		lines = lappend(lines, "user-agent: appt/1.0");
	request->headers = lines;
	return request;
}
