/*
 * twilio.c
 *		SMS by Twilio's Messages API, or by a service that speaks it.
 *
 * The request is a form for /2010-04-01/Accounts/{account}/Messages.json. Basic
 * authentication takes the account's SID and token, or an API key's SID and
 * secret; then the setting account_sid names the account. The provider's URL is
 * the API's address, or the whole URL of Messages.json.
 *
 * The API has no idempotency key: a retry after a delivery that went unnoticed
 * is a second message.
 *
 * Source: https://www.twilio.com/docs/messaging/api/message-resource
 */
#include "postgres.h"

#include "channel/escape.h"
#include "channel/http.h"
#include "channel/phone.h"
#include "channel/segments.h"
#include "channel/sms.h"
#include "channel/twilio.h"
#include "channel/twilio_inbound.h"
#include "channel/url.h"
#include "core/json.h"

#define MESSAGES "/Messages.json"

/* Twilio's ids: two letters and 32 hexadecimal digits. */
static bool
is_sid(const char *text, const char *letters)
{
	return strncmp(text, letters, 2) == 0 && strlen(text) == 34 &&
		strspn(text + 2, "0123456789abcdefABCDEF") == 32;
}

/* An account's id in the URL's path: compatible services have their own form, but an API key is none. */
static bool
is_account(const char *text)
{
	size_t		length = strlen(text);

	return length > 0 && length <= 64 && !is_sid(text, "SK") &&
		strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == length;
}

static bool
is_whole_url(const char *url)
{
	size_t		length = strlen(url);

	return length > strlen(MESSAGES) && strcmp(url + length - strlen(MESSAGES), MESSAGES) == 0;
}

static const char *
account_sid(const Route *route)
{
	const char *setting = json_root_text(route->settings, "account_sid");

	return setting ? setting : route->username;
}

static bool
sender_is_valid(const char *sender)
{
	return phone_number_is_valid(sender) || short_code_is_valid(sender) ||
		is_sid(sender, "MG") || alphanumeric_sender_is_valid(sender);
}

static const char *
twilio_problem(const Route *route)
{
	const char *problem = base_url_problem(route->url);

	if (problem != NULL)
		return problem;
	if (route->username == NULL || route->username[0] == '\0')
		return "the user name is missing: the account's SID, or an API key's";
	if (strchr(route->username, ':') != NULL)
		return "the user name must not contain a colon";
	if (!is_whole_url(route->url) && !is_account(account_sid(route)))
		return "the account's SID must be letters and digits, AC and 32 others: it is the user name, or, if that is an API key's, the setting account_sid";
	if (route->sender == NULL || !sender_is_valid(route->sender))
		return "the sender must be a phone number in the form +306900000000, a short code, an alphanumeric sender of at most 11 characters, or a messaging service's SID";
	return NULL;
}

static void
append_field(StringInfo form, const char *name, const char *value)
{
	if (form->len > 0)
		appendStringInfoChar(form, '&');
	appendStringInfo(form, "%s=", name);
	append_url_encoded(form, value);
}

static Request *
compose_twilio(const Message *message, const Route *route, ComposeFailure *failure)
{
	Request    *request = palloc0(sizeof(Request));
	const char *callback = json_root_text(route->settings, "status_callback");
	TextMessage parts;
	StringInfoData form;

	if (!collect_text_message(&parts, message, failure) ||
		!set_basic_authentication(request, route, failure))
		return NULL;
	initStringInfo(&form);
	append_field(&form, "To", parts.to);
	append_field(&form, is_sid(route->sender, "MG") ? "MessagingServiceSid" : "From",
				 route->sender);
	append_field(&form, "Body", parts.text);
	if (callback != NULL)
		append_field(&form, "StatusCallback", callback);
	request->url = is_whole_url(route->url) ? route->url :
		url_below(route->url, psprintf("/2010-04-01/Accounts/%s" MESSAGES, account_sid(route)));
	set_body(request, "application/x-www-form-urlencoded", form.data);
	return request;
}

static void
read_twilio_answer(const Route *route, const Response *response, Outcome *outcome)
{
	if (outcome->kind == OUTCOME_DELIVERED)
		outcome->provider_message_id = answer_text(response, "sid");
	else
		outcome->error = answer_error(response, "message", "code");
}

static bool
always_needs_secret(const Route *route)
{
	return true;
}

const ChannelKind twilio_sms = {
	.channel = CHANNEL_SMS,
	.protocol = REQUEST_HTTP,
	.name = "TWILIO",
	.problem = twilio_problem,
	.needs_secret = always_needs_secret,
	.compose = compose_twilio,
	.read_answer = read_twilio_answer,
	.count_segments = count_segments,
	.has_receipts = true,
	.opt_out_code = "21610",	/* https://www.twilio.com/docs/api/errors/21610 */
	.prove = prove_twilio,
	.read_inbound = read_twilio_inbound,
	.inbound_answer = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>",
	.inbound_answer_type = "text/xml; charset=utf-8"
};
