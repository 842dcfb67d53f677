/*
 * end.h
 *		Ending appointments whose time is over.
 */
#ifndef APPT_END_H
#define APPT_END_H

#include "utils/timestamp.h"

#include "notify/planning.h"

/* An appointment that is still ACTIVATED although end_at and the application's end_grace have passed. */
typedef struct Overdue
{
	AppointmentKey key;
	TimestampTz end_at;
} Overdue;

/* All functions need a transaction, SPI connected, as the owner. */

/*
 * Find at most `limit` overdue appointments that nobody has locked, those after
 * `after` in the order of application, end_at and id; all zero: from the start.
 */
extern int	overdue_find(TimestampTz now, const Overdue *after, Overdue *found, int limit);

/*
 * End these, with ended_at = end_at; returns how many. Does not wait: an
 * appointment that somebody has locked, or a message of it, is left as it is.
 */
extern int	overdue_end(const Overdue *overdue, int count, TimestampTz now);

/* When there will be something to end: a moment from now for what was left; DT_NOEND: never. */
extern TimestampTz overdue_next(TimestampTz now);

#endif							/* APPT_END_H */
