/*
 * room.h
 *		The room of an activated appointment; whoever knows its link may
 *		enter.
 */
#ifndef APPT_ROOM_H
#define APPT_ROOM_H

#include "schedule/appointment.h"

/* An application's settings of rooms. */
typedef struct RoomSettings
{
	char	   *url;			/* NULL: none */
	int			code_length;	/* 0: 9 letters in three groups */
} RoomSettings;

/* Open a room with a ticket that nobody can guess. SPI connected, as the owner. */
extern Room room_open(const AppointmentKey *key, const RoomSettings *settings, TimestampTz end_at);

/* Set the expiry for another end of the appointment; ticket and url stay. */
extern void room_move(const AppointmentKey *key, TimestampTz end_at);

#endif							/* APPT_ROOM_H */
