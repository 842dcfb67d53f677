/*
 * event.h
 *		What a webhook tells of the event that planned it: the fields that an
 *		UPDATE changed, the times before a RESCHEDULE. It is stored in
 *		notification.event, an object whose members become members of the
 *		payload.
 *
 * Pure. Results live in CurrentMemoryContext.
 */
#ifndef APPT_EVENT_H
#define APPT_EVENT_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* Fields that an UPDATE may name: members of the payload. */
#define FIELD_TITLE "title"
#define FIELD_NOTES "notes"
#define FIELD_LOCATION "location"
#define FIELD_METADATA "metadata"
#define FIELD_LOCALE "locale"
#define FIELD_ORGANIZER "organizer"
#define FIELD_PARTICIPANTS "participantIds"
#define FIELD_MEETING_TEMPLATE "meetingTemplateId"

/* The times of an appointment before it was moved. */
typedef struct PreviousTimes
{
	TimestampTz start_at;
	TimestampTz end_at;
	const char *timezone;
} PreviousTimes;

/* {"changedFields": [...]} of a List of the names above. */
extern Jsonb *event_of_change(const List *fields);

/* {"previousDuration", "previousStart", "previousTimezone"} */
extern Jsonb *event_of_move(const PreviousTimes *previous);

#endif							/* APPT_EVENT_H */
