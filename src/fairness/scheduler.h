/*
 * scheduler.h
 *		The objects that take part in sending: lanes, the tenants that they
 *		belong to, the destinations that they lead to, and the flows between
 *		those.
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

/* The struct of this type that the member pointed to is part of. */
#define CONTAINER(type, member, pointer) \
	((type *) ((char *) (pointer) - offsetof(type, member)))

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

/* ---- lanes ---- */

typedef enum LaneState
{
	LANE_WAITING,				/* until alarm.at, when something is due */
	LANE_STALE,					/* something is due; its owner must be loaded */
	LANE_READY,					/* something is due, and may go as far as the
								 * lane knows */
	LANE_HELD,					/* something is due, and may go at alarm.at */
	LANE_FULL					/* something is due, and may go when a
								 * transfer of it ends */
} LaneState;

/*
 * `position` is where the next claim of a lane reads on; what lies before it
 * is settled, in flight, or was locked by somebody. `low_water` is where a look
 * for the head of the lane must start: nothing claimable lies before it. Both
 * only ever err towards looking at too much.
 */
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
	bool		is_stale;		/* its owner must be loaded before it sends */
	struct Flow *flow;			/* whose it is and where it leads; NULL: its
								 * owner was never loaded */
	dlist_node	node;			/* among the unknown, or in its flow's ring */
	Gate		gate;
	Breaker		breaker;
	ChannelCode channel;
	bool		has_subscription;
	pg_uuid_t	subscription_id;
	uint32		version;		/* of the subscription or provider */
} Lane;

typedef enum TenantState
{
	TENANT_IDLE,				/* none of its flows is in its ring */
	TENANT_SERVED,				/* in the ring */
	TENANT_HELD,				/* until its alarm */
	TENANT_FULL					/* until a transfer of it ends */
} TenantState;

typedef struct Tenant
{
	pg_uuid_t	application_id; /* hash key */
	TenantState state;
	Alarm		alarm;
	dlist_node	node;			/* in the ring of tenants */
	Ring		flows;
	int			flow_count;		/* all of them */
	bool		is_stale;		/* its configuration has changed */
	Gate		gate;
} Tenant;

/* A scheme, host and port, or "" for lanes that lead nowhere. */
typedef struct Destination
{
	char		key[DESTINATION_SIZE];	/* hash key */
	Alarm		alarm;			/* when to probe it */
	dlist_node	node;			/* among the unparking ones */
	bool		is_unparking;
	dlist_head	parked;			/* flows that wait for it, one a tenant */
	int			flow_count;		/* all of them */
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

/* The lanes of a tenant that lead to the same destination. */
typedef struct Flow
{
	FlowKey		key;			/* hash key */
	FlowState	state;
	dlist_node	node;			/* in its tenant's ring, or parked */
	uint64		parked_in;		/* the allotment that parked it */
	Ring		lanes;
	int			lane_count;		/* all of them */
	int			in_flight;
	int			reserved;
} Flow;

/* ---- all of them ---- */

/* What a worker knows of the queue. */
typedef struct Scheduler
{
	MemoryContext context;		/* that all of it lives in */
	HTAB	   *lanes;			/* by id */
	HTAB	   *tenants;
	HTAB	   *destinations;
	HTAB	   *flows;
	pairingheap *alarms;
	Ring		ring;			/* of tenants */
	dlist_head	unparking;		/* destinations that have flows parked, and
								 * perhaps room */
	dlist_head	stale;			/* lanes that have something due */
	uint64		allotment;		/* the number of the one under way */
	dlist_head	open_circuits;	/* breakers, the oldest first */
	int			open_count;
	bool		circuits_changed;	/* since they were last reported */
} Scheduler;

#endif							/* APPT_SCHEDULER_H */
