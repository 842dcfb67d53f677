/*
 * locale_chain.c
 *		The locales that a message may be written in.
 */
#include "postgres.h"

#include "core/json.h"
#include "notify/locale_chain.h"

const char *
recipient_locale(const NotificationFacts *facts)
{
	if (facts->user != NULL)
		return facts->user->locale;
	return facts->recipient ? facts->recipient->locale : NULL;
}

const char *
message_locale(const NotificationFacts *facts)
{
	return facts->appointment ? facts->appointment->locale : json_root_text(facts->context, "locale");
}

const char *
application_locale(const NotificationFacts *facts)
{
	return facts->application ? facts->application->locale : "en";
}

int
locale_chain(const NotificationFacts *facts, char chain[CHAIN_MAX_LOCALES][LOCALE_MAX_LENGTH])
{
	int			count = locale_fallbacks(recipient_locale(facts), NULL, chain);

	return count + locale_fallbacks(message_locale(facts), application_locale(facts), chain + count);
}
