/*
 * alarms.c
 *		A pairing heap of alarms. An alarm is a member of its object, so setting
 *		one allocates nothing.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "fairness/alarms.h"

/* A pairing heap has its greatest node on top: the earliest alarm is the greatest. */
static int
compare_alarms(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	TimestampTz at_a = pairingheap_const_container(Alarm, node, a)->at;
	TimestampTz at_b = pairingheap_const_container(Alarm, node, b)->at;

	return at_a < at_b ? 1 : (at_a > at_b ? -1 : 0);
}

pairingheap *
alarms_create(MemoryContext context)
{
	MemoryContext previous = MemoryContextSwitchTo(context);
	pairingheap *alarms = pairingheap_allocate(compare_alarms, NULL);

	MemoryContextSwitchTo(previous);
	return alarms;
}

void
alarm_clear(pairingheap *alarms, Alarm *alarm)
{
	if (alarm->is_set)
		pairingheap_remove(alarms, &alarm->node);
	alarm->is_set = false;
}

void
alarm_set(pairingheap *alarms, Alarm *alarm, AlarmKind kind, TimestampTz at)
{
	alarm_clear(alarms, alarm);
	alarm->kind = kind;
	alarm->at = at;
	alarm->is_set = (at != DT_NOEND);
	if (alarm->is_set)
		pairingheap_add(alarms, &alarm->node);
}

TimestampTz
alarms_next(pairingheap *alarms)
{
	if (pairingheap_is_empty(alarms))
		return DT_NOEND;
	return pairingheap_container(Alarm, node, pairingheap_first(alarms))->at;
}

Alarm *
alarms_take_due(pairingheap *alarms, TimestampTz now)
{
	Alarm	   *alarm;

	if (alarms_next(alarms) > now)
		return NULL;
	alarm = pairingheap_container(Alarm, node, pairingheap_first(alarms));
	alarm_clear(alarms, alarm);
	return alarm;
}
