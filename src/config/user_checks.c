/*
 * user_checks.c
 *		Checks of what users and subscribers choose: addresses, preferences, types
 *		of webhooks.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "channel/channel.h"
#include "config/user_checks.h"
#include "core/elapsed.h"
#include "core/errors.h"
#include "core/text.h"

PG_FUNCTION_INFO_V1(address_is_valid);
PG_FUNCTION_INFO_V1(preference_is_valid);
PG_FUNCTION_INFO_V1(subscription_types_are_valid);

/* ---- addresses ---- */

void
check_address(ChannelCode channel, const char *address)
{
	if (!channel_address_is_valid(channel, address))
		report_invalid(channel_address_error(channel), "\"%s\" is not an address that messages can be sent to.", address);
}

static bool
has_providers(const ChannelInfo *channel)
{
	return channel->route == ROUTE_PROVIDER;
}

/* appt.address_is_valid(channel text, address text) -> boolean; 22023 */
Datum
address_is_valid(PG_FUNCTION_ARGS)
{
	char	   *code = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ChannelCode channel;

	if (!channel_from_code(code, &channel) || !has_providers(&channel_infos[channel]))
		report_unlisted(channel_code_list(has_providers), "channel has no addresses",
						"\"%s\" is not a channel that has addresses.", code);
	check_address(channel, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_BOOL(true);
}

/* ---- preferences ---- */

static bool
is_for_users(NotificationType type)
{
	return notification_types[type].audience == AUDIENCE_USERS;
}

NotificationType
check_users_type(const char *code)
{
	NotificationType type;

	if (!notification_type_from_code(code, &type) || !is_for_users(type))
		report_unlisted(notification_type_codes(is_for_users), "users get no notifications of this type",
						"\"%s\" is not a type of notifications to users.", code);
	return type;
}

static bool
is_for_persons(const ChannelInfo *channel)
{
	return channel->has_template;
}

const char *const *
user_channel_codes(void)
{
	return channel_code_list(is_for_persons);
}

ChannelCode
check_user_channel(const char *code)
{
	ChannelCode channel;

	if (!channel_from_code(code, &channel) || !is_for_persons(&channel_infos[channel]))
		report_unlisted(user_channel_codes(), "unknown channel",
						"\"%s\" is not a channel to users.", code);
	return channel;
}

static void
check_channel(NotificationType type, const char *code)
{
	ChannelCode channel = check_user_channel(code);

	if ((notification_types[type].channels & CHANNEL_BIT(channel)) == 0)
		report_invalid("the type is not sent over this channel", "%s is not sent by %s.",
					   notification_types[type].code, code);
}

static void
check_offset(NotificationType type, const Interval *time_offset)
{
	const NotificationTypeInfo *info = &notification_types[type];
	TimeOffset	wanted = elapsed_microseconds(time_offset);

	for (int i = 0; i < info->offset_count; i++)
		if (info->offsets[i].time_offset == wanted)
			return;
	report_invalid("the type has no such offset", "%s is not sent at this time before an appointment.", info->code);
}

void
check_preference(const char *type_code, const char *channel, const Interval *time_offset)
{
	NotificationType type = check_users_type(type_code);

	if (channel != NULL)
		check_channel(type, channel);
	if (time_offset != NULL)
		check_offset(type, time_offset);
}

/* appt.preference_is_valid(type text, channel text, time_offset interval) -> boolean; 22023 */
Datum
preference_is_valid(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	check_preference(text_to_cstring(PG_GETARG_TEXT_PP(0)),
					 PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)),
					 PG_ARGISNULL(2) ? NULL : PG_GETARG_INTERVAL_P(2));
	PG_RETURN_BOOL(true);
}

/* ---- types of webhooks ---- */

static bool
has_webhooks(NotificationType type)
{
	return (notification_types[type].channels & CHANNEL_BIT(CHANNEL_WEBHOOK)) != 0;
}

static TypeSet
check_webhook_type(const char *code)
{
	NotificationType type;

	if (!notification_type_from_code(code, &type) || !has_webhooks(type))
		report_unlisted(notification_type_codes(has_webhooks), "no webhooks of this type",
						"\"%s\" is not a type that webhooks tell of.", code);
	return TYPE_BIT(type);
}

void
check_webhook_types(Datum types)
{
	TypeSet		seen = 0;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(types), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	if (count == 0)
		report_invalid("no types are given", "\"types\" is empty; leave it out for the types that have rules.");
	for (int i = 0; i < count; i++)
	{
		char	   *code = nulls[i] ? NULL : TextDatumGetCString(elements[i]);
		TypeSet		bit;

		if (code == NULL)
			report_invalid("a type is missing", "An element of \"types\" is null.");
		bit = check_webhook_type(code);
		if (seen & bit)
			report_invalid("a type is given twice", "\"%s\" occurs twice in \"types\".", code);
		seen |= bit;
	}
}

/* appt.subscription_types_are_valid(types text[]) -> boolean; 22023 */
Datum
subscription_types_are_valid(PG_FUNCTION_ARGS)
{
	check_webhook_types(PG_GETARG_DATUM(0));
	PG_RETURN_BOOL(true);
}
