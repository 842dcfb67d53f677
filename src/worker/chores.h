/*
 * chores.h
 *		What a worker does beside delivery, in a bounded part of its time: it ends
 *		overdue appointments, makes appointments INVITED, blanks messages of deleted appointments, and drops
 *		what is older than the log's retention.
 */
#ifndef APPT_CHORES_H
#define APPT_CHORES_H

#include "datatype/timestamp.h"

#include "worker/guard.h"

typedef struct Chores Chores;

/* In CurrentMemoryContext. All is due at once. */
extern Chores *chores_create(Worker *worker);

/* An appointment may be overdue at that time. */
extern void chores_expect_end(Chores *chores, TimestampTz at);

/* The last message of a deleted appointment may have been settled. */
extern void chores_expect_blanking(Chores *chores);

/* A reminder was sent that makes its appointment INVITED. */
extern void chores_expect_invitation(Chores *chores);

/* Look for appointments to end and messages to blank, also those that no commit reported. */
extern void chores_look(Chores *chores);

/* The same, and start a pass of the retention. */
extern void chores_look_at_all(Chores *chores);

/* The same, after the clock was set back: all times computed before are invalid. */
extern void chores_clock_was_set(Chores *chores);

/*
 * One step of each chore that is due, in its own transactions. `settled`: how
 * many notifications the worker has settled so far; is_busy: messages need the
 * worker's time.
 */
extern void chores_do(Chores *chores, int64 settled, bool is_busy);

/* When the next step is due. */
extern TimestampTz chores_next(const Chores *chores, bool is_busy);

#endif							/* APPT_CHORES_H */
