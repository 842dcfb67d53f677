/*
 * end.h
 *		Ending appointments that are overdue.
 */
#ifndef APPT_END_H
#define APPT_END_H

#include "utils/timestamp.h"

#include "notify/planning.h"

/* An overdue appointment: ACTIVATED, though end_at plus the application's end_grace has passed. */
typedef struct Overdue
{
	AppointmentKey key;
	TimestampTz end_at;
} Overdue;

/* All functions need a transaction and SPI connected, as the owner. */

/*
 * Find at most `limit` overdue appointments that nobody has locked, after
 * `after` in the order of application, end_at and id; all zeroes: from the
 * start.
 */
extern int	overdue_find(TimestampTz now, const Overdue *after, Overdue *found, int limit);

/*
 * End these appointments with ended_at = end_at; returns how many. Does not
 * wait: an appointment is skipped if it or one of its messages is locked.
 */
extern int	overdue_end(const Overdue *overdue, int count, TimestampTz now);

/* When to call again: soon if some were skipped; DT_NOEND: never. */
extern TimestampTz overdue_next(TimestampTz now);

#endif							/* APPT_END_H */
