/*
 * lanes.c
 *		The records of lanes: a hash table by id, and one heap of alarms, for
 *		lanes and for what else turns.c has to look at when a time comes.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "fairness/parts.h"

static HTAB *lanes;
static pairingheap *alarms;

/* ---- alarms ---- */

/* The heap keeps the greatest on top; on top belongs the earliest. */
static int
compare_alarms(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	TimestampTz at_a = pairingheap_const_container(Alarm, node, a)->at;
	TimestampTz at_b = pairingheap_const_container(Alarm, node, b)->at;

	return at_a < at_b ? 1 : (at_a > at_b ? -1 : 0);
}

void
alarm_clear(Alarm *alarm)
{
	if (alarm->is_set)
		pairingheap_remove(alarms, &alarm->node);
	alarm->is_set = false;
}

void
alarm_set(Alarm *alarm, AlarmKind kind, TimestampTz at)
{
	alarm_clear(alarm);
	alarm->kind = kind;
	alarm->at = at;
	alarm->is_set = (at != DT_NOEND);
	if (alarm->is_set)
		pairingheap_add(alarms, &alarm->node);
}

static void
ring_alarm(Alarm *alarm)
{
	switch ((AlarmKind) alarm->kind)
	{
		case ALARM_OF_LANE:
			lane_enter(CONTAINER(Lane, alarm, alarm));
			break;
		case ALARM_OF_TENANT:
			tenant_release(CONTAINER(Tenant, alarm, alarm));
			break;
		case ALARM_OF_DESTINATION:
			destination_release(CONTAINER(Destination, alarm, alarm));
			break;
	}
}

bool
lanes_wake(TimestampTz now)
{
	bool		rang = false;

	while (!pairingheap_is_empty(alarms))
	{
		Alarm	   *alarm = pairingheap_container(Alarm, node, pairingheap_first(alarms));

		if (alarm->at > now)
			break;
		alarm_clear(alarm);
		ring_alarm(alarm);
		rang = true;
	}
	return rang;
}

TimestampTz
lanes_next_wake(void)
{
	if (pairingheap_is_empty(alarms))
		return DT_NOEND;
	return pairingheap_container(Alarm, node, pairingheap_first(alarms))->at;
}

/* ---- records ---- */

void
lanes_create(MemoryContext context)
{
	HASHCTL		control = {0};
	MemoryContext previous = MemoryContextSwitchTo(context);

	control.keysize = sizeof(int64);
	control.entrysize = sizeof(Lane);
	control.hcxt = context;
	lanes = hash_create("appt lanes", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	alarms = pairingheap_allocate(compare_alarms, NULL);
	MemoryContextSwitchTo(previous);
	parties_create(context);
	turns_create();
	breakers_create();
}

Lane *
lane_find(int64 lane_id)
{
	return (Lane *) hash_search(lanes, &lane_id, HASH_FIND, NULL);
}

Lane *
lane_get(int64 lane_id)
{
	bool		found;
	Lane	   *lane = (Lane *) hash_search(lanes, &lane_id, HASH_ENTER, &found);

	if (found)
		return lane;
	memset((char *) lane + sizeof(int64), 0, sizeof(Lane) - sizeof(int64));
	lane->state = LANE_WAITING;
	lane->alarm.at = DT_NOEND;
	lane->low_water = DT_NOBEGIN;
	lane->position_due = DT_NOBEGIN;
	return lane;
}

void
lane_expect(int64 lane_id, TimestampTz due_at)
{
	Lane	   *lane = lane_get(lane_id);

	lane->low_water = Min(lane->low_water, due_at);
	if (due_at <= lane->position_due)
	{
		lane->position_due = due_at;
		lane->position_id = 0;
	}
	/* The others have something due already. */
	if (lane->state == LANE_WAITING && due_at < lane->alarm.at)
		alarm_set(&lane->alarm, ALARM_OF_LANE, due_at);
}

void
lane_wait(Lane *lane, TimestampTz next_due)
{
	lane_leave(lane);
	lane->state = LANE_WAITING;
	alarm_set(&lane->alarm, ALARM_OF_LANE, next_due);
}

Lane **
lanes_all(int *count)
{
	HASH_SEQ_STATUS scan;
	Lane	  **all = (Lane **) palloc((hash_get_num_entries(lanes) + 1) * sizeof(Lane *));
	Lane	   *lane;

	*count = 0;
	hash_seq_init(&scan, lanes);
	while ((lane = (Lane *) hash_seq_search(&scan)) != NULL)
		all[(*count)++] = lane;
	return all;
}

void
lanes_forget_unseen(TimestampTz now)
{
	HASH_SEQ_STATUS scan;
	Lane	   *lane;

	hash_seq_init(&scan, lanes);
	while ((lane = (Lane *) hash_seq_search(&scan)) != NULL)
	{
		bool		is_seen = lane->is_seen;

		lane->is_seen = false;
		if (is_seen || lane->state != LANE_WAITING || lane->alarm.is_set ||
			!lane_is_forgettable(lane, now))
			continue;
		lane_forget(lane);
		(void) hash_search(lanes, &lane->id, HASH_REMOVE, NULL);
	}
	parties_forget(now);
}
