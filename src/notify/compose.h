/*
 * compose.h
 *		A message from the facts: templates rendered for people, JSON for
 *		subscribers.
 *
 * Pure: no SPI, no clock. But stored values are unpacked here, so the snapshot
 * that the facts were loaded by must still be kept.
 */
#ifndef APPT_COMPOSE_H
#define APPT_COMPOSE_H

#include "notify/facts.h"

/*
 * The message in CurrentMemoryContext. On failure NULL, with *reason set to
 * NO_TEMPLATE, TEMPLATE_ERROR or TOO_LARGE and *error to a sentence. The
 * message's recipient is NULL if there is no address; eligibility finds that.
 */
extern Message *compose_message(const NotificationFacts *facts, TimestampTz now,
								Reason *reason, char **error);

#endif							/* APPT_COMPOSE_H */
