/*
 * recipient.h
 *		Where a message goes, and to whom.
 */
#ifndef APPT_RECIPIENT_H
#define APPT_RECIPIENT_H

#include "notify/facts.h"

/*
 * Where it goes over its channel: that of a stored message, the recipient's
 * current address, the copy on the notification once the recipient is gone, the
 * subscription's URL. A code goes to the address that it is to prove. NULL if there
 * is none.
 */
extern const char *recipient_address(const NotificationFacts *facts);

/* The same for the log, which has a webhook's URL without its query. */
extern const char *recipient_to_log(const NotificationFacts *facts);

/* It stays in the database, because of its channel or its provider, and needs no transfer. */
extern bool is_local_message(const NotificationFacts *facts);

/* The name of the customer or user for people; NULL if there is none. */
extern char *recipient_name(const NotificationFacts *facts);

/* First and last name, or the one that there is; NULL if there is neither. */
extern char *full_name(const ParticipantFacts *person);

#endif							/* APPT_RECIPIENT_H */
