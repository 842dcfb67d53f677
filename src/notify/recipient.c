/*
 * recipient.c
 *		Where a message goes, and to whom.
 */
#include "postgres.h"

#include "core/text.h"
#include "notify/recipient.h"

static const char *
user_address(const UserFacts *user, ChannelCode channel)
{
	switch (channel)
	{
		case CHANNEL_EMAIL:
			return user->email;
		case CHANNEL_SMS:
			return user->phone;
		case CHANNEL_IN_APP:
			return user->id;
		case CHANNEL_WEBHOOK:
			return NULL;
	}
	return NULL;				/* not reached */
}

const char *
recipient_address(const NotificationFacts *facts)
{
	if (facts->stored != NULL && channel_infos[facts->channel].has_template)
		return facts->stored->recipient;
	if (channel_infos[facts->channel].route == ROUTE_SUBSCRIPTION)
		return facts->route ? facts->route->route.url : NULL;
	if (facts->user != NULL && !notification_types[facts->type].has_code)
		return user_address(facts->user, facts->channel);
	if (facts->recipient != NULL)
		return facts->channel == CHANNEL_EMAIL ? facts->recipient->email : facts->recipient->phone;
	return facts->address;
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
