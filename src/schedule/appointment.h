/*
 * appointment.h
 *		One appointment, as the functions of this folder find it, lock it,
 *		change it and return it.
 *
 * All functions need SPI connected, as the owner; structs live in
 * CurrentMemoryContext. An appointment that is not the caller's raises PT404,
 * as if it did not exist.
 */
#ifndef APPT_APPOINTMENT_H
#define APPT_APPOINTMENT_H

#include "executor/tuptable.h"

#include "core/call.h"
#include "core/row.h"
#include "notify/planning.h"

/* Values of appt.appointment_state_code. */
#define APPOINTMENT_SCHEDULED "SCHEDULED"
#define APPOINTMENT_ACTIVATED "ACTIVATED"
#define APPOINTMENT_ENDED "ENDED"
#define APPOINTMENT_CANCELLED "CANCELLED"

#define INTERACTION_PENDING "PENDING"
#define INTERACTION_ACTIVE "ACTIVE"
#define INTERACTION_ENDED "ENDED"

#define PARTICIPANT_AGENT "AGENT"
#define PARTICIPANT_CUSTOMER "CUSTOMER"

#define ROOM_TYPE "MULTI_USE_TICKET"

typedef struct Room
{
	char	   *ticket;			/* NULL: there is no room */
	char	   *url;			/* "": the application has no room_url */
	TimestampTz expires;
} Room;

typedef struct Appointment
{
	AppointmentKey key;
	pg_uuid_t	conference_id;
	char	   *organizer_id;
	char	   *organizer_type;
	char	   *state;
	char	   *title;			/* NULL: none, as notes and location */
	char	   *notes;
	char	   *location;
	TimestampTz start_at;
	TimestampTz end_at;
	char	   *timezone;
	char	   *locale;
	bool		notifications_active;
	Jsonb	   *metadata;
	Jsonb	   *interaction;
	TimestampTz created_at;
	TimestampTz updated_at;
	char	   *cancel_reason;	/* NULL: none */

	/* With a meeting template (key.has_meeting_template). */
	pg_uuid_t	meeting_template_id;
	char	   *booking_state;	/* a BookingState's code */
	char	   *notification_state; /* NONE, CONFIRMED or UPDATE_DUE */
	NullableDatum changed_fields;	/* text[]; not NULL while UPDATE_DUE */
	bool		has_own_title;	/* true also without a meeting template */
	char	   *title_for_customers;	/* of a title that is made from the
										 * meeting template; NULL: none */
	TimestampTz archived_at;	/* 0: it is not; also without a meeting
								 * template */

	/* Not set by appointment_to_change and appointment_lock. */
	Room		room;
	Jsonb	   *participant_ids;	/* [{"id", "type"}] */
} Appointment;

/*
 * For statements that look appointments up on their own: the columns that
 * appointment_read takes, of appt.appointment a and appt.room_access r, which
 * APPOINTMENT_AND_ROOM joins. The variant without a room selects NULLs for it.
 */
#define APPOINTMENT_COLUMNS \
	"a.application_id, a.id, a.conference_id, a.organizer_id, a.organizer_type, a.state, " \
	"a.title, a.notes, a.location, a.start_at, a.end_at, a.timezone, a.locale, " \
	"a.notifications_active, a.metadata, a.interaction, a.created_at, a.updated_at, a.cancel_reason, " \
	"a.meeting_template_id, a.booking_state, a.notification_state, a.changed_fields, a.has_own_title, " \
	"a.title_for_customers, a.archived_at"

#define PARTICIPANT_IDS \
	"coalesce((SELECT jsonb_agg(jsonb_build_object('id', p.id, 'type', p.type) ORDER BY p.created_at, p.id COLLATE \"C\")" \
	" FROM appt.participant p WHERE p.application_id = a.application_id AND p.appointment_id = a.id), '[]') "

#define APPOINTMENT_DETAILS \
	APPOINTMENT_COLUMNS ", " PARTICIPANT_IDS ", r.ticket, r.url, r.expires "
#define APPOINTMENT_DETAILS_WITHOUT_ROOM \
	APPOINTMENT_COLUMNS ", " PARTICIPANT_IDS ", NULL::text, NULL::text, NULL::timestamptz "

#define APPOINTMENT_AND_ROOM \
	"appt.appointment a LEFT JOIN appt.room_access r" \
	" ON r.application_id = a.application_id AND r.appointment_id = a.id "

/* Columns that every UPDATE of appt.appointment sets: when and by whom. */
#define APPOINTMENT_CHANGED "updated_at = now(), updated_by = appt.caller_name()"

/*
 * The title that customers are shown, of appt.appointment a: without the booking
 * state that title shows where it is made from a meeting template.
 */
#define TITLE_FOR_CUSTOMERS "CASE WHEN a.has_own_title THEN a.title ELSE a.title_for_customers END"

/* The appointment in a row of the result of such a statement. */
extern Appointment *appointment_read(Row *row);

/* The same of APPOINTMENT_COLUMNS alone. */
extern Appointment *appointment_read_columns(Row *row);

/* The appointment, if the caller may read it: in the calling query's snapshot, or as it is now. */
extern Appointment *appointment_find(const Caller *caller, const pg_uuid_t *id);
extern Appointment *appointment_find_now(const Caller *caller, const pg_uuid_t *id);

/* The appointment as it is now, if the caller may change it. */
extern Appointment *appointment_to_change(const Caller *caller, const pg_uuid_t *id);

/*
 * The appointment, if the caller may change it, locked until the transaction
 * ends, as it is after the wait for the lock. `for_delete` also locks out new
 * references to it.
 */
extern Appointment *appointment_lock(const Caller *caller, const pg_uuid_t *id, bool for_delete);

/* The appointment by its key, as it is now. */
extern Appointment *appointment_reload(const AppointmentKey *key);

/* Raise PT409 unless the appointment is SCHEDULED or ACTIVATED. */
extern void require_open(const Appointment *appointment);

/* State of the call: PENDING, ACTIVE or ENDED. */
extern const char *interaction_state(const Appointment *appointment);

/* A row of appt.appointment_details, by the descriptor of that type. */
extern HeapTuple appointment_tuple(TupleDesc descriptor, const Appointment *appointment);

/* The same in a virtual slot of that type. What it points to is not copied. */
extern void appointment_put(TupleTableSlot *slot, const Appointment *appointment);

/* The result of the SQL function: appt.appointment_details, in the caller's memory context. */
extern Datum appointment_details(Call *call, FunctionCallInfo fcinfo,
								 const Appointment *appointment);

/* The same for appt.room_access_details. */
extern Datum room_access_details(Call *call, FunctionCallInfo fcinfo, const Room *room);

/*
 * End a function that changed the appointment: return its details as they are
 * now, and end the call.
 */
extern Datum return_details(Call *call, FunctionCallInfo fcinfo, const AppointmentKey *key);

#endif							/* APPT_APPOINTMENT_H */
