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

/* All of these in a transaction, SPI connected, as the owner. */

/*
 * Find at most `limit` of those that nobody has locked, after this one in the
 * order of application, end_at and id; all zero: from the start.
 */
extern int	overdue_find(TimestampTz now, const Overdue *after, Overdue *found, int limit);

/*
 * End these, with ended_at = end_at; returns how many. Waits for nobody: what
 * somebody has locked, or a message of it, is left.
 */
extern int	overdue_end(const Overdue *overdue, int count, TimestampTz now);

/* When there will be something to end; a moment later for what is left, DT_NOEND for never. */
extern TimestampTz overdue_next(TimestampTz now);

#endif							/* APPT_END_H */
