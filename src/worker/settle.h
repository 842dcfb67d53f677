/*
 * settle.h
 *		From finished transfers to settled notifications.
 */
#ifndef APPT_SETTLE_H
#define APPT_SETTLE_H

#include "worker/delivery.h"

/* Take over a finished delivery; the next settling settles it. No SPI; raises an error only for want of memory. */
extern void settle_later(Scheduler *scheduler, Delivery *delivery, const Response *response);

/* How many are finished and not settled yet. */
extern int	settle_waiting(void);

/*
 * Settle what is finished in one transaction. What a caller has locked is left
 * for the next time; false if the transaction failed, which leaves everything.
 */
extern bool settle_finished(Scheduler *scheduler);

/*
 * The same in somebody else's transaction: what is finished, in
 * CurrentMemoryContext, NULL if nothing is; to be written within the
 * transaction, and concluded once that has committed.
 */
typedef struct Settling Settling;
extern Settling *settling_of_finished(Scheduler *scheduler);
extern void settling_write(void *settling);
extern void settling_conclude(Settling *settling);

/* What was settled since the worker started. */
extern int64 settled_sent;
extern int64 settled_failed;

#endif							/* APPT_SETTLE_H */
