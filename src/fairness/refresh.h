/*
 * refresh.h
 *		Owner, destination and limits of each lane: set from configuration, and
 *		stale when that has changed.
 */
#ifndef APPT_REFRESH_H
#define APPT_REFRESH_H

#include "fairness/scheduler.h"

typedef struct Limits
{
	int			max_concurrency;	/* INT_MAX: no limit */
	double		max_per_second; /* 0: no limit */
} Limits;

typedef struct LaneOwner
{
	pg_uuid_t	application_id;
	ChannelCode channel;
	bool		is_local;		/* its messages need no transfer: no limit
								 * holds for them */
	const pg_uuid_t *subscription_id;	/* NULL: not a subscription's */
	const char *destination;	/* as destination_of_url; "" without a URL */
	uint32		version;		/* another one: the subscription or provider
								 * has changed */
	Limits		application;	/* for all lanes of the application */
	Limits		own;			/* of the lane */
} LaneOwner;

/* Is a lane stale that has something due? */
extern bool lanes_need_refresh(Scheduler *scheduler);

/* At most `max` of these, in an array in CurrentMemoryContext. */
extern Lane **lanes_to_refresh(Scheduler *scheduler, int max, int *count);

/* This is the owner of a lane that has something due. Copies what it needs. */
extern void lane_refresh(Scheduler *scheduler, Lane *lane, const LaneOwner *owner, TimestampTz now);

/* The owner can't be loaded: the lane sends nothing until then, or until it is invalidated. */
extern void lane_hold(Scheduler *scheduler, Lane *lane, TimestampTz until);

/* A message of the lane goes to another destination: configuration has changed since the last refresh. */
extern void lane_redirect(Scheduler *scheduler, Lane *lane, const char *destination, TimestampTz now);

/* Any configuration may have changed: all lanes are stale, also those that are held. */
extern void lanes_invalidate(Scheduler *scheduler);

/* The configuration of an application has changed: the next lanes_invalidate_stale_tenants makes its lanes stale. */
extern void tenant_mark_stale(Scheduler *scheduler, const pg_uuid_t *application_id);

/* Looks at all lanes. */
extern void lanes_invalidate_stale_tenants(Scheduler *scheduler);

#endif							/* APPT_REFRESH_H */
