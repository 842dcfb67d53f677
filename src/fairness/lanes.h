/*
 * lanes.h
 *		What this worker knows of the queue, so that a turn of the loop asks the
 *		database only about lanes that have something due and may send it.
 *
 * lanes.c		a record per lane, and when to look at it
 * learning.c	whose they are and where they lead, and when that is in doubt
 * parties.c	tenants, destinations, and the bundles of lanes between them
 * turns.c		who is next
 * allot.c	which lanes may send how much
 * flights.c	what is on its way
 * breakers.c	who is held back because it keeps failing
 *
 * `position` is where the next claim of a lane reads on; what lies before it
 * is settled, in flight, or was locked by somebody. `low_water` is where a look
 * for the head of the lane must start: nothing claimable lies before it. Both
 * only ever err towards looking at too much. No SPI, no clock.
 */
#ifndef APPT_LANES_H
#define APPT_LANES_H

#include "datatype/timestamp.h"
#include "lib/ilist.h"
#include "lib/pairingheap.h"
#include "utils/uuid.h"

#include "core/vocabulary.h"
#include "fairness/bucket.h"
#include "fairness/circuit.h"

/* A look that is due at a time. */
typedef struct Alarm
{
	pairingheap_node node;
	TimestampTz at;
	int			kind;
	bool		is_set;
} Alarm;

/* What passes here, and how much may. */
typedef struct Gate
{
	int			in_flight;
	int			reserved;		/* by the allotment under way */
	int			max_concurrency;	/* INT_MAX: no limit */
	Bucket		bucket;
} Gate;

typedef struct Breaker
{
	Circuit		circuit;
	dlist_node	node;			/* among the open ones */
	char	   *last_error;		/* while it is open; may be NULL */
	bool		of_destination; /* or of a lane */
} Breaker;

typedef enum LaneState
{
	LANE_WAITING,				/* until alarm.at, when something is due */
	LANE_UNKNOWN,				/* something is due; whose it is must be
								 * learned */
	LANE_READY,					/* something is due, and may go as far as the
								 * lane knows */
	LANE_HELD,					/* something is due, and may go at alarm.at */
	LANE_FULL					/* something is due, and may go when a
								 * transfer of it ends */
} LaneState;

typedef struct Lane
{
	int64		id;
	LaneState	state;
	Alarm		alarm;
	TimestampTz low_water;
	TimestampTz position_due;
	int64		position_id;
	bool		is_seen;		/* by the sweep under way */

	/* From here on for who may send. */
	bool		is_known;		/* what was learned of it still holds */
	struct Bundle *bundle;		/* whose it is and where it leads; NULL: not
								 * learned yet */
	dlist_node	node;			/* among the unknown, or in its bundle's ring */
	Gate		gate;
	Breaker		breaker;
	ChannelCode channel;
	bool		has_subscription;
	pg_uuid_t	subscription_id;
	uint32		version;		/* of the subscription or provider */
} Lane;

/* ---- records and time ---- */

extern void lanes_create(MemoryContext context);

/* An entry (lane, due_at) stands in appt.due: look at it no later than then. */
extern void lane_expect(int64 lane_id, TimestampTz due_at);

/* The record of a lane, or NULL. It stays at least as long as the lane has something due or in flight. */
extern Lane *lane_find(int64 lane_id);

/* The record of a lane, made if needed: nothing known of it. */
extern Lane *lane_get(int64 lane_id);

/* Ring the alarms whose time has come; true if a lane may send that could not before. */
extern bool lanes_wake(TimestampTz now);

/* It has nothing more until `next_due`, and nothing claimable before `low_water`. */
extern void lane_wait(Lane *lane, TimestampTz next_due);

/* When lanes_wake has something to do; DT_NOEND if never. */
extern TimestampTz lanes_next_wake(void);

/* Forget what has nothing to wait for, that the sweep did not see, and of which nothing need be remembered. */
extern void lanes_forget_unseen(TimestampTz now);

/* All lanes there are, in an array in CurrentMemoryContext. */
extern Lane **lanes_all(int *count);

/* ---- whose they are ---- */

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

extern bool lanes_are_unknown(void);

/* At most `max` lanes that have something due and must be learned, in an array in CurrentMemoryContext. */
extern Lane **lanes_unknown(int max, int *count);
extern void lane_learn(Lane *lane, const LaneOwner *owner, TimestampTz now);

/* It can't be learned: nothing of it may go until then, or until configuration changes. */
extern void lane_set_aside(Lane *lane, TimestampTz until);

/* Configuration may have changed: learn all of them anew, those that are held back at once. */
extern void lanes_doubt(void);

/* An application's has: its lanes are to be learned anew by the next lanes_doubt_changed, which looks at all lanes. */
extern void tenant_doubt(const pg_uuid_t *application_id);
extern void lanes_doubt_changed(void);

/* A person wants it to send: should open circuits hold it back, it probes at once. */
extern void lane_expedite(int64 lane_id, TimestampTz now);

/* ---- who may send ---- */

/* Is there a lane that may send, for all that is known? */
extern bool lanes_are_ready(void);

typedef struct Allowance
{
	TimestampTz now;
	int			places;			/* to give at most */
	int			free_places;	/* of the worker's window */
	int			max_per_host;
} Allowance;

typedef struct Grant
{
	Lane	   *lane;
	int			places;			/* so many it may send */
} Grant;

/*
 * Give places to the lanes, one after the other and fairly among tenants; in
 * an array in CurrentMemoryContext. They are reserved until returned, which
 * must be before the next lanes_allot and before lane_start.
 */
extern Grant *lanes_allot(const Allowance *allowance, int *count);
extern void lanes_return(const Grant *grants, int count);

/* ---- what is on its way ---- */

typedef struct Flight
{
	Lane	   *lane;
	struct Bundle *bundle;		/* that the lane was in when it started */
	bool		probes_lane;
	bool		probes_destination;
} Flight;

typedef enum Finding
{
	FINDING_NONE, FINDING_GOOD, FINDING_BAD
} Finding;

/* What an outcome tells of the two that may be failing. */
typedef struct Evidence
{
	Finding		of_lane;
	Finding		of_destination;
} Evidence;

/* A message of this lane starts, to this destination. */
extern Flight lane_start(Lane *lane, const char *destination, TimestampTz now);

/* It ended; `error` for people, or NULL. */
extern void lane_finish(const Flight *flight, Evidence evidence, const char *error, TimestampTz now);

#endif							/* APPT_LANES_H */
