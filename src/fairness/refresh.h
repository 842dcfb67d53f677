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

extern bool lanes_are_unknown(Scheduler *scheduler);

/* At most `max` lanes that have something due and must be learned, in an array in CurrentMemoryContext. */
extern Lane **lanes_unknown(Scheduler *scheduler, int max, int *count);
extern void lane_learn(Scheduler *scheduler, Lane *lane, const LaneOwner *owner, TimestampTz now);

/* It can't be learned: nothing of it may go until then, or until configuration changes. */
extern void lane_set_aside(Scheduler *scheduler, Lane *lane, TimestampTz until);

/* Its messages go elsewhere than was learned: configuration has changed a moment ago. */
extern void lane_redirect(Scheduler *scheduler, Lane *lane, const char *destination, TimestampTz now);

/* Configuration may have changed: learn all of them anew, those that are held back at once. */
extern void lanes_doubt(Scheduler *scheduler);

/* An application's has: its lanes are to be learned anew by the next lanes_doubt_changed, which looks at all lanes. */
extern void tenant_doubt(Scheduler *scheduler, const pg_uuid_t *application_id);
extern void lanes_doubt_changed(Scheduler *scheduler);

#endif							/* APPT_REFRESH_H */
