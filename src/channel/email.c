/*
 * email.c
 *		What goes into a mail, checked, for any provider to send.
 *
 * Names and subjects with line breaks are refused, not repaired: they are an
 * attack or a mistake.
 */
#include "postgres.h"

#include "common/string.h"

#include "channel/email.h"
#include "channel/mail_address.h"
#include "core/encoding.h"
#include "core/json.h"
#include "core/text.h"

/* A line of a mail has at most 998 characters. */
#define MAX_UNSUBSCRIBE_URL 900

static bool
collect_sender(MailParts *parts, const Route *route, ComposeFailure *failure)
{
	char	   *sender;
	char	   *reply_to;

	if (route->sender == NULL || !encoding_optional_to_utf8(route->sender, &sender) ||
		!parse_mailbox(sender, &parts->sender_name, &parts->sender_address))
		return compose_failed(failure, REASON_BAD_CONFIGURATION,
							  "the provider's sender is not an email address");
	parts->sender_address = ascii_mail_address(parts->sender_address);

	if (!encoding_optional_to_utf8(json_root_text(route->settings, "reply_to"), &reply_to) ||
		(reply_to != NULL &&
		 !parse_mailbox(reply_to, &parts->reply_to_name, &parts->reply_to_address)))
		return compose_failed(failure, REASON_BAD_CONFIGURATION,
							  "the provider's setting reply_to is not an email address");
	if (reply_to != NULL)
		parts->reply_to_address = ascii_mail_address(parts->reply_to_address);

	return true;
}

/* Can it be a header's URL? */
static bool
is_header_url(const char *url)
{
	return pg_is_ascii(url) && is_one_line(url) && strpbrk(url, "<> \t") == NULL && strlen(url) <= MAX_UNSUBSCRIBE_URL;
}

/* The message's own link is better than the provider's, which does not know who unsubscribes. */
static bool
collect_unsubscribing(MailParts *parts, const Message *message, const Route *route, ComposeFailure *failure)
{
	char	   *configured = json_root_text(route->settings, "list_unsubscribe");

	if (configured != NULL && !is_header_url(configured))
		return compose_failed(failure, REASON_BAD_CONFIGURATION,
							  "the provider's setting list_unsubscribe is not a URL");
	parts->has_one_click = message->unsubscribe_url != NULL && is_header_url(message->unsubscribe_url);
	parts->list_unsubscribe = parts->has_one_click ? message->unsubscribe_url : configured;
	return true;
}

static bool
collect_recipient(MailParts *parts, const Message *message, ComposeFailure *failure)
{
	char	   *recipient;

	if (message->recipient == NULL || !encoding_optional_to_utf8(message->recipient, &recipient) ||
		(parts->recipient_address = ascii_mail_address(recipient)) == NULL)
		return compose_failed(failure, REASON_BAD_ADDRESS,
							  "the recipient's email address can't be sent to");
	if (!encoding_optional_to_utf8(message->recipient_name, &parts->recipient_name) ||
		(parts->recipient_name != NULL && !is_one_line(parts->recipient_name)))
		return compose_failed(failure, REASON_BAD_ADDRESS,
							  "the recipient's name contains line breaks or other control characters");
	return true;
}

static bool
collect_content(MailParts *parts, const Message *message, ComposeFailure *failure)
{
	if (!encoding_optional_to_utf8(message->subject ? message->subject : "", &parts->subject) ||
		!encoding_optional_to_utf8(message->text_body ? message->text_body : "", &parts->text_body) ||
		!encoding_optional_to_utf8(message->html_body, &parts->html_body))
		return compose_failed(failure, REASON_TEMPLATE_ERROR, "the message is not valid text");
	parts->calendar = message->calendar;
	parts->calendar_method = message->calendar_method;
	if (!is_one_line(parts->subject))
		return compose_failed(failure, REASON_TEMPLATE_ERROR,
							  "the subject contains line breaks or other control characters");
	return true;
}

bool
collect_mail(MailParts *parts, const Message *message, const Route *route,
			 ComposeFailure *failure)
{
	parts->uid = uuid_text(&message->uid);
	parts->thread = message->thread;
	parts->feedback_id = message->feedback_id;
	return collect_sender(parts, route, failure) &&
		collect_unsubscribing(parts, message, route, failure) &&
		collect_recipient(parts, message, failure) &&
		collect_content(parts, message, failure);
}
