/*
 * smtp.c
 *		EMAIL by an SMTP server: an RFC 5322 message in one buffer.
 *
 * A login is by user name and password, or, with the setting token_url, by an
 * OAuth2 token (XOAUTH2): the password is the OAuth2 client's secret then.
 */
#include "postgres.h"

#include "channel/email.h"
#include "channel/mime.h"
#include "channel/queue_id.h"
#include "channel/smtp.h"
#include "channel/url.h"
#include "core/encoding.h"
#include "core/json.h"
#include "core/text.h"

/* Text only, or alternatives: readers show the last one that they support. */
static void
append_bodies(StringInfo buffer, const MailParts *parts)
{
	if (parts->html_body == NULL && parts->calendar == NULL)
	{
		append_part(buffer, "plain; charset=UTF-8", parts->text_body);
		return;
	}
	begin_multipart(buffer, "alternative", "b", parts->uid);
	next_part(buffer, "b", parts->uid);
	append_part(buffer, "plain; charset=UTF-8", parts->text_body);
	if (parts->html_body != NULL)
	{
		next_part(buffer, "b", parts->uid);
		append_part(buffer, "html; charset=UTF-8", parts->html_body);
	}
	if (parts->calendar != NULL)
	{
		next_part(buffer, "b", parts->uid);
		append_part(buffer, psprintf("calendar; charset=UTF-8; method=%s", parts->calendar_method),
					parts->calendar);
	}
	end_multipart(buffer, "b", parts->uid);
}

/*
 * The bodies, and the calendar file again as an attachment. Both are needed.
 * Outlook and Gmail show an invitation for the last alternative if its type is
 * text/calendar, its method that of the file (RFC 6047), and it has no
 * disposition. Other readers support only attachments; this one has another type
 * so that it is not shown as a second invitation. Google's invitations are built
 * like this.
 */
static void
append_content(StringInfo buffer, const MailParts *parts)
{
	if (parts->calendar == NULL)
	{
		append_bodies(buffer, parts);
		return;
	}
	begin_multipart(buffer, "mixed", "a", parts->uid);
	next_part(buffer, "a", parts->uid);
	append_bodies(buffer, parts);
	next_part(buffer, "a", parts->uid);
	appendStringInfoString(buffer,
						   "Content-Type: application/ics; name=\"invite.ics\"\r\n"
						   "Content-Disposition: attachment; filename=\"invite.ics\"\r\n"
						   "Content-Transfer-Encoding: base64\r\n\r\n");
	append_base64(buffer, parts->calendar);
	end_multipart(buffer, "a", parts->uid);
}

/*
 * The messages of a thread refer to the same message, which nobody has: so mail programs show them together, whichever of
 * them arrive, and in which order.
 */
static void
append_ids(StringInfo buffer, const MailParts *parts)
{
	const char *domain = strrchr(parts->sender_address, '@') + 1;

	appendStringInfo(buffer, "Message-ID: <%s@%s>\r\n", parts->uid, domain);
	if (parts->thread != NULL)
		appendStringInfo(buffer, "References: <%s@%s>\r\n", parts->thread, domain);
	if (parts->feedback_id != NULL)
		appendStringInfo(buffer, "Feedback-ID: %s\r\n", parts->feedback_id);
}

static void
append_message(StringInfo buffer, const MailParts *parts, TimestampTz timestamp)
{
	append_mailbox_header(buffer, "From", parts->sender_name, parts->sender_address);
	append_mailbox_header(buffer, "To", parts->recipient_name, parts->recipient_address);
	if (parts->reply_to_address != NULL)
		append_mailbox_header(buffer, "Reply-To", parts->reply_to_name,
							  parts->reply_to_address);
	append_text_header(buffer, "Subject", parts->subject);
	append_date_header(buffer, timestamp);
	append_ids(buffer, parts);
	if (parts->list_unsubscribe != NULL)
		appendStringInfo(buffer, "List-Unsubscribe: <%s>\r\n", parts->list_unsubscribe);
	if (parts->has_one_click)
		appendStringInfoString(buffer, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
	appendStringInfoString(buffer,
						   "Auto-Submitted: auto-generated\r\n"
						   "MIME-Version: 1.0\r\n");
	append_content(buffer, parts);
}

static bool
set_transport(Request *request, const Route *route, ComposeFailure *failure)
{
	char	   *starttls = json_root_text(route->settings, "starttls");

	if (url_problem(route->url, true) != NULL)
		return compose_failed(failure, REASON_BAD_CONFIGURATION, url_problem(route->url, true));
	request->url = route->url;
	if (starttls == NULL || strcmp(starttls, "opportunistic") == 0)
		request->starttls = STARTTLS_OPPORTUNISTIC;
	else if (strcmp(starttls, "required") == 0)
		request->starttls = STARTTLS_REQUIRED;
	else if (strcmp(starttls, "never") == 0)
		request->starttls = STARTTLS_NEVER;
	else
		return compose_failed(failure, REASON_BAD_CONFIGURATION,
							  "the provider's setting starttls is none of opportunistic, required, never");
	return true;
}

static bool
smtp_needs_secret(const Route *route)
{
	return json_root_text(route->settings, "token_url") != NULL;
}

static const char *
smtp_problem(const Route *route)
{
	if (smtp_needs_secret(route) && (route->username == NULL || route->username[0] == '\0'))
		return "a token cannot log in without a user name";
	return NULL;
}

/* The OAuth2 client: the setting client_id, or the user name. */
static const char *
route_client(const Route *route)
{
	const char *client = json_root_text(route->settings, "client_id");

	if (client != NULL)
		return client;
	return route->username ? route->username : "";
}

static bool
set_token(Request *request, const Route *route, ComposeFailure *failure)
{
	const char *token_url = json_root_text(route->settings, "token_url");
	char	   *client;
	char	   *scope;

	if (token_url == NULL)
		return true;
	if (url_problem(token_url, false) != NULL)
		return compose_failed(failure, REASON_BAD_CONFIGURATION, url_problem(token_url, false));
	if (!encoding_optional_to_utf8(route_client(route), &client) ||
		!encoding_optional_to_utf8(json_root_text(route->settings, "scope"), &scope))
		return compose_failed(failure, REASON_BAD_CONFIGURATION,
							  "the provider's setting client_id or scope is not valid text");
	request->token_url = token_url;
	request->token_client = client;
	request->token_scope = scope;
	return true;
}

static bool
set_login(Request *request, const Route *route, ComposeFailure *failure)
{
	if (smtp_problem(route) != NULL)
		return compose_failed(failure, REASON_BAD_CONFIGURATION, smtp_problem(route));
	if (route->username == NULL || route->username[0] == '\0')
		return true;
	request->username = encoding_to_utf8(route->username);
	request->password = encoding_to_utf8(route->password ? route->password : "");
	if (request->username == NULL || request->password == NULL ||
		!is_one_line(request->username) || !is_one_line(request->password))
		return compose_failed(failure, REASON_BAD_CONFIGURATION,
							  "the provider's user name or password contains control characters");
	return set_token(request, route, failure);
}

static Request *
compose_smtp_mail(const Message *message, const Route *route, ComposeFailure *failure)
{
	Request    *request = palloc0(sizeof(Request));
	MailParts	parts = {0};
	StringInfoData buffer;

	request->protocol = REQUEST_SMTP;
	if (!set_transport(request, route, failure) ||
		!set_login(request, route, failure) ||
		!collect_mail(&parts, message, route, failure))
		return NULL;
	initStringInfo(&buffer);
	append_message(&buffer, &parts, message->timestamp);
	request->body = (char *) repalloc(buffer.data, buffer.len + 1);
	request->body_length = buffer.len;
	request->envelope_from = parts.sender_address;
	request->envelope_to = list_make1(parts.recipient_address);
	return request;
}

static void
read_smtp_answer(const Route *route, const Response *response, Outcome *outcome)
{
	if (outcome->kind == OUTCOME_DELIVERED && response->body != NULL)
		outcome->provider_message_id = find_queue_id(response->body);
}

const ChannelKind smtp_email = {
	.channel = CHANNEL_EMAIL,
	.protocol = REQUEST_SMTP,
	.name = "SMTP",
	.problem = smtp_problem,
	.needs_secret = smtp_needs_secret,
	.compose = compose_smtp_mail,
	.read_answer = read_smtp_answer,
	.carries_invitations = true
};
