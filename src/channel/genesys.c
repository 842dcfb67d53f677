/*
 * genesys.c
 *		Genesys Cloud: SMS and EMAIL by its agentless APIs.
 *
 * Both are a POST of JSON to the region's API, with a token that the region's
 * login host grants to the OAuth client. The token endpoint of
 * https://api.REGION is https://login.REGION/oauth/token, that of any other
 * address /oauth/token below it, unless the setting token_url names one. The
 * transfer engine fetches tokens, one for all transfers of a client.
 *
 * Genesys Cloud writes the email itself, with its own Message-ID. It takes a
 * subject, a text, HTML and one recipient, but no attachment: invitations are
 * not sent. Neither API has an idempotency key: a retry after a delivery that
 * went unnoticed is a second message.
 *
 * Source: https://developer.genesys.cloud/commdigital/digital/, "agentless",
 * and the models SendAgentlessOutboundMessageRequest and
 * AgentlessEmailSendRequestDto of its SDKs.
 */
#include "postgres.h"

#include "channel/email.h"
#include "channel/genesys.h"
#include "channel/http.h"
#include "channel/phone.h"
#include "channel/segments.h"
#include "channel/sms.h"
#include "channel/url.h"
#include "core/json.h"

#define SMS_PATH "/api/v2/conversations/messages/agentless"
#define EMAIL_PATH "/api/v2/conversations/emails/agentless"

/* From the region on: "REGION/..." of "https://api.REGION/..."; NULL: another address. */
static const char *
region_of(const char *url)
{
	const char *host = strstr(url, "://");

	return host != NULL && pg_strncasecmp(host, "://api.", 7) == 0 ? host + 7 : NULL;
}

static char *
find_token_url(const Route *route)
{
	char	   *setting = json_root_text(route->settings, "token_url");
	const char *region = region_of(route->url);

	if (setting != NULL)
		return setting;
	if (region == NULL)
		return url_below(route->url, "/oauth/token");
	return psprintf("%.*s://login.%.*s/oauth/token",
					(int) (strstr(route->url, "://") - route->url), route->url,
					(int) strcspn(region, "/"), region);
}

static const char *
account_problem(const Route *route)
{
	const char *problem = base_url_problem(route->url);

	if (problem != NULL)
		return problem;
	if (route->username == NULL || route->username[0] == '\0')
		return "the user name is missing: the OAuth client's id";
	return NULL;
}

static const char *
genesys_sms_problem(const Route *route)
{
	if (route->sender == NULL ||
		!(phone_number_is_valid(route->sender) || short_code_is_valid(route->sender)))
		return "the sender must be a phone number in the form +306900000000, or a short code";
	if (json_root_text(route->settings, "reply_to") != NULL)
		return "the setting reply_to is for email";
	return account_problem(route);
}

static const char *
genesys_email_problem(const Route *route)
{
	if (route->sender == NULL)
		return "the sender is missing";
	if (json_root_bool(route->settings, "use_existing_active_conversation", false))
		return "the setting use_existing_active_conversation is for SMS";
	return account_problem(route);
}

static Request *
make_request(const Route *route, const char *path, JsonbParseState **state,
			 ComposeFailure *failure)
{
	Request    *request = palloc0(sizeof(Request));
	Jsonb	   *body = JsonbValueToJsonb(pushJsonbValue(state, WJB_END_OBJECT, NULL));

	if (!set_client_credentials(request, route, find_token_url(route), failure))
		return NULL;
	request->url = url_below(route->url, path);
	set_body(request, "application/json", JsonbToCString(NULL, &body->root, VARSIZE(body)));
	return request;
}

static Request *
compose_genesys_sms(const Message *message, const Route *route, ComposeFailure *failure)
{
	JsonbParseState *state = NULL;
	JsonbValue	is_true = {.type = jbvBool, .val.boolean = true};
	TextMessage parts;

	if (!collect_text_message(&parts, message, failure))
		return NULL;
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(&state, "fromAddress", route->sender);
	json_push_member(&state, "toAddress", parts.to);
	json_push_member(&state, "toAddressMessengerType", "sms");
	json_push_member(&state, "textBody", parts.text);
	if (json_root_bool(route->settings, "use_existing_active_conversation", false))
	{
		json_push_text(&state, WJB_KEY, "useExistingActiveConversation");
		(void) pushJsonbValue(&state, WJB_VALUE, &is_true);
	}
	return make_request(route, SMS_PATH, &state, failure);
}

/* {"email", "name"} */
static void
push_mailbox(JsonbParseState **state, const char *name, const char *address)
{
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(state, "email", address);
	if (name != NULL && name[0] != '\0')
		json_push_member(state, "name", name);
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static Request *
compose_genesys_email(const Message *message, const Route *route, ComposeFailure *failure)
{
	JsonbParseState *state = NULL;
	MailParts	parts = {0};

	if (!collect_mail(&parts, message, route, failure))
		return NULL;
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(&state, "senderType", "Outbound");
	json_push_text(&state, WJB_KEY, "fromAddress");
	push_mailbox(&state, parts.sender_name, parts.sender_address);
	json_push_text(&state, WJB_KEY, "toAddresses");
	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	push_mailbox(&state, parts.recipient_name, parts.recipient_address);
	(void) pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	if (parts.reply_to_address != NULL)
	{
		json_push_text(&state, WJB_KEY, "replyToAddress");
		push_mailbox(&state, parts.reply_to_name, parts.reply_to_address);
	}
	json_push_member(&state, "subject", parts.subject);
	json_push_member(&state, "textBody", parts.text_body);
	if (parts.html_body != NULL)
		json_push_member(&state, "htmlBody", parts.html_body);
	return make_request(route, EMAIL_PATH, &state, failure);
}

static void
read_genesys_answer(const Route *route, const Response *response, Outcome *outcome)
{
	if (outcome->kind == OUTCOME_DELIVERED)
		outcome->provider_message_id = answer_text(response, "id");
	else
		outcome->error = answer_error(response, "message", "code");
}

static bool
always_needs_secret(const Route *route)
{
	return true;
}

const ChannelKind genesys_sms = {
	.channel = CHANNEL_SMS,
	.protocol = REQUEST_HTTP,
	.name = "GENESYS_CLOUD",
	.problem = genesys_sms_problem,
	.needs_secret = always_needs_secret,
	.compose = compose_genesys_sms,
	.read_answer = read_genesys_answer,
	.count_segments = count_segments,
	.has_receipts = true
};

const ChannelKind genesys_email = {
	.channel = CHANNEL_EMAIL,
	.protocol = REQUEST_HTTP,
	.name = "GENESYS_CLOUD",
	.problem = genesys_email_problem,
	.needs_secret = always_needs_secret,
	.compose = compose_genesys_email,
	.read_answer = read_genesys_answer
};
