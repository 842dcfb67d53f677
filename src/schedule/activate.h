/*
 * activate.h
 *		Activation by the worker.
 */
#ifndef APPT_ACTIVATE_H
#define APPT_ACTIVATE_H

#include "notify/planning.h"

/*
 * Sending ROOM activates the appointment (application.room_activates): open its
 * room, if it is SCHEDULED and the application still wants that. No ACTIVATE is
 * planned: nobody activated it explicitly. Never waits: false if somebody holds
 * its row; nothing is changed then. In a transaction, SPI connected, as the owner.
 */
extern bool activate_for_room(const AppointmentKey *key, TimestampTz now);

#endif							/* APPT_ACTIVATE_H */
