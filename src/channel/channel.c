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

#include "mb/pg_wchar.h"

#include "channel/parts.h"
#include "core/encoding.h"

/* How much of a response the log keeps. */
#define LOGGED_RESPONSE_LENGTH 4096
#define LOGGED_ID_LENGTH 256

typedef Request *(*ComposeFunction) (const Message *message, const Route *route,
									 ComposeFailure *failure);

/* Which kind of provider carries which channel, and how. See parts.h. */
typedef struct ChannelKind
{
	ChannelCode channel;
	RequestProtocol protocol;
	const char *kind;
	bool		(*needs_secret) (const Route *route);	/* NULL: it never does */
	const char *(*problem) (const Route *route);	/* NULL: composing finds
													 * out */
	ComposeFunction compose;
	void		(*read_answer) (const Route *route, const Response *response,
								Outcome *outcome);	/* NULL: the status says
													 * it all */
} ChannelKind;

static bool
always_needs_secret(const Route *route)
{
	return true;
}

static const ChannelKind kinds[] = {
	{CHANNEL_EMAIL, REQUEST_SMTP, "SMTP", smtp_needs_secret,
	smtp_problem, compose_smtp_mail, read_smtp_answer},
	{CHANNEL_EMAIL, REQUEST_HTTP, "GENESYS_CLOUD", always_needs_secret,
	genesys_email_problem, compose_genesys_email, read_genesys_answer},
	{CHANNEL_SMS, REQUEST_HTTP, "TWILIO", always_needs_secret,
	twilio_problem, compose_twilio, read_twilio_answer},
	{CHANNEL_SMS, REQUEST_HTTP, "GENESYS_CLOUD", always_needs_secret,
	genesys_sms_problem, compose_genesys_sms, read_genesys_answer},
	{CHANNEL_SMS, REQUEST_HTTP, "HTTP", gateway_needs_secret,
	gateway_problem, compose_gateway, read_gateway_answer},
	{CHANNEL_WEBHOOK, REQUEST_HTTP, "WEBHOOK",.compose = compose_webhook},
};

/* kind NULL: the first that carries it, whatever its kind. */
static const ChannelKind *
find_kind(ChannelCode channel, const char *kind)
{
	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (kinds[i].channel == channel &&
			(kind == NULL || strcmp(kinds[i].kind, kind) == 0))
			return &kinds[i];
	}
	return NULL;
}

bool
channel_is_available(ChannelCode channel, const char *provider_kind)
{
	return find_kind(channel, provider_kind) != NULL;
}

const char *
channel_route_problem(ChannelCode channel, const Route *route)
{
	const ChannelKind *kind = find_kind(channel, route->kind);

	return kind != NULL && kind->problem != NULL ? kind->problem(route) : NULL;
}

bool
channel_needs_secret(ChannelCode channel, const Route *route)
{
	const ChannelKind *kind = find_kind(channel, route->kind);

	return kind != NULL && kind->needs_secret != NULL && kind->needs_secret(route);
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
			utf8 = encoding_to_utf8(address);
			return utf8 != NULL && ascii_mail_address(utf8) != NULL;
		case CHANNEL_SMS:
			return phone_number_is_valid(address);
		case CHANNEL_WEBHOOK:
			return url_problem(address, false) == NULL;
	}
	return false;
}

/* Is there something that forbids to compose anything at all? */
static bool
route_is_usable(const ChannelKind *kind, const Message *message, const Route *route,
				ComposeFailure *failure)
{
	failure->reason = REASON_CHANNEL_NOT_AVAILABLE;
	failure->error = "there is no way to send over this channel by this kind of provider";
	if (kind == NULL)
		return false;
	failure->reason = REASON_BAD_CONFIGURATION;
	failure->error = channel_route_problem(message->channel, route);
	if (failure->error == NULL && (route->password == NULL || route->password[0] == '\0') &&
		channel_needs_secret(message->channel, route))
		failure->error = "the provider's secret is not stored";
	return failure->error == NULL;
}

Request *
channel_compose(const Message *message, const Route *route,
				Reason *reason, char **error)
{
	const ChannelKind *kind = find_kind(message->channel, route->kind);
	ComposeFailure failure;
	ComposeFunction compose = route_is_usable(kind, message, route, &failure) ? kind->compose : NULL;
	Request    *request = compose ? compose(message, route, &failure) : NULL;

	if (request == NULL)
	{
		*reason = failure.reason;
		*error = pstrdup(failure.error);
	}
	return request;
}

/*
 * Outcomes.
 */

/* Make foreign bytes text of the server's encoding; what is no text becomes '?'. */
static void
clean_text(char *text)
{
	bool		keep_utf8 = GetDatabaseEncoding() == PG_UTF8 ||
	GetDatabaseEncoding() == PG_SQL_ASCII;
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
}

static List *
add_secret(List *secrets, const char *secret)
{
	const char *utf8 = secret == NULL || secret[0] == '\0' ? NULL : encoding_to_utf8(secret);

	return utf8 == NULL ? secrets : lappend(secrets, unconstify(char *, utf8));
}

/* Of "Bearer xyz" some say only what follows the scheme. */
static List *
add_header_secret(List *secrets, const char *value)
{
	const char *blank = value == NULL ? NULL : strchr(value, ' ');

	secrets = add_secret(secrets, value);
	return blank == NULL ? secrets : add_secret(secrets, blank + 1);
}

/* All that the other side was told and nobody else is to know. */
static List *
secrets_of(const Route *route, const Response *response)
{
	List	   *secrets = add_secret(NIL, route->password);
	ListCell   *cell;

	/* It came from outside, in UTF-8. */
	if (response->token != NULL && response->token[0] != '\0')
		secrets = lappend(secrets, unconstify(char *, response->token));

	foreach(cell, route->hmac_keys)
		secrets = add_secret(secrets, lfirst(cell));
	foreach(cell, route->headers)
	{
		const Header *header = lfirst(cell);

		if (header->is_secret)
			secrets = add_header_secret(secrets, header->value);
	}
	return secrets;
}

/* What the log may keep of foreign text; NULL stays NULL. */
static char *
loggable(const char *bytes, bool is_whole, List *secrets, int longest)
{
	char	   *text;
	int			length;

	if (bytes == NULL || bytes[0] == '\0')
		return NULL;
	text = mask_secrets(bytes, secrets, is_whole);
	clean_text(text);
	length = strlen(text);
	if (length > longest)
		text[pg_mbcliplen(text, length, longest)] = '\0';
	return text;
}

/* The same in one line. */
static char *
loggable_line(const char *bytes, bool is_whole, List *secrets, int longest)
{
	char	   *text = loggable(bytes, is_whole, secrets, longest);

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

/* After these answers trying again can't help (design: Failures). */
OutcomeKind
failed_kind(int status)
{
	return status == 400 || status == 401 || status == 403 || status == 404 ?
		OUTCOME_REJECTED : OUTCOME_FAILED;
}

static OutcomeKind
outcome_kind(RequestProtocol protocol, const Response *response)
{
	int			status = response->status;
	bool		is_smtp = protocol == REQUEST_SMTP;

	if (response->refused_by_policy)
		return OUTCOME_REJECTED;
	if (response->token_refused)
		return failed_kind(status);
	if (is_smtp && status >= 500 && status <= 599)
		return OUTCOME_REJECTED;
	if (response->curl_result != CURLE_OK)
		return OUTCOME_FAILED;
	if (status >= 200 && status <= 299)
		return OUTCOME_DELIVERED;
	return is_smtp ? OUTCOME_FAILED : failed_kind(status);
}

/* The answer is whole, and the receiver's. */
static bool
is_answered(const Response *response)
{
	return response->curl_result == CURLE_OK && !response->token_refused &&
		!response->refused_by_policy;
}

/* One-time codes stand in no log: nothing is kept of an answer that may repeat the words. */
static bool
may_be_quoted(const Message *message, const Response *response)
{
	return message->type != TYPE_CODE || response->status == 0;
}

/* That there was an answer, and which, without a word of it. */
static char *
describe_status(RequestProtocol protocol, const Response *response)
{
	return psprintf("%s answered with %s %d",
					response->token_refused ? "the token endpoint" : "the receiver",
					protocol == REQUEST_SMTP ? "status" : "HTTP status", response->status);
}

/* What went wrong, for the server's log. Of a mail that was refused the transfer quotes the answer. */
static char *
describe_cause(RequestProtocol protocol, const Response *response, List *secrets)
{
	bool		is_quoting = protocol == REQUEST_SMTP && response->status > 0;

	if (is_quoting || response->error == NULL || response->error[0] == '\0')
		return describe_status(protocol, response);
	return loggable_line(response->error, false, secrets, LOGGED_RESPONSE_LENGTH);
}

/* What went wrong, for people, in one line; `told` is what the answer says itself. */
static char *
describe_failure(const char *told, RequestProtocol protocol, const Message *message,
				 const Response *response, List *secrets)
{
	bool		is_quoted = may_be_quoted(message, response);

	/* What the transfer says is why there is no answer, or none that is good. */
	if (is_quoted && response->error != NULL && response->error[0] != '\0')
		return loggable_line(response->error, false, secrets, LOGGED_RESPONSE_LENGTH);
	if (is_quoted && told != NULL && told[0] != '\0')
		return loggable_line(told, true, secrets, LOGGED_RESPONSE_LENGTH);
	return describe_status(protocol, response);
}

Outcome
channel_status_outcome(const Message *message, const Route *route, const Response *response)
{
	const ChannelKind *kind = find_kind(message->channel, route->kind);

	return (Outcome) {
		.kind = outcome_kind(kind ? kind->protocol : REQUEST_HTTP, response),
		.status_code = response->status,
		.retry_after = -1
	};
}

Outcome
channel_read_outcome(const Message *message, const Route *route,
					 const Response *response)
{
	const ChannelKind *kind = find_kind(message->channel, route->kind);
	RequestProtocol protocol = kind ? kind->protocol : REQUEST_HTTP;
	List	   *secrets = secrets_of(route, response);
	Outcome		outcome = channel_status_outcome(message, route, response);

	if (kind != NULL && kind->read_answer != NULL && is_answered(response))
		kind->read_answer(route, response, &outcome);
	if (outcome.kind == OUTCOME_REJECTED)
		outcome.final = response->refused_by_policy ? REASON_ADDRESS_NOT_ALLOWED : REASON_REJECTED;
	if (may_be_quoted(message, response))
		outcome.response = loggable(response->body, false, secrets, LOGGED_RESPONSE_LENGTH);
	outcome.provider_message_id = loggable_line(outcome.provider_message_id, true, secrets,
												LOGGED_ID_LENGTH);
	if (outcome.kind == OUTCOME_DELIVERED)
		outcome.error = NULL;
	else
	{
		outcome.error = describe_failure(outcome.error, protocol, message, response, secrets);
		outcome.cause = describe_cause(protocol, response, secrets);
		outcome.retry_after = read_retry_after(response);
	}
	return outcome;
}
