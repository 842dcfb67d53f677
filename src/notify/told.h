/*
 * told.h
 *		Which customers no message has told of their appointment.
 */
#ifndef APPT_TOLD_H
#define APPT_TOLD_H

#include "core/statement.h"
#include "notify/appointment_key.h"

/*
 * The ids of this appointment's customers, or of the one named, whom no message
 * of these types (codes, as text[]) has told of it: a text[] in
 * CurrentMemoryContext, NULL if there are none. Call it in a transaction that
 * holds the appointment's lock and has superseded these types, before
 * participants are deleted.
 */
extern NullableDatum customers_never_told(const AppointmentKey *key, Datum telling_types,
										  const char *participant_id, TimestampTz now);

#endif							/* APPT_TOLD_H */
