/*
 * participant.h
 *		The people of an appointment.
 */
#ifndef APPT_PARTICIPANT_H
#define APPT_PARTICIPANT_H

#include "schedule/appointment.h"

/* The seed's customer object; NULL: not given. */
typedef struct Customer
{
	char	   *id;				/* a new one */
	char	   *username;
	char	   *first_name;
	char	   *last_name;
	char	   *email;			/* one that mail can be sent to */
	char	   *phone;			/* E.164 where it can be */
	char	   *locale;
	char	   *preferred_channel;	/* EMAIL or SMS */
	const char *verified_channel;	/* by whose address a code was sent; NULL:
									 * none was needed */
	Jsonb	   *metadata;		/* never NULL */
} Customer;

/*
 * Check and read {"name": {"firstName", "lastName"}, "contact": {"primaryEmail",
 * "primaryPhone"}, "username", "metadata", "locale", "preferredChannel"}; other
 * members are ignored. 22023 for what can't be. calling_code, of the
 * application, may be NULL.
 */
extern Customer *customer_parse(Jsonb *object, const char *calling_code);

/* Of an application's phone numbers written without one; NULL: none. PT404 if there is no such application. */
extern char *find_calling_code(const pg_uuid_t *application_id);

/* AGENT or CUSTOMER; NULL if there is no participant of that id. */
extern char *participant_type(const AppointmentKey *key, const char *participant_id);

/* Of one appointment, agents and customers together. */
#define MAX_PARTICIPANTS 500

/* PT409 if the appointment has no place for another participant. It is locked. */
extern void require_place(const AppointmentKey *key);

/*
 * Store one; the appointment is new, or it is locked and has a place. Its
 * created_at is the transaction's start if the appointment is new, else the
 * clock's time: config/record_change.c so knows who was added later.
 */
extern void agent_insert(const AppointmentKey *key, const char *user_id, TimestampTz created_at);
extern void customer_insert(const AppointmentKey *key, const Customer *customer, TimestampTz created_at);

#endif							/* APPT_PARTICIPANT_H */
