/*
 * appointment_payload.h
 *		What webhooks tell of an appointment, as JSON.
 */
#ifndef APPT_APPOINTMENT_PAYLOAD_H
#define APPT_APPOINTMENT_PAYLOAD_H

#include "notify/facts.h"
#include "notify/unpacking.h"

/*
 * The seed's GetAppointmentResponse plus state, cancelReason, and the members of
 * `event` (NULL: none), as JSON text (camelCase) in CurrentMemoryContext. If it
 * needs more than the budget, `unpacking` is over and the text incomplete.
 */
extern char *appointment_payload(const AppointmentFacts *appointment, const Stored *event,
								 Unpacking *unpacking);

#endif							/* APPT_APPOINTMENT_PAYLOAD_H */
