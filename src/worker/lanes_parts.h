/*
 * lanes_parts.h
 *		What the files behind lanes.h share. Nobody else includes it.
 */
#ifndef APPT_LANES_PARTS_H
#define APPT_LANES_PARTS_H

#include "utils/hsearch.h"

#include "worker/lanes.h"

/* The struct of this type that the member pointed to is part of. */
#define CONTAINER(type, member, pointer) \
	((type *) ((char *) (pointer) - offsetof(type, member)))

/*
 * Served in turn from its head. What may not be served within the allotment of
 * number `turn`, but perhaps in the next, is passed over until then.
 */
typedef struct Ring
{
	dlist_head	members;
	dlist_head	passed_over;
	uint64		turn;
} Ring;

typedef enum TenantState
{
	TENANT_IDLE,				/* none of its bundles is in its ring */
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
	Ring		bundles;
	int			bundle_count;	/* all of them */
	bool		is_doubted;		/* its configuration has changed */
	Gate		gate;
} Tenant;

/* A scheme, host and port, or "" for lanes that lead nowhere. */
typedef struct Destination
{
	char		key[DESTINATION_SIZE];	/* hash key */
	Alarm		alarm;			/* when to probe it */
	dlist_node	node;			/* among the roomy ones */
	bool		is_roomy;
	dlist_head	parked;			/* bundles that wait for it, one a tenant */
	int			bundle_count;	/* all of them */
	int			in_flight;
	int			reserved;
	Breaker		breaker;
} Destination;

typedef struct BundleKey
{
	Tenant	   *tenant;
	Destination *destination;
} BundleKey;

typedef enum BundleState
{
	BUNDLE_IDLE,				/* none of its lanes is ready */
	BUNDLE_SERVED,				/* in its tenant's ring */
	BUNDLE_PARKED				/* waits for its destination */
} BundleState;

/* The lanes of a tenant that lead to the same destination. */
typedef struct Bundle
{
	BundleKey	key;			/* hash key */
	BundleState state;
	dlist_node	node;			/* in its tenant's ring, or parked */
	uint64		parked_in;		/* the allotment that parked it */
	Ring		lanes;
	int			lane_count;		/* all of them */
	int			in_flight;
	int			reserved;
} Bundle;

typedef enum AlarmKind
{
	ALARM_OF_LANE, ALARM_OF_TENANT, ALARM_OF_DESTINATION
} AlarmKind;

/* lanes.c */
extern void alarm_set(Alarm *alarm, AlarmKind kind, TimestampTz at);
extern void alarm_clear(Alarm *alarm);

/* fairness.c */
extern void fairness_create(MemoryContext context);
extern void lane_enter(Lane *lane); /* it has something due: may it send? It
									 * is in no list or heap. */
extern void lane_leave(Lane *lane); /* out of the list that it is in, if any */
extern void lane_forget(Lane *lane);
extern bool lane_is_forgettable(const Lane *lane, TimestampTz now);
extern void tenant_release(Tenant *tenant);
extern void destination_release(Destination *destination);
extern void fairness_forget(TimestampTz now);

/* breakers.c */
extern void breakers_create(void);

/* What a transfer told; true if the circuit closed. */
extern bool breaker_note(Breaker *breaker, Finding finding, bool is_probe, const char *error,
						 TimestampTz now);

/* What made it open may be mended: probe at once. */
extern void breaker_expedite(Breaker *breaker, TimestampTz now);
extern void breaker_forget(Breaker *breaker);

#endif							/* APPT_LANES_PARTS_H */
