/*
 * refresh.h
 *		What is known of lanes: whose they are, where they lead, what they may;
 *		and when it holds no more.
 */
#ifndef APPT_REFRESH_H
#define APPT_REFRESH_H

#include "fairness/scheduler.h"

typedef struct Limits
{
	int			max_concurrency;	/* INT_MAX: none */
	double		max_per_second; /* 0: none */
} Limits;

typedef struct LaneOwner
{
	pg_uuid_t	application_id;
	ChannelCode channel;
	const pg_uuid_t *subscription_id;	/* NULL: email or text messages */
	const char *destination;	/* where its messages go, "" if nowhere */
	uint32		version;		/* another one: what leads there was changed */
	Limits		application;	/* for all its lanes together */
	Limits		own;			/* its provider's */
} LaneOwner;

extern bool lanes_need_refresh(Scheduler *scheduler);

/* At most `max` stale lanes that have something due, in an array in CurrentMemoryContext. */
extern Lane **lanes_to_refresh(Scheduler *scheduler, int max, int *count);
extern void lane_refresh(Scheduler *scheduler, Lane *lane, const LaneOwner *owner, TimestampTz now);

/* Its owner can't be loaded: it sends nothing until then, or until configuration changes. */
extern void lane_hold(Scheduler *scheduler, Lane *lane, TimestampTz until);

/* Its messages go elsewhere than its owner said: configuration has changed since. */
extern void lane_redirect(Scheduler *scheduler, Lane *lane, const char *destination, TimestampTz now);

/* Any configuration may have changed: refresh every lane before it sends; also those that are held back. */
extern void lanes_invalidate(Scheduler *scheduler);

/* Configuration of one tenant has changed: the next lanes_invalidate_stale_tenants invalidates its lanes. That looks at all lanes. */
extern void tenant_mark_stale(Scheduler *scheduler, const pg_uuid_t *application_id);
extern void lanes_invalidate_stale_tenants(Scheduler *scheduler);

#endif							/* APPT_REFRESH_H */
