/*
 * hints.h
 *		Hints for applications that LISTEN to appt_inbox: NOTIFY with the key of a
 *		user whose inbox has a new message.
 *
 * A hint may be lost, or come late; the message is in the inbox anyway. So an
 * application also looks there from time to time.
 */
#ifndef APPT_HINTS_H
#define APPT_HINTS_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "worker/guard.h"

/* Users that wait for their hint, one hint each. */
typedef struct Hints Hints;

/* In CurrentMemoryContext. */
extern Hints *hints_create(Worker *worker);

/*
 * The user with this key has a new message, which is committed. If too many users
 * wait already, the one that waits longest gets no hint.
 */
extern void hints_add(Hints *hints, const pg_uuid_t *notify_key);

/* If it is time, send hints in a transaction of their own, which waits for nobody. */
extern void hints_send(Hints *hints, TimestampTz now);

/* When hints_send has something to do; DT_NOEND: never. */
extern TimestampTz hints_next(const Hints *hints);

/* The clock was set back: what was computed with it is invalid. */
extern void hints_clock_was_set(Hints *hints);

#endif							/* APPT_HINTS_H */
