/*
 * snapshot.h
 *		What notification.context keeps of an appointment or participant that is
 *		gone, unpacked once: rows as JSON, to be read back through their row
 *		types, and beside them what of a row may be large and is kept as it is.
 */
#ifndef APPT_SNAPSHOT_H
#define APPT_SNAPSHOT_H

#include "core/stored.h"
#include "nodes/pg_list.h"

typedef struct AppointmentSnapshot
{
	Jsonb	   *appointment;	/* NULL: it is not kept, as may the next two */
	Jsonb	   *room;
	Jsonb	   *participant;	/* the recipient */
	Jsonb	   *metadata;		/* the appointment's, as are the next two */
	Jsonb	   *interaction;
	Jsonb	   *notification_headers;
	Jsonb	   *participant_metadata;
	List	   *participants;	/* of ParticipantName *, in their order */
} AppointmentSnapshot;

/* In CurrentMemoryContext. What is not of its shape is left out. */
extern AppointmentSnapshot *snapshot_read(const Stored *stored);

#endif							/* APPT_SNAPSHOT_H */
