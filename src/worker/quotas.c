/*
 * quotas.c
 *		How much a claim takes from each lane, and where the lanes stand after it.
 *
 * A lane that has not used up its quota is drained: its next entry is looked up,
 * and the lane waits until that is due. An entry that is due already was locked
 * by somebody else; the lane comes back to it shortly (heads.c).
 */
#include "postgres.h"

#include "fairness/lanes.h"
#include "worker/heads.h"
#include "worker/quotas.h"

/* While fewer slots than this are taken, each one that comes free is used at once. */
#define WORTH_WAITING 16

Quotas
quotas_allot(Scheduler *scheduler, const Allowance *allowance)
{
	Quotas		quotas = {.scheduler = scheduler, .now = allowance->now};

	quotas.grants = lanes_allot(scheduler, allowance, &quotas.count);
	quotas.lanes = (LaneQuota *) palloc(sizeof(LaneQuota) * Max(quotas.count, 1));
	for (int i = 0; i < quotas.count; i++)
	{
		Lane	   *lane = quotas.grants[i].lane;

		quotas.lanes[i] = (LaneQuota) {lane, quotas.grants[i].slots, 0, lane->position_due, lane->position_id, false};
	}
	return quotas;
}

void
quotas_return(const Quotas *quotas)
{
	lanes_return(quotas->scheduler, quotas->grants, quotas->count);
}

bool
quotas_will_grow(const Quotas *quotas)
{
	int			granted = 0;
	int			taken = 0;

	for (int i = 0; i < quotas->count; i++)
	{
		if (quotas->lanes[i].lane->is_local)
			continue;
		granted += quotas->lanes[i].quota;
		taken += quotas->lanes[i].lane->gate.in_flight;
	}
	return granted < taken && taken >= WORTH_WAITING;
}

/* A held lane has an entry that is due; like one that was locked, it is looked at again shortly. */
void
quotas_rest_drained(const Quotas *quotas)
{
	Lane	  **drained = (Lane **) palloc(sizeof(Lane *) * Max(quotas->count, 1));
	int			count = 0;

	for (int i = 0; i < quotas->count; i++)
		if (quotas->lanes[i].passed < quotas->lanes[i].quota || quotas->lanes[i].is_held)
			drained[count++] = quotas->lanes[i].lane;
	if (count > 0)
		find_heads(quotas->scheduler, drained, count, quotas->now);
}

/* The heads that the failed transaction found are wrong: to it, its candidates were taken. */
void
quotas_restore(const Quotas *quotas)
{
	for (int i = 0; i < quotas->count; i++)
	{
		const LaneQuota *quota = &quotas->lanes[i];
		Lane	   *lane = quota->lane;

		lane->position_due = quota->position_due;
		lane->position_id = quota->position_id;
		lane->low_water = DT_NOBEGIN;
		if (lane->state == LANE_WAITING)
			lane_wait(quotas->scheduler, lane, quotas->now);
	}
}
