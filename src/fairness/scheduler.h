/*
 * scheduler.h
 *		The objects that decide who sends next, and the scheduler that has them.
 *		README.md draws their states.
 */
#ifndef APPT_SCHEDULER_H
#define APPT_SCHEDULER_H

#include "datatype/timestamp.h"
#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/uuid.h"

#include "channel/destination.h"
#include "core/vocabulary.h"
#include "fairness/alarms.h"
#include "fairness/bucket.h"
#include "fairness/circuit.h"
#include "fairness/ring.h"

/* The struct of this type that contains this member. */
#define CONTAINER(type, member, pointer) \
	((type *) ((char *) (pointer) - offsetof(type, member)))

/* How much of a lane or tenant is in flight, and how much may be. */
typedef struct Gate
{
	int			in_flight;
	int			reserved;		/* by the present allotment */
	int			max_concurrency;	/* INT_MAX: no limit */
	Bucket		bucket;
} Gate;

typedef struct Breaker
{
	Circuit		circuit;
	dlist_node	node;			/* in open_circuits, while it is open */
	char	   *last_error;		/* while it is open; may be NULL */
	bool		of_destination; /* else of a lane */
} Breaker;

/* ---- lanes ---- */

typedef enum LaneState
{
	LANE_WAITING,				/* nothing is due before alarm.at */
	LANE_STALE,					/* something is due; the owner must be loaded */
	LANE_READY,					/* something is due, and the lane may send it */
	LANE_HELD,					/* something is due; it may send at alarm.at */
	LANE_FULL					/* something is due; it may send when one of
								 * its transfers ends */
} LaneState;

/*
 * A queue in appt.due. The next claim reads on after `position`: what is before
 * it is settled, in flight, or was locked by somebody. A search for the head of
 * the lane starts at `low_water`: nothing before it can be claimed. If they are
 * wrong, then only by looking at too much.
 */
typedef struct Lane
{
	int64		id;
	LaneState	state;
	Alarm		alarm;
	TimestampTz low_water;
	TimestampTz position_due;
	int64		position_id;
	bool		is_seen;		/* by the present sweep */

	/* Who owns it, and what it may send. */
	bool		is_stale;		/* the owner must be loaded before it sends */
	struct Flow *flow;			/* NULL: the owner was never loaded */
	dlist_node	node;			/* among the stale, in its flow's ring, or in
								 * local_lanes */
	Gate		gate;
	Breaker		breaker;
	ChannelCode channel;
	bool		is_local;		/* its messages need no transfer */
	bool		has_subscription;
	pg_uuid_t	subscription_id;
	uint32		version;		/* of the subscription or provider */
} Lane;

/* ---- tenants, destinations, flows ---- */

typedef enum TenantState
{
	TENANT_IDLE,				/* none of its flows is in its ring */
	TENANT_SERVED,				/* in the ring of tenants */
	TENANT_HELD,				/* blocked until its alarm */
	TENANT_FULL					/* blocked until one of its transfers ends */
} TenantState;

/* Before a tenant has shown how long its transfers take. */
#define DURATION_AT_FIRST (10 * USECS_PER_SEC)

typedef struct Tenant
{
	pg_uuid_t	application_id; /* hash key */
	TenantState state;
	Alarm		alarm;
	dlist_node	node;			/* in the ring of tenants */
	Ring		flows;			/* that may send */
	int			flow_count;		/* of all */
	bool		is_stale;		/* its configuration has changed: its lanes
								 * will be stale */
	Gate		gate;
	int			unsettled;		/* transfers that have ended, and whose
								 * outcome is not stored yet */
	TimeOffset	mean_duration;	/* of its last transfers */
} Tenant;

/* A scheme, host and port; "" for lanes without a URL. */
typedef struct Destination
{
	char		key[DESTINATION_SIZE];	/* hash key */
	Alarm		alarm;			/* when to unpark flows */
	dlist_node	node;			/* in unparking */
	bool		is_unparking;
	dlist_head	parked;			/* flows that wait for room, one a tenant */
	int			flow_count;		/* of all */
	int			in_flight;
	int			reserved;
	Breaker		breaker;
} Destination;

typedef struct FlowKey
{
	Tenant	   *tenant;
	Destination *destination;
} FlowKey;

typedef enum FlowState
{
	FLOW_IDLE,					/* none of its lanes is ready */
	FLOW_SERVED,				/* in its tenant's ring */
	FLOW_PARKED					/* waits for its destination */
} FlowState;

/* The lanes of one tenant to one destination. */
typedef struct Flow
{
	FlowKey		key;			/* hash key */
	FlowState	state;
	dlist_node	node;			/* in its tenant's ring, or parked */
	uint64		parked_in;		/* the allotment that parked it */
	Ring		lanes;			/* that may send */
	int			lane_count;		/* of all */
	int			in_flight;
	int			reserved;
} Flow;

/* ---- the scheduler ---- */

/* What a worker knows about the queue. */
typedef struct Scheduler
{
	MemoryContext context;		/* has all of it */
	HTAB	   *lanes;			/* by id */
	HTAB	   *tenants;		/* by application_id */
	HTAB	   *destinations;	/* by key */
	HTAB	   *flows;			/* by key */
	pairingheap *alarms;
	Ring		ring;			/* of tenants */
	Ring		local_lanes;	/* lanes that may send and need no transfer */
	dlist_head	unparking;		/* destinations that have flows parked, and
								 * perhaps room */
	dlist_head	stale;			/* lanes that have something due */
	uint64		allotment;		/* number of the present one */
	int			in_flight;		/* of all tenants */
	int			reserved;		/* by the present allotment */
	dlist_head	open_circuits;	/* breakers, the oldest first */
	int			open_count;
	bool		circuits_changed;	/* since they were last reported */
} Scheduler;

#endif							/* APPT_SCHEDULER_H */
