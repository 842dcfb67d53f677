/*
 * recipient.c
 *		Where a message goes, and to whom.
 */
#include "postgres.h"

#include "channel/channel.h"
#include "core/text.h"
#include "notify/recipient.h"

/* Where a person is reached over a channel. */
static const char *
personal_address(ChannelCode channel, const char *email, const char *phone, const char *user_id)
{
	const char *const addresses[] = {
		[CONTACT_NONE] = NULL, [CONTACT_EMAIL] = email, [CONTACT_PHONE] = phone, [CONTACT_USER_ID] = user_id
	};

	return addresses[channel_infos[channel].contact];
}

const char *
recipient_address(const NotificationFacts *facts)
{
	if (facts->stored != NULL && channel_infos[facts->channel].has_template)
		return facts->stored->recipient;
	if (channel_infos[facts->channel].route == ROUTE_SUBSCRIPTION)
		return facts->route ? facts->route->route.url : NULL;
	if (facts->user != NULL && !notification_types[facts->type].has_code)
		return personal_address(facts->channel, facts->user->email, facts->user->phone, facts->user->id);
	if (facts->recipient != NULL)
		return personal_address(facts->channel, facts->recipient->email, facts->recipient->phone, NULL);
	return facts->address;
}

bool
is_local_message(const NotificationFacts *facts)
{
	return channel_is_local(facts->channel, facts->route == NULL ? NULL : facts->route->route.kind);
}

char *
full_name(const ParticipantFacts *person)
{
	const char *first = person->first_name ? person->first_name : "";
	const char *last = person->last_name ? person->last_name : "";

	if (first[0] == '\0' && last[0] == '\0')
		return NULL;
	if (first[0] == '\0' || last[0] == '\0')
		return pstrdup(first[0] ? first : last);
	return psprintf("%s %s", first, last);
}

char *
recipient_name(const NotificationFacts *facts)
{
	if (facts->user != NULL)
		return facts->user->name;
	return facts->recipient ? full_name(facts->recipient) : NULL;
}

const char *
recipient_to_log(const NotificationFacts *facts)
{
	const char *recipient = recipient_address(facts);

	return recipient == NULL || channel_infos[facts->channel].route != ROUTE_SUBSCRIPTION ? recipient : url_without_query(recipient);
}
