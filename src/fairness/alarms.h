/*
 * alarms.h
 *		What the scheduler has to look at when a time comes: a heap, the
 *		earliest on top.
 */
#ifndef APPT_ALARMS_H
#define APPT_ALARMS_H

#include "datatype/timestamp.h"
#include "lib/pairingheap.h"

typedef enum AlarmKind
{
	ALARM_OF_LANE, ALARM_OF_TENANT, ALARM_OF_DESTINATION
} AlarmKind;

/* Part of the struct that it is for. Zeroes are an alarm that is not set. */
typedef struct Alarm
{
	pairingheap_node node;
	TimestampTz at;
	AlarmKind	kind;
	bool		is_set;
} Alarm;

/* An empty heap. */
extern pairingheap *alarms_create(MemoryContext context);

/* Set it anew; DT_NOEND clears it. */
extern void alarm_set(pairingheap *alarms, Alarm *alarm, AlarmKind kind, TimestampTz at);
extern void alarm_clear(pairingheap *alarms, Alarm *alarm);

/* Take the earliest out of the heap, if its time has come by `now`; NULL if not. */
extern Alarm *alarms_take_due(pairingheap *alarms, TimestampTz now);

/* When the earliest is due; DT_NOEND if none is set. */
extern TimestampTz alarms_next(pairingheap *alarms);

#endif							/* APPT_ALARMS_H */
