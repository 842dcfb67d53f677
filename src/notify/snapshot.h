/*
 * snapshot.h
 *		What notification.context keeps of a deleted appointment or a removed
 *		participant: rows as JSON, which are read back through their row types,
 *		and apart from them the members that may be large, which stay JSON.
 */
#ifndef APPT_SNAPSHOT_H
#define APPT_SNAPSHOT_H

#include "core/stored.h"
#include "nodes/pg_list.h"

typedef struct AppointmentSnapshot
{
	int64		notification_id;
	Jsonb	   *appointment;	/* NULL: not kept; so the next two */
	Jsonb	   *room;
	Jsonb	   *participant;	/* the recipient */
	Jsonb	   *metadata;		/* the appointment's, as are the next two */
	Jsonb	   *interaction;
	Jsonb	   *notification_headers;
	Jsonb	   *participant_metadata;
	List	   *participants;	/* of ParticipantName *, in their order */
} AppointmentSnapshot;

/* Unpack a snapshot, into CurrentMemoryContext. Members of an unexpected type are left out. */
extern AppointmentSnapshot *snapshot_read(const Stored *stored, int64 notification_id);

#endif							/* APPT_SNAPSHOT_H */
