/*
 * room.h
 *		The room of an activated appointment: who knows its link may enter.
 */
#ifndef APPT_ROOM_H
#define APPT_ROOM_H

#include "schedule/appointment.h"

/* What an application says about its rooms. */
typedef struct RoomSettings
{
	char	   *url;			/* NULL: none */
	int			code_length;	/* 0: the usual code, of 9 letters with hyphens */
} RoomSettings;

/* Open a room with a ticket that nobody can guess. SPI connected, as the owner. */
extern Room room_open(const AppointmentKey *key, const RoomSettings *settings, TimestampTz end_at);

/* The appointment ends at another time; ticket and url stay. */
extern void room_move(const AppointmentKey *key, TimestampTz end_at);

#endif							/* APPT_ROOM_H */
