/*
 * alarms.h
 *		A heap of alarms: the times at which the scheduler has to look at a lane,
 *		tenant or destination again.
 */
#ifndef APPT_ALARMS_H
#define APPT_ALARMS_H

#include "datatype/timestamp.h"
#include "lib/pairingheap.h"

typedef enum AlarmKind
{
	ALARM_OF_LANE, ALARM_OF_TENANT, ALARM_OF_DESTINATION
} AlarmKind;

/* A member of the object that it is for. Zeroes are an alarm that is not set. */
typedef struct Alarm
{
	pairingheap_node node;
	TimestampTz at;
	AlarmKind	kind;
	bool		is_set;
} Alarm;

/* An empty heap. */
extern pairingheap *alarms_create(MemoryContext context);

/* Set an alarm, also one that is set already. DT_NOEND clears it. */
extern void alarm_set(pairingheap *alarms, Alarm *alarm, AlarmKind kind, TimestampTz at);
extern void alarm_clear(pairingheap *alarms, Alarm *alarm);

/* Remove and return the earliest alarm if it is due by `now`; NULL if not. */
extern Alarm *alarms_take_due(pairingheap *alarms, TimestampTz now);

/* The time of the earliest alarm; DT_NOEND if none is set. */
extern TimestampTz alarms_next(pairingheap *alarms);

#endif							/* APPT_ALARMS_H */
