/*
 * activate.h
 *		Activation by the worker.
 */
#ifndef APPT_ACTIVATE_H
#define APPT_ACTIVATE_H

#include "notify/planning.h"

/*
 * Activate the appointment because a ROOM message is sent
 * (application.room_activates): open its room if it is SCHEDULED and the
 * application still has the setting. Plans no ACTIVATE, because nobody
 * activated it explicitly. Never waits: returns false and changes nothing if
 * another transaction has locked the row. In a transaction, SPI connected, as
 * the owner.
 */
extern bool activate_for_room(const AppointmentKey *key, TimestampTz now);

#endif							/* APPT_ACTIVATE_H */
