/*
 * booking.h
 *		What scheduling is, whoever does it. A function that books reads, says
 *		who organizes, and stores:
 *
 *	booking = booking_read(fcinfo, &where, now);
 *	booking->appointment->organizer_id = ...; ->organizer_type = ...;
 *	booking_store(booking);
 *
 * All need SPI connected, as the owner; structs live in CurrentMemoryContext.
 */
#ifndef APPT_BOOKING_H
#define APPT_BOOKING_H

#include "schedule/capacity.h"
#include "schedule/participant.h"
#include "schedule/room.h"

#define BOOKING_NO_ARGUMENT (-1)

/* Where a function that books has its arguments; of the last two there may be none. */
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
} BookingArguments;

/* What an application and its organization say about scheduling. */
typedef struct BookingSettings
{
	bool		notifications_enabled;
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
	Jsonb	   *notification_headers;	/* NULL: none */
} Booking;

/*
 * Read and check all arguments, and make the ids. 22023 for what can't be,
 * PT404 for an application that is not there; whose it is, the caller of this
 * has to ask.
 */
extern Booking *booking_read(FunctionCallInfo fcinfo, const BookingArguments *where, TimestampTz now);

/*
 * Store the appointment with its people and room, and plan what it owes. PT409
 * where no place is left, or the agent who organizes it is not free. The
 * organizer attends if it is an AGENT; a CUSTOMER that organizes is
 * booking->customer.
 */
extern void booking_store(Booking *booking);

#endif							/* APPT_BOOKING_H */
