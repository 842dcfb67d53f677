/*
 * customer_booking.h
 *		Scheduling by customers, for functions that are called in another way.
 */
#ifndef APPT_CUSTOMER_BOOKING_H
#define APPT_CUSTOMER_BOOKING_H

#include "fmgr.h"

/* appt.schedule_appointment_as_customer; its result is of the type that the called function declares. */
extern PGDLLEXPORT Datum schedule_appointment_as_customer(PG_FUNCTION_ARGS);

#endif							/* APPT_CUSTOMER_BOOKING_H */
