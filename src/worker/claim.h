/*
 * claim.h
 *		Claims what is due: makes deliveries for the loop to start.
 */
#ifndef APPT_CLAIM_H
#define APPT_CLAIM_H

#include "nodes/pg_list.h"

#include "fairness/scheduler.h"
#include "transfer/engine.h"
#include "worker/guard.h"
#include "worker/hints.h"
#include "worker/settle.h"
#include "worker/suspects.h"

/* What a worker's claims remember from one to the next. */
typedef struct Claimer Claimer;

/* In CurrentMemoryContext. */
extern Claimer *claimer_create(Worker *worker, Scheduler *scheduler, TransferEngine *engine,
							   Settler *settler, Suspects *suspects, Hints *hints);

typedef enum ClaimResult
{
	CLAIM_DONE,					/* another claim may follow at once */
	CLAIM_LATER,				/* nothing was claimed: it is better to wait */
	CLAIM_BLOCKED,				/* no ready lane may send before a transfer
								 * ends */
	CLAIM_FAILED				/* pause before the next claim */
} ClaimResult;

/*
 * Claim what is due, for at most `room` slots, in one transaction; messages that
 * need no transfer take no slot, and are delivered by the transaction. *deliveries,
 * in CurrentMemoryContext, are then to be started. With `settles` the transaction
 * also settles what is finished. With `may_wait` the result is CLAIM_LATER if many
 * slots are taken and only few are free.
 *
 * If the transaction fails, everything is as before. The next call then claims
 * without settling. If a row may be to blame, the next calls claim one row each,
 * until the row that broke the batch is found and settled as FAILED; any other
 * failure returns CLAIM_FAILED. So does a commit that is not durable
 * (durability.h): then nothing may be started, and the next settling returns what was
 * claimed to the queue.
 */
extern ClaimResult claim_due(Claimer *claimer, int room, bool may_wait, bool settles,
							 List **deliveries);

/*
 * Claim one suspect (suspects.h) alone, in one transaction. CLAIM_BLOCKED if no
 * ready lane has one that may be claimed now.
 */
extern ClaimResult claim_suspect(Claimer *claimer, int room, List **deliveries);

#endif							/* APPT_CLAIM_H */
