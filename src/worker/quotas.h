/*
 * quotas.h
 *		How much a claim takes from each lane, and where the lanes stand after it.
 */
#ifndef APPT_QUOTAS_H
#define APPT_QUOTAS_H

#include "fairness/allot.h"

typedef struct LaneQuota
{
	Lane	   *lane;
	int			quota;
	int			passed;			/* entries, locked ones too */
	TimestampTz position_due;	/* of the lane, before the claim */
	int64		position_id;
	bool		is_held;		/* its large message waits until others in
								 * flight have ended */
} LaneQuota;

typedef struct Quotas
{
	Scheduler  *scheduler;
	TimestampTz now;			/* when the claim began */
	Grant	   *grants;
	LaneQuota  *lanes;			/* one a grant */
	int			count;
} Quotas;

/* In CurrentMemoryContext. The slots are reserved until quotas_return. */
extern Quotas quotas_allot(Scheduler *scheduler, const Allowance *allowance);
extern void quotas_return(const Quotas *quotas);

/* Will the same lanes soon have more slots than they have now? */
extern bool quotas_will_grow(const Quotas *quotas);

/* Within the claim's transaction: let each lane that it has drained wait for its next entry. */
extern void quotas_rest_drained(const Quotas *quotas);

/* After the transaction has failed: the lanes stand where they stood before. */
extern void quotas_restore(const Quotas *quotas);

#endif							/* APPT_QUOTAS_H */
