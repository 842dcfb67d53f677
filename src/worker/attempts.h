/*
 * attempts.h
 *		Attempts on disk before their messages leave.
 */
#ifndef APPT_ATTEMPTS_H
#define APPT_ATTEMPTS_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/*
 * Mark the notifications of these deliveries SENDING under this slot, and open an
 * attempt for each. Those that other transactions have locked or changed meanwhile
 * are freed and stay in the queue; returns the list of the others. Sets attempt_id
 * of each and frees its record. SPI must be connected.
 */
extern List *attempts_open(List *deliveries, int slot, TimestampTz now);

/* Insert the attempts of these messages (LocalMessage *), which are DELIVERED. SPI must be connected. */
extern void attempts_insert_delivered(List *messages, TimestampTz now);

#endif							/* APPT_ATTEMPTS_H */
