/*
 * attempts.h
 *		Attempts on disk before their messages leave.
 */
#ifndef APPT_ATTEMPTS_H
#define APPT_ATTEMPTS_H

#include "nodes/pg_list.h"

#include "datatype/timestamp.h"

/*
 * Open an attempt for each of these deliveries, which are ordered by notification
 * id, and mark their notifications SENDING under this slot. Sets attempt_id of
 * each and frees its record. SPI must be connected, the notifications locked.
 */
extern void attempts_open(List *deliveries, int slot, TimestampTz now);

/* Insert the attempts of these messages (LocalMessage *), which are DELIVERED. SPI must be connected. */
extern void attempts_insert_delivered(List *messages, TimestampTz now);

#endif							/* APPT_ATTEMPTS_H */
