/*
 * lanes.c
 *		What is expected of lanes, and what happens when its time comes.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "fairness/breakers.h"
#include "fairness/lanes.h"
#include "fairness/registry.h"
#include "fairness/turns.h"

void
lanes_create(MemoryContext context)
{
	MemoryContext previous = MemoryContextSwitchTo(context);

	alarms_create();
	MemoryContextSwitchTo(previous);
	registry_create(context);
	turns_create();
	breakers_create();
}

static void
ring_alarm(Alarm *alarm)
{
	switch (alarm->kind)
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
	Alarm	   *alarm;

	while ((alarm = alarms_take_due(now)) != NULL)
	{
		ring_alarm(alarm);
		rang = true;
	}
	return rang;
}

TimestampTz
lanes_next_wake(void)
{
	return alarms_next();
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
