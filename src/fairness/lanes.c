/*
 * lanes.c
 *		What is due in lanes, and what happens when an alarm is due.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "fairness/lanes.h"
#include "fairness/registry.h"
#include "fairness/turns.h"

static void
fire(Scheduler *scheduler, Alarm *alarm)
{
	switch (alarm->kind)
	{
		case ALARM_OF_LANE:
			lane_enter(scheduler, CONTAINER(Lane, alarm, alarm));
			break;
		case ALARM_OF_TENANT:
			tenant_release(scheduler, CONTAINER(Tenant, alarm, alarm));
			break;
		case ALARM_OF_DESTINATION:
			destination_release(scheduler, CONTAINER(Destination, alarm, alarm));
			break;
	}
}

bool
lanes_wake(Scheduler *scheduler, TimestampTz now)
{
	bool		fired = false;
	Alarm	   *alarm;

	while ((alarm = alarms_take_due(scheduler->alarms, now)) != NULL)
	{
		fire(scheduler, alarm);
		fired = true;
	}
	return fired;
}

TimestampTz
lanes_next_wake(Scheduler *scheduler)
{
	return alarms_next(scheduler->alarms);
}

void
lane_expect(Scheduler *scheduler, int64 lane_id, TimestampTz due_at)
{
	Lane	   *lane = lane_get(scheduler, lane_id);

	lane->low_water = Min(lane->low_water, due_at);
	if (due_at <= lane->position_due)
	{
		lane->position_due = due_at;
		lane->position_id = 0;
	}
	/* In the other states it has something due already. */
	if (lane->state == LANE_WAITING && due_at < lane->alarm.at)
		alarm_set(scheduler->alarms, &lane->alarm, ALARM_OF_LANE, due_at);
}

void
lane_wait(Scheduler *scheduler, Lane *lane, TimestampTz next_due)
{
	lane_leave(scheduler, lane);
	lane->state = LANE_WAITING;
	alarm_set(scheduler->alarms, &lane->alarm, ALARM_OF_LANE, next_due);
}
