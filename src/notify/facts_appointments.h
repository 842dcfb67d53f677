/*
 * facts_appointments.h
 *		Facts about appointments, their rooms and who takes part in them.
 */
#ifndef APPT_FACTS_APPOINTMENTS_H
#define APPT_FACTS_APPOINTMENTS_H

#include "notify/facts_batch.h"

/* Sets `appointment` of each notification whose appointment exists. */
extern void load_appointments(Batch *batch);

/* Sets `recipient` of each notification to a customer who exists. */
extern void load_recipients(Batch *batch);

/*
 * The first columns of a SELECT list for read_appointment, from
 * appt.appointment a and appt.room_access r. Likewise for read_recipient, from
 * appt.participant p.
 */
#define APPOINTMENT_COLUMNS \
	"a.id, a.application_id, a.conference_id, a.state, a.organizer_id, a.organizer_type," \
	" a.title, a.notes, a.location, a.start_at, a.end_at, a.ended_at, a.timezone, a.locale," \
	" a.notifications_active, a.metadata, a.interaction, a.notification_headers, a.sequence," \
	" r.ticket, r.type, r.url, r.expires, a.interaction->>'state' <> 'PENDING', a.updated_at," \
	" a.cancel_reason, a.meeting_template_id, a.booking_state, a.notification_state, to_jsonb(a.changed_fields)," \
	" a.has_own_title IS FALSE, a.title_for_customers," \
	" CASE WHEN a.booking_state = 'NEW' THEN (SELECT m.reminders_need_confirmation FROM appt.meeting_template m" \
	"  WHERE m.application_id = a.application_id AND m.id = a.meeting_template_id) END"

#define PARTICIPANT_COLUMNS \
	"p.id, p.type = 'CUSTOMER', p.username, p.first_name, p.last_name, p.email, p.phone," \
	" p.locale, p.metadata, p.verified_channel"

extern AppointmentFacts *read_appointment(Batch *batch, Row *row);
extern ParticipantFacts *read_recipient(Batch *batch, Row *row);

#endif							/* APPT_FACTS_APPOINTMENTS_H */
