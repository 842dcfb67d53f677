/*
 * claim.h
 *		From what is due to deliveries that may be started.
 */
#ifndef APPT_CLAIM_H
#define APPT_CLAIM_H

#include "nodes/pg_list.h"

#include "fairness/scheduler.h"
#include "transfer/engine.h"
#include "worker/guard.h"
#include "worker/settle.h"
#include "worker/suspects.h"

/* What a worker's claims have in common. */
typedef struct Claimer Claimer;

/* In CurrentMemoryContext. */
extern Claimer *claimer_create(Worker *worker, Scheduler *scheduler, TransferEngine *engine,
							   Settler *settler, Suspects *suspects);

/*
 * Claim what is due, for at most `room` places, in one transaction, which with
 * `settles` also settles what is finished. *deliveries, in CurrentMemoryContext,
 * are to be started. If the transaction fails, everything is as before, and the
 * next call claims without settling. For the fault of a row the next calls claim
 * rows one by one, until the one that broke the batch has been found and settled
 * as FAILED; CLAIM_FAILED if it failed for anything else, and a pause is due.
 * CLAIM_FAILED, too, if the commit is not durable (durability.h): what was
 * claimed is not to be started, and the next settling takes it back.
 * CLAIM_BLOCKED: no lane that is ready may send before a transfer ends;
 * CLAIM_LATER, if it may wait: few places are free yet where many are taken, and
 * nothing was claimed.
 */
typedef enum ClaimResult
{
	CLAIM_DONE, CLAIM_LATER, CLAIM_BLOCKED, CLAIM_FAILED
} ClaimResult;

extern ClaimResult claim_due(Claimer *claimer, int room, bool may_wait, bool settles,
							 List **deliveries);

/*
 * Claim one of the suspects (suspects.h) alone, in one transaction. CLAIM_BLOCKED
 * if no lane that is ready has one that may be claimed now.
 */
extern ClaimResult claim_suspect(Claimer *claimer, int room, List **deliveries);

#endif							/* APPT_CLAIM_H */
