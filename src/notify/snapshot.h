/*
 * snapshot.h
 *		What notification.context keeps of a deleted appointment or participant,
 *		unpacked once: rows as JSON, to be read back through their row types, and
 *		apart from them the members that may be large, which stay as they are.
 */
#ifndef APPT_SNAPSHOT_H
#define APPT_SNAPSHOT_H

#include "core/stored.h"
#include "nodes/pg_list.h"

typedef struct AppointmentSnapshot
{
	int64		notification_id;
	Jsonb	   *appointment;	/* NULL: it is not kept, as may the next two */
	Jsonb	   *room;
	Jsonb	   *participant;	/* the recipient */
	Jsonb	   *metadata;		/* the appointment's, as are the next two */
	Jsonb	   *interaction;
	Jsonb	   *notification_headers;
	Jsonb	   *participant_metadata;
	List	   *participants;	/* of ParticipantName *, in their order */
} AppointmentSnapshot;

/* In CurrentMemoryContext. Members of another type than expected are left out. */
extern AppointmentSnapshot *snapshot_read(const Stored *stored, int64 notification_id);

#endif							/* APPT_SNAPSHOT_H */
