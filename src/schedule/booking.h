/*
 * booking.h
 *		The part of scheduling that agents and customers share.
 *
 * A function that books calls booking_read, sets the organizer and calls
 * booking_store:
 *
 *	booking = booking_read(fcinfo, &where, now);
 *	booking->appointment->organizer_id = ...; ->organizer_type = ...;
 *	booking_store(booking);
 *
 * All functions need SPI connected, as the owner; structs live in
 * CurrentMemoryContext.
 */
#ifndef APPT_BOOKING_H
#define APPT_BOOKING_H

#include "schedule/capacity.h"
#include "schedule/meeting_template.h"
#include "schedule/participant.h"
#include "schedule/room.h"

#define BOOKING_NO_ARGUMENT (-1)

/* Positions of the arguments of a function that books; the last three may be BOOKING_NO_ARGUMENT. */
typedef struct BookingArguments
{
	int			application_id;
	int			start_at;
	int			duration;
	int			customer;
	int			title;
	int			notes;
	int			location;
	int			timezone;
	int			locale;
	int			metadata;
	int			interaction;
	int			notification_headers;
	int			meeting_template_id;
} BookingArguments;

/* Settings of an application and its organization for scheduling. */
typedef struct BookingSettings
{
	bool		notifications_enabled;
	bool		has_users;		/* see plan_scheduled */
	bool		auto_activate;
	RoomSettings room;
	char	   *locale;
	char	   *timezone;
	char	   *calling_code;	/* NULL: none */
	TimeOffset	max_duration;
	TimeOffset	end_grace;
	Capacity	capacity;
} BookingSettings;

typedef struct Booking
{
	TimestampTz now;
	BookingSettings *settings;
	Appointment *appointment;	/* all but organizer_id and organizer_type */
	Customer   *customer;		/* NULL: none */
	const MeetingTemplate *meeting; /* NULL: none */
	bool		confirms;		/* by its rules the customer is told of it */
	Jsonb	   *notification_headers;	/* NULL: none */
	const char *actor;			/* the user who books; NULL: no user */
} Booking;

/*
 * Read and check all arguments, and make the ids. What they leave out comes from
 * the meeting template, if they name one. 22023: an invalid argument. PT404: no
 * such application or meeting template. Does not check whether the caller may use the
 * application.
 */
extern Booking *booking_read(FunctionCallInfo fcinfo, const BookingArguments *where, TimestampTz now);

/*
 * Store the appointment with its participants and room, and plan its
 * notifications. PT409: no capacity is left, or the agent who organizes it is
 * not free. An AGENT that organizes becomes a participant; a CUSTOMER that
 * organizes is booking->customer.
 */
extern void booking_store(Booking *booking);

#endif							/* APPT_BOOKING_H */
