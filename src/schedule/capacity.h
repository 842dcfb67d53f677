/*
 * capacity.h
 *		How many appointments may overlap: application.max_overlap and
 *		application.organizer_exclusive, exact under any concurrency.
 *
 * A new appointment: capacity_require before it is stored. One whose times or
 * organizer change: what is planned is locked before its row, and required once
 * the row is locked.
 *
 *	present = appointment_to_change(&caller, id);
 *	capacity_lock_move(present);	if there is a limit: nobody else moves it now
 *	present = appointment_to_change(&caller, id);
 *	... planned: a copy, changed ...
 *	capacity_lock(&capacity, planned, present);
 *	present = appointment_lock(&caller, id, false);
 *	... planned likewise ...
 *	capacity_require(&capacity, planned, present);
 *
 * All need SPI connected, as the owner, and a transaction that writes.
 */
#ifndef APPT_CAPACITY_H
#define APPT_CAPACITY_H

#include "schedule/appointment.h"

/* What an application says about it. */
typedef struct Capacity
{
	int			max_overlap;	/* 0: no limit */
	bool		organizer_exclusive;
} Capacity;

/* The application's; PT404 if it is not there. */
extern Capacity capacity_of(const pg_uuid_t *application_id);

extern bool capacity_is_limited(const Capacity *capacity);

/* Keep others from moving or reassigning the appointment until the transaction ends. */
extern void capacity_lock_move(const Appointment *present);

/*
 * Keep others from booking what is planned, until the transaction ends.
 * `present` is the appointment as it is, NULL for a new one: where it takes
 * no more than it has, nothing is locked. Only times and organizer matter.
 */
extern void capacity_lock(const Capacity *capacity, const Appointment *planned,
						  const Appointment *present);

/*
 * That too, and PT409 unless there is room for it besides all that is
 * committed or this transaction's own, whatever its snapshot.
 */
extern void capacity_require(const Capacity *capacity, const Appointment *planned,
							 const Appointment *present);

#endif							/* APPT_CAPACITY_H */
