/*
 * capacity.h
 *		Limits on appointments that overlap: application.max_overlap and
 *		application.organizer_exclusive, exact under any concurrency.
 *
 * A new appointment: capacity_require before it is stored. An appointment
 * whose times or organizer change: capacity_lock before its row is locked, and
 * capacity_require after.
 *
 *	present = appointment_to_change(&caller, id);
 *	capacity_lock_move(present);	(if there is a limit: nobody else moves it now)
 *	present = appointment_to_change(&caller, id);
 *	... planned: a copy, changed ...
 *	capacity_lock(&capacity, planned, present);
 *	present = appointment_lock(&caller, id, false);
 *	... planned again ...
 *	capacity_require(&capacity, planned, present);
 *
 * All functions need SPI connected, as the owner, and a transaction that
 * writes.
 */
#ifndef APPT_CAPACITY_H
#define APPT_CAPACITY_H

#include "schedule/appointment.h"

/* An application's limits. */
typedef struct Capacity
{
	int			max_overlap;	/* 0: no limit */
	bool		organizer_exclusive;
} Capacity;

/* The application's limits; PT404 if it does not exist. */
extern Capacity capacity_of(const pg_uuid_t *application_id);

extern bool capacity_is_limited(const Capacity *capacity);

/* Keep others from moving or reassigning the appointment until the transaction ends. */
extern void capacity_lock_move(const Appointment *present);

/*
 * Keep others from booking the planned times until the transaction ends.
 * `present` is the appointment as it is, NULL for a new one: if the planned
 * one takes no more than it has, nothing is locked. Only times and organizer
 * matter.
 */
extern void capacity_lock(const Capacity *capacity, const Appointment *planned,
						  const Appointment *present);

/*
 * The same, and PT409 unless the limits allow it besides all appointments that
 * are committed or stored by this transaction, whatever its snapshot.
 */
extern void capacity_require(const Capacity *capacity, const Appointment *planned,
							 const Appointment *present);

#endif							/* APPT_CAPACITY_H */
