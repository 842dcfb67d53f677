/*
 * outcome.c
 *		What a response means for its message.
 */
#include "postgres.h"

#include <curl/curl.h>

#include "channel/loggable.h"
#include "channel/outcome.h"

/* How much of a response the log keeps. */
#define LOGGED_RESPONSE_LENGTH 4096
#define LOGGED_ID_LENGTH 256

/* Retry-After, seconds or an HTTP date, as microseconds from the answer on; -1: none. */
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

		/*
		 * Longer numbers might overflow; retries are capped far below this
		 * anyway.
		 */
		return (digits > 8 ? 100000000 : strtol(text, NULL, 10)) * USECS_PER_SEC;
	date = digits > 0 || text[0] == '-' ? -1 : curl_getdate(text, NULL);

	if (date == -1)
		return -1;
	offset = time_t_to_timestamptz(date) - response->finished_at;
	return Max(offset, 0);
}

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

/* Is this a complete answer of the receiver? */
static bool
is_answered(const Response *response)
{
	return response->curl_result == CURLE_OK && !response->token_refused &&
		!response->refused_by_policy;
}

/* An answer may repeat the message. One-time codes must not get into the log. */
static bool
may_be_quoted(const Message *message, const Response *response)
{
	return !notification_types[message->type].has_code || response->status == 0;
}

/* The answer's status without its words. */
static char *
describe_status(RequestProtocol protocol, const Response *response)
{
	return psprintf("%s answered with %s %d",
					response->token_refused ? "the token endpoint" : "the receiver",
					protocol == REQUEST_SMTP ? "status" : "HTTP status", response->status);
}

/* What went wrong, for the server's log, without words of the answer: a refused mail's error quotes them. */
static char *
describe_cause(RequestProtocol protocol, const Response *response, List *secrets)
{
	bool		is_quoting = protocol == REQUEST_SMTP && response->status > 0;

	if (is_quoting || response->error == NULL || response->error[0] == '\0')
		return describe_status(protocol, response);
	return loggable_line(response->error, false, secrets, LOGGED_RESPONSE_LENGTH);
}

/* What went wrong, for people, in one line; `told` is what read_answer found, or NULL. */
static char *
describe_failure(const char *told, RequestProtocol protocol, const Message *message,
				 const Response *response, List *secrets)
{
	bool		is_quoted = may_be_quoted(message, response);

	/* An error of the transfer explains why there is no usable answer. */
	if (is_quoted && response->error != NULL && response->error[0] != '\0')
		return loggable_line(response->error, false, secrets, LOGGED_RESPONSE_LENGTH);
	if (is_quoted && told != NULL && told[0] != '\0')
		return loggable_line(told, true, secrets, LOGGED_RESPONSE_LENGTH);
	return describe_status(protocol, response);
}

/*
 * Does a mail server say that there is no such mailbox (RFC 3463: bad destination
 * mailbox address; RFC 7505: no mail is taken for the domain)? Only if it says so by
 * its code, to RCPT: a server refuses with 550 for many other reasons, too.
 */
static bool
tells_no_mailbox(const Response *response)
{
	static const char *const codes[] = {"5.1.1", "5.1.10"};
	const char *text = response->body;

	if (!response->recipient_refused || response->status != 550 || text == NULL ||
		strncmp(text, "550", 3) != 0 || (text[3] != ' ' && text[3] != '-'))
		return false;
	for (int i = 0; i < lengthof(codes); i++)
	{
		size_t		length = strlen(codes[i]);

		if (strncmp(text + 4, codes[i], length) == 0 && (text[4 + length] == ' ' || text[4 + length] == '\0'))
			return true;
	}
	return false;
}

Outcome
outcome_of_status(RequestProtocol protocol, const Response *response)
{
	Outcome		outcome = {0};

	outcome.kind = outcome_kind(protocol, response);
	outcome.status_code = response->status;
	outcome.retry_after = -1;
	outcome.has_no_mailbox = protocol == REQUEST_SMTP && tells_no_mailbox(response);
	return outcome;
}

Outcome
outcome_of_response(RequestProtocol protocol, ReadAnswerFunction read_answer,
					const Message *message, const Route *route, const Response *response)
{
	List	   *secrets = secrets_to_mask(message, route, response);
	Outcome		outcome = outcome_of_status(protocol, response);

	if (read_answer != NULL && is_answered(response))
		read_answer(route, response, &outcome);
	if (outcome.kind == OUTCOME_REJECTED)
		outcome.final = response->refused_by_policy ? REASON_ADDRESS_NOT_ALLOWED : REASON_REJECTED;
	if (may_be_quoted(message, response))
		outcome.response = loggable_text(response->body, false, secrets, LOGGED_RESPONSE_LENGTH);
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
