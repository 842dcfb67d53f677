/*
 * compose.h
 *		The words of a message from the facts: templates rendered for people,
 *		the JSON of GetAppointmentResponse for subscribers.
 *
 * Pure: no SPI, no clock. But stored values are unpacked here, so the snapshot
 * that the facts were loaded by must still be kept. Failure is a value: NULL with
 * *reason (NO_TEMPLATE, TEMPLATE_ERROR, TOO_LARGE) and a sentence in *error. A recipient without an address is
 * not one: the message's recipient is NULL then, and eligibility has said so.
 */
#ifndef APPT_COMPOSE_H
#define APPT_COMPOSE_H

#include "notify/facts.h"

extern Message *compose_message(const NotificationFacts *facts, TimestampTz now,
								Reason *reason, char **error);

/*
 * Where the message goes over this channel: the current address of the
 * customer, the copy on the notification once it is gone, the subscription's
 * URL. NULL if there is none.
 */
extern const char *compose_recipient(const NotificationFacts *facts);

/* Is there a template, written or built in, for its type and channel? */
extern bool compose_has_template(const NotificationFacts *facts);

#endif							/* APPT_COMPOSE_H */
