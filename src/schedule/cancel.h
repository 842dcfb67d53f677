/*
 * cancel.h
 *		Cancelling an appointment.
 */
#ifndef APPT_CANCEL_H
#define APPT_CANCEL_H

#include "notify/appointment_key.h"

/* The appointment, which is locked and open, is CANCELLED; what is planned is the caller's. `reason` may be NULL. */
extern void set_cancelled(const AppointmentKey *key, const char *reason);

#endif							/* APPT_CANCEL_H */
