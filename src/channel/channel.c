/*
 * channel.c
 *		The table of the channels, and what they have in common: reading
 *		outcomes, cleaning what the log keeps, text and settings.
 *
 * A response is hostile text: it may be no valid text at all, hold NULs, echo
 * the secrets that were sent to it, or be long. What the log keeps of it is
 * valid in the server's encoding, masked and capped.
 */
#include "postgres.h"

#include <curl/curl.h>

#include "common/base64.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"

#include "channel/parts.h"

/* How much of a response the log keeps. */
#define LOGGED_RESPONSE_LENGTH 4096

#define MASK "********"

/*
 * Shorter secrets are none, and masking them would only garble the log; so are
 * shorter beginnings of one, cut off at the end of a text.
 */
#define SHORTEST_SECRET 4

typedef Request *(*ComposeFunction) (const Message *message, const Route *route,
									 ComposeFailure *failure);

/* Which kind of provider carries which channel, and how. */
static const struct
{
	ChannelCode channel;
	const char *kind;
	ComposeFunction compose;
}			channels[] = {
	{CHANNEL_EMAIL, "SMTP", compose_smtp_mail},
	{CHANNEL_WEBHOOK, "WEBHOOK", compose_webhook},
};

/* kind NULL: the first that carries it, whatever its kind. */
static ComposeFunction
find_channel(ChannelCode channel, const char *kind)
{
	for (int i = 0; i < lengthof(channels); i++)
	{
		if (channels[i].channel == channel &&
			(kind == NULL || strcmp(channels[i].kind, kind) == 0))
			return channels[i].compose;
	}
	return NULL;
}

bool
channel_is_available(ChannelCode channel, const char *provider_kind)
{
	return find_channel(channel, provider_kind) != NULL;
}

/* E.164: a plus sign and at most 15 digits, the first not 0. */
static bool
phone_number_is_valid(const char *number)
{
	size_t		digits;

	if (number[0] != '+' || number[1] < '1' || number[1] > '9')
		return false;
	digits = strspn(number + 1, "0123456789");
	return digits >= 7 && digits <= 15 && number[1 + digits] == '\0';
}

bool
channel_address_is_valid(ChannelCode channel, const char *address)
{
	char	   *utf8;

	if (address == NULL)
		return false;
	switch (channel)
	{
		case CHANNEL_EMAIL:
			utf8 = text_to_utf8(address);
			return utf8 != NULL && ascii_mail_address(utf8) != NULL;
		case CHANNEL_SMS:
			return phone_number_is_valid(address);
		case CHANNEL_WEBHOOK:
			return url_problem(address, false) == NULL;
	}
	return false;
}

Request *
channel_compose(const Message *message, const Route *route,
				Reason *reason, char **error)
{
	ComposeFunction compose = find_channel(message->channel, route->kind);
	ComposeFailure failure = {REASON_CHANNEL_NOT_AVAILABLE,
	"there is no way to send over this channel by this kind of provider"};
	Request    *request = compose ? compose(message, route, &failure) : NULL;

	if (request == NULL)
	{
		*reason = failure.reason;
		*error = pstrdup(failure.error);
	}
	return request;
}

/*
 * Text and settings.
 */

char *
text_to_utf8(const char *text)
{
	int			length = strlen(text);

	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
	{
		if (pg_encoding_verifymbstr(PG_UTF8, text, length) != length)
			return NULL;
		return unconstify(char *, text);
	}
	return pg_server_to_any(text, length, PG_UTF8);
}

/*
 * Outcomes.
 */

/* Foreign bytes as text of the server's encoding; what is no text becomes '?'. */
static char *
clean_text(const char *bytes)
{
	bool		keep_utf8 = GetDatabaseEncoding() == PG_UTF8 ||
		GetDatabaseEncoding() == PG_SQL_ASCII;
	char	   *text = pstrdup(bytes);
	char	   *end = text + strlen(text);
	char	   *at = text;

	while (at < end)
	{
		unsigned char byte = *at;
		int			length = pg_utf_mblen((unsigned char *) at);

		if (byte < 0x80)
		{
			if ((byte < ' ' && byte != '\n' && byte != '\t' && byte != '\r') || byte == 0x7f)
				*at = '?';
			at++;
		}
		else if (keep_utf8 && length <= end - at &&
				 pg_utf8_islegal((unsigned char *) at, length))
			at += length;
		else
			*at++ = '?';
	}
	return text;
}

/* Replace a secret wherever it stands, also its beginning at the very end. */
static char *
mask_secret(char *text, const char *secret)
{
	StringInfoData masked;
	size_t		length = secret ? strlen(secret) : 0;
	size_t		rest = strlen(text);

	if (length < SHORTEST_SECRET || rest == 0)
		return text;
	initStringInfo(&masked);
	while (rest > 0)
	{
		size_t		compared = Min(length, rest);

		if ((compared == length || compared >= SHORTEST_SECRET) &&
			memcmp(text, secret, compared) == 0)
		{
			appendStringInfoString(&masked, MASK);
			text += compared;
			rest -= compared;
		}
		else
		{
			appendStringInfoChar(&masked, *text++);
			rest--;
		}
	}
	return masked.data;
}

/* As it is, and as it would stand inside a JSON string. */
static char *
mask_in_all_forms(char *text, const char *secret)
{
	StringInfoData json;

	if (secret == NULL || secret[0] == '\0')
		return text;
	text = mask_secret(text, secret);
	initStringInfo(&json);
	escape_json(&json, secret);
	json.data[json.len - 1] = '\0';
	if (strcmp(json.data + 1, secret) != 0)
		text = mask_secret(text, json.data + 1);
	return text;
}

/* user:password in base64, as an echoed Authorization header shows it. */
static char *
basic_token(const char *username, const char *password)
{
	char	   *pair = psprintf("%s:%s", username, password);
	int			size = pg_b64_enc_len(strlen(pair)) + 1;
	char	   *token = palloc(size);
	int			length = pg_b64_encode(pair, strlen(pair), token, size - 1);

	token[Max(length, 0)] = '\0';
	return token;
}

/* URL-encoded, as token endpoints get it; the text itself if there is no memory for more. */
static char *
url_encoded(const char *text)
{
	char	   *encoded = curl_easy_escape(NULL, text, 0);
	char	   *copy = pstrdup(encoded ? encoded : text);

	curl_free(encoded);
	return copy;
}

static char *
mask_password(char *text, const Route *route)
{
	const char *username = route->username ? route->username : "";

	text = mask_in_all_forms(text, route->password);
	text = mask_secret(text, basic_token(username, route->password));
	if (route->auth == AUTH_OAUTH2)
	{
		char	   *encoded = url_encoded(route->password);

		text = mask_secret(text, encoded);
		text = mask_secret(text, basic_token(url_encoded(username), encoded));
	}
	return text;
}

static char *
mask_secrets(char *text, const Route *route)
{
	ListCell   *cell;

	if (route->password != NULL && route->password[0] != '\0')
		text = mask_password(text, route);
	foreach(cell, route->hmac_keys)
		text = mask_in_all_forms(text, lfirst(cell));
	foreach(cell, route->headers)
	{
		const Header *header = lfirst(cell);

		if (header->is_secret)
			text = mask_in_all_forms(text, header->value);
	}
	return text;
}

/* What the log may keep of foreign text; NULL stays NULL. */
static char *
loggable(const char *bytes, const Route *route)
{
	char	   *text;
	int			length;

	if (bytes == NULL || bytes[0] == '\0')
		return NULL;
	text = mask_secrets(clean_text(bytes), route);
	length = strlen(text);
	if (length > LOGGED_RESPONSE_LENGTH)
		text[pg_mbcliplen(text, length, LOGGED_RESPONSE_LENGTH)] = '\0';
	return text;
}

/* The same in one line. */
static char *
loggable_line(const char *bytes, const Route *route)
{
	char	   *text = loggable(bytes, route);

	for (char *c = text; c != NULL && *c != '\0'; c++)
	{
		if (*c == '\n' || *c == '\r' || *c == '\t')
			*c = ' ';
	}
	return text;
}

/* Retry-After: seconds or an HTTP date, in microseconds from the answer on. */
static TimeOffset
read_retry_after(const Response *response)
{
	const char *text = response->retry_after;
	size_t		digits;
	time_t		date;
	TimeOffset	offset;

	if (text == NULL || text[0] == '\0')
		return -1;
	digits = strspn(text, "0123456789");
	if (text[digits] == '\0')
		/* More than a year is as good as a year; the cap is below it. */
		return (digits > 8 ? 100000000 : strtol(text, NULL, 10)) * USECS_PER_SEC;
	date = digits > 0 || text[0] == '-' ? -1 : curl_getdate(text, NULL);
	if (date == -1)
		return -1;
	offset = time_t_to_timestamptz(date) - response->finished_at;
	return Max(offset, 0);
}

/* Answers after which trying again can't help (design: Failures). */
static bool
http_status_is_final(int status)
{
	return status == 400 || status == 401 || status == 403 || status == 404;
}

static OutcomeKind
outcome_kind(ChannelCode channel, const Response *response)
{
	int			status = response->status;
	bool		is_mail = channel == CHANNEL_EMAIL;

	if (response->refused_by_policy)
		return OUTCOME_REJECTED;
	if (response->token_refused)
		return http_status_is_final(status) ? OUTCOME_REJECTED : OUTCOME_FAILED;
	if (is_mail && status >= 500 && status <= 599)
		return OUTCOME_REJECTED;
	if (response->curl_result != CURLE_OK)
		return OUTCOME_FAILED;
	if (status >= 200 && status <= 299)
		return OUTCOME_DELIVERED;
	return !is_mail && http_status_is_final(status) ? OUTCOME_REJECTED : OUTCOME_FAILED;
}

Outcome
channel_read_outcome(const Message *message, const Route *route,
					 const Response *response)
{
	Outcome		outcome = {0};

	outcome.kind = outcome_kind(message->channel, response);
	outcome.status_code = response->status;
	outcome.response = loggable(response->body, route);
	outcome.retry_after = -1;
	if (outcome.kind == OUTCOME_DELIVERED)
		return outcome;

	outcome.retry_after = read_retry_after(response);
	if (response->error != NULL && response->error[0] != '\0')
		outcome.error = loggable_line(response->error, route);
	else
		outcome.error = psprintf(response->token_refused ?
								  "the token endpoint answered with HTTP status %d" :
								  "the receiver answered with HTTP status %d",
								  response->status);
	return outcome;
}
