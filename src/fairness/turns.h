/*
 * turns.h
 *		Who is in the rings from which places are given, and who is held out of
 *		them.
 */
#ifndef APPT_TURNS_H
#define APPT_TURNS_H

#include "fairness/scheduler.h"

typedef struct Turns
{
	Ring		tenants;
	dlist_head	roomy;			/* destinations that have bundles parked, and
								 * perhaps room */
	dlist_head	unknown;		/* lanes that have something due */
	uint64		number;			/* of the allotment */
} Turns;

extern Turns turns;

extern void turns_create(void);

/* It has something due: may it send? It is in no list or heap. */
extern void lane_enter(Lane *lane);

/* Out of the list that it is in, if any. */
extern void lane_leave(Lane *lane);
extern void bundle_enter(Bundle *bundle);

/* What held it back is over. */
extern void tenant_release(Tenant *tenant);
extern void destination_release(Destination *destination);

/* May not send until then, or (DT_NOEND) until a transfer ends. */
extern void block_lane(Lane *lane, TimestampTz until);
extern void block_tenant(Tenant *tenant, TimestampTz until);
extern void park_bundle(Bundle *bundle, TimestampTz until);

#endif							/* APPT_TURNS_H */
