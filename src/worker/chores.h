/*
 * chores.h
 *		What a worker does beside delivery, a bounded part of its time: ending
 *		appointments that are overdue, blanking messages of deleted appointments,
 *		and the log's retention.
 */
#ifndef APPT_CHORES_H
#define APPT_CHORES_H

#include "datatype/timestamp.h"

typedef struct Chores Chores;

/* In CurrentMemoryContext. All is due at once. */
extern Chores *chores_create(void);

/* An appointment may be to end by then. */
extern void chores_expect_end(Chores *chores, TimestampTz at);

/* The last message of a deleted appointment may have been settled. */
extern void chores_expect_blanking(Chores *chores);

/* Look for appointments to end and messages to blank, of which nobody told. */
extern void chores_look(Chores *chores);

/* The same, and for what is past the retention. */
extern void chores_look_at_all(Chores *chores);

/* The same; what was reckoned by a clock since set back holds no more. */
extern void chores_clock_was_set(Chores *chores);

/*
 * One step of what is due, in transactions of its own. `settled` counts what
 * has been settled so far; is_busy: others want the worker's time.
 */
extern void chores_do(Chores *chores, int64 settled, bool is_busy);

/* When there is something to do. */
extern TimestampTz chores_next(const Chores *chores, bool is_busy);

#endif							/* APPT_CHORES_H */
