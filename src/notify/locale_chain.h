/*
 * locale_chain.h
 *		The locales that a message may be written in: the recipient's, else the
 *		appointment's, else the application's, each followed by its fallbacks.
 */
#ifndef APPT_LOCALE_CHAIN_H
#define APPT_LOCALE_CHAIN_H

#include "notify/facts.h"
#include "render/locales.h"

#define CHAIN_MAX_LOCALES (2 * LOCALE_MAX_FALLBACKS)

/* The recipient's; NULL if it has none. */
extern const char *recipient_locale(const NotificationFacts *facts);

/* The appointment's or, without an appointment, the message's own; NULL if there is none. */
extern const char *message_locale(const NotificationFacts *facts);

extern const char *application_locale(const NotificationFacts *facts);

/* All of them in the order in which they are tried; returns how many. */
extern int	locale_chain(const NotificationFacts *facts,
						 char chain[CHAIN_MAX_LOCALES][LOCALE_MAX_LENGTH]);

#endif							/* APPT_LOCALE_CHAIN_H */
