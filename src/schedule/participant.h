/*
 * participant.h
 *		Participants of an appointment.
 */
#ifndef APPT_PARTICIPANT_H
#define APPT_PARTICIPANT_H

#include "schedule/appointment.h"

/* A customer, as in the JSON argument; NULL: not given. */
typedef struct Customer
{
	char	   *id;				/* generated */
	char	   *username;
	char	   *first_name;
	char	   *last_name;
	char	   *email;			/* a valid address */
	char	   *phone;			/* E.164 if it can be called, else as written */
	char	   *locale;
	char	   *preferred_channel;	/* EMAIL or SMS */
	const char *verified_channel;	/* channel of the address that a code
									 * verified; NULL: none */
	Jsonb	   *metadata;		/* never NULL */
	bool		is_lead;		/* given at scheduling */
} Customer;

/*
 * Read {"name": {"firstName", "lastName"}, "contact": {"primaryEmail",
 * "primaryPhone"}, "username", "metadata", "locale", "preferredChannel"}.
 * 22023: an unknown member or an invalid value. calling_code, the
 * application's, may be NULL.
 */
extern Customer *customer_parse(Jsonb *object, const char *calling_code);

/* The member with the customer's address for a channel; NULL: customers are not reached over this channel. */
extern char **customer_address(Customer *customer, ChannelCode channel);

/*
 * Country calling code for an application's phone numbers that have none;
 * NULL: none. PT404: no such application.
 */
extern char *find_calling_code(const pg_uuid_t *application_id);

/* AGENT or CUSTOMER; NULL if there is no participant with that id. */
extern char *participant_type(const AppointmentKey *key, const char *participant_id);

/* Agents and customers of one appointment. */
#define MAX_PARTICIPANTS 500

/* PT409 if the appointment has MAX_PARTICIPANTS already. It is locked. */
extern void require_not_full(const AppointmentKey *key);

/*
 * Store an agent and a customer, either of whom may be NULL, or one of them. The
 * appointment is new, or it is locked and has room. created_at is the transaction's
 * start for a new appointment, else the clock's time: config/record_change.c tells
 * by it who was added later.
 */
extern void participants_insert(const AppointmentKey *key, const char *agent_id, const Customer *customer,
								TimestampTz created_at);
extern void agent_insert(const AppointmentKey *key, const char *user_id, TimestampTz created_at);
extern void customer_insert(const AppointmentKey *key, const Customer *customer, TimestampTz created_at);

#endif							/* APPT_PARTICIPANT_H */
