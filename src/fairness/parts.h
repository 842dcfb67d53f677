/*
 * parts.h
 *		What the files behind lanes.h share. Nobody else includes it.
 */
#ifndef APPT_LANES_PARTS_H
#define APPT_LANES_PARTS_H

#include "utils/hsearch.h"

#include "channel/destination.h"
#include "fairness/lanes.h"

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

/* turns.c */
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
extern void ring_init(Ring *ring);
extern bool ring_is_empty(Ring *ring);
extern dlist_node *ring_next(Ring *ring);
extern void ring_rotate(Ring *ring, dlist_node *node);
extern void ring_pass_over(Ring *ring, dlist_node *node);
extern void bundle_enter(Bundle *bundle);
extern void lane_enter(Lane *lane); /* it has something due: may it send? It
									 * is in no list or heap. */
extern void lane_leave(Lane *lane); /* out of the list that it is in, if any */
extern void tenant_release(Tenant *tenant);
extern void destination_release(Destination *destination);

/* May not send until then, or (DT_NOEND) until a transfer ends. */
extern void block_lane(Lane *lane, TimestampTz until);
extern void block_tenant(Tenant *tenant, TimestampTz until);
extern void park_bundle(Bundle *bundle, TimestampTz until);

/* parties.c: found, or made */
extern void parties_create(MemoryContext context);
extern Tenant *find_tenant(const pg_uuid_t *application_id);
extern Destination *find_destination(const char *key);
extern Bundle *find_bundle(Tenant *tenant, Destination *destination);
extern void tenants_trust(void);	/* none of them is doubted any more */
extern void lane_forget(Lane *lane);
extern bool lane_is_forgettable(const Lane *lane, TimestampTz now);
extern void parties_forget(TimestampTz now);

/* learning.c */
extern void set_bundle(Lane *lane, Bundle *bundle, TimestampTz now);

/* breakers.c */
extern void breakers_create(void);

/* What a transfer told; true if the circuit closed. */
extern bool breaker_note(Breaker *breaker, Finding finding, bool is_probe, const char *error,
						 TimestampTz now);

/* What made it open may be mended: probe at once. */
extern void breaker_expedite(Breaker *breaker, TimestampTz now);
extern void breaker_forget(Breaker *breaker);

#endif							/* APPT_LANES_PARTS_H */
