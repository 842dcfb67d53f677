/*
 * channel.c
 *		The table of the channels.
 *
 * A new channel or kind of provider is a file and a row here:
 * see README.md.
 */
#include "postgres.h"

#include "channel/channel.h"
#include "channel/gateway.h"
#include "channel/genesys.h"
#include "channel/in_app.h"
#include "channel/log_only.h"
#include "channel/mail_address.h"
#include "channel/phone.h"
#include "channel/smtp.h"
#include "channel/twilio.h"
#include "channel/url.h"
#include "channel/webhook.h"
#include "core/encoding.h"

static const ChannelKind *const kinds[] = {
	&smtp_email, &genesys_email, &log_email, &twilio_sms, &genesys_sms, &gateway_sms, &log_sms, &webhook, &in_app
};

/* The kind of this name (NULL: any) that carries the channel, or NULL. */
static const ChannelKind *
find_kind(ChannelCode channel, const char *name)
{
	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (kinds[i]->channel == channel && (name == NULL || strcmp(kinds[i]->name, name) == 0))
			return kinds[i];
	}
	return NULL;
}

bool
channel_is_available(ChannelCode channel, const char *provider_kind)
{
	return find_kind(channel, provider_kind) != NULL;
}

bool
channel_is_local(ChannelCode channel, const char *provider_kind)
{
	const ChannelKind *kind = find_kind(channel, provider_kind);

	return kind != NULL && kind->accept != NULL;
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

/* ---- what providers send ---- */

bool
channel_tells_of_opt_out(ChannelCode channel, const char *provider_kind, const char *code)
{
	const ChannelKind *kind = find_kind(channel, provider_kind);

	return kind != NULL && kind->opt_out_code != NULL && strcmp(kind->opt_out_code, code) == 0;
}

bool
channel_takes_inbound(ChannelCode channel, const char *provider_kind)
{
	const ChannelKind *kind = find_kind(channel, provider_kind);

	return kind != NULL && kind->prove != NULL;
}

/* Each kind is asked, so that the time does not tell the route's. */
bool
channel_proves(ChannelCode channel, const Route *route, const char *secret, const InboundRequest *request)
{
	bool		is_proven = false;

	for (int i = 0; i < lengthof(kinds); i++)
	{
		bool		is_so = kinds[i]->channel == channel && kinds[i]->prove != NULL &&
		kinds[i]->prove(route, secret, request);

		if (is_so && route->kind != NULL && strcmp(kinds[i]->name, route->kind) == 0)
			is_proven = true;
	}
	return is_proven;
}

InboundReport
channel_read_inbound(ChannelCode channel, const Route *route, const InboundRequest *request)
{
	InboundReport report = {INBOUND_UNREADABLE};

	find_kind(channel, route->kind)->read_inbound(route, request, &report);
	return report;
}

const char *
channel_inbound_answer(ChannelCode channel, const Route *route, const char **type)
{
	const ChannelKind *kind = find_kind(channel, route->kind);

	*type = kind->inbound_answer_type;
	return kind->inbound_answer;
}

/* ---- addresses ---- */

/* NULL: it is none. */
static char *
mail_address_in_ascii(const char *address)
{
	char	   *utf8 = encoding_to_utf8(address);

	return utf8 == NULL ? NULL : ascii_mail_address(utf8);
}

static bool
mail_address_is_valid(const char *address)
{
	return mail_address_in_ascii(address) != NULL;
}

static char *
mail_address_key(const char *address)
{
	char	   *key = mail_address_in_ascii(address);

	if (key == NULL)
		return pstrdup(address);
	for (char *c = strrchr(key, '@'); *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return key;
}

/* Case matters to the local part alone. */
static char *
mail_address_normalize(const char *address, const char *calling_code)
{
	char	   *normal = pstrdup(address);
	char	   *domain = strrchr(normal, '@');

	for (char *c = domain == NULL ? "" : domain; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return normal;
}

static bool
url_is_valid(const char *address)
{
	return url_problem(address, false) == NULL;
}

static bool
user_id_is_valid(const char *address)
{
	return address[0] != '\0';
}

/* What the addresses of a channel are. */
typedef struct AddressKind
{
	bool		(*is_valid) (const char *address);
	const char *invalid;		/* the error of one that is not */
	char	   *(*key) (const char *address);	/* NULL: the address itself,
												 * like the next */
	char	   *(*normalize) (const char *address, const char *calling_code);
} AddressKind;

static const AddressKind address_kinds[CHANNELS] = {
	[CHANNEL_EMAIL] = {mail_address_is_valid, "invalid email address", .key = mail_address_key, .normalize = mail_address_normalize},
	[CHANNEL_SMS] = {phone_number_is_valid, "invalid phone number", .normalize = phone_normalize},
	[CHANNEL_WEBHOOK] = {url_is_valid, "invalid URL"},
	[CHANNEL_IN_APP] = {user_id_is_valid, "invalid user id"}
};

bool
channel_address_is_valid(ChannelCode channel, const char *address)
{
	return address != NULL && address_kinds[channel].is_valid(address);
}

const char *
channel_address_error(ChannelCode channel)
{
	return address_kinds[channel].invalid;
}

char *
channel_address_key(ChannelCode channel, const char *address)
{
	const AddressKind *kind = &address_kinds[channel];

	return kind->key == NULL ? pstrdup(address) : kind->key(address);
}

char *
channel_address_normalize(ChannelCode channel, const char *address, const char *calling_code)
{
	const AddressKind *kind = &address_kinds[channel];

	return kind->normalize == NULL ? pstrdup(address) : kind->normalize(address, calling_code);
}

/* ---- messages ---- */

/* Is the route good for any message? If not, *failure is filled in. */
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

bool
channel_accepts(const Message *message, const Route *route,
				const char **answer, Reason *reason, char **error)
{
	const ChannelKind *kind = find_kind(message->channel, route == NULL ? NULL : route->kind);
	ComposeFailure failure = {
		REASON_CHANNEL_NOT_AVAILABLE, "this channel does not leave messages in the database"
	};

	if (kind != NULL && kind->accept != NULL && kind->accept(message, route, &failure))
	{
		*answer = kind->local_answer;
		return true;
	}
	*reason = failure.reason;
	*error = pstrdup(failure.error);
	return false;
}

int
channel_segments(const Message *message, const Route *route)
{
	const ChannelKind *kind = find_kind(message->channel, route->kind);
	const char *utf8;

	if (kind == NULL || kind->count_segments == NULL || message->text_body == NULL)
		return 0;
	utf8 = encoding_to_utf8(message->text_body);
	return utf8 == NULL ? 0 : kind->count_segments(utf8);
}

bool
channel_carries_invitations(ChannelCode channel, const Route *route)
{
	const ChannelKind *kind = find_kind(channel, route->kind);

	return kind != NULL && kind->carries_invitations;
}

bool
channel_has_receipts(const Message *message, const Route *route)
{
	const ChannelKind *kind = find_kind(message->channel, route->kind);

	return kind != NULL && kind->has_receipts;
}

Outcome
channel_status_outcome(const Message *message, const Route *route, const Response *response)
{
	const ChannelKind *kind = find_kind(message->channel, route->kind);

	return outcome_of_status(kind ? kind->protocol : REQUEST_HTTP, response);
}

Outcome
channel_read_outcome(const Message *message, const Route *route, const Response *response)
{
	const ChannelKind *kind = find_kind(message->channel, route->kind);

	if (kind == NULL)
		return outcome_of_response(REQUEST_HTTP, NULL, message, route, response);
	return outcome_of_response(kind->protocol, kind->read_answer, message, route, response);
}
