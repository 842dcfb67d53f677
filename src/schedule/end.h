/*
 * end.h
 *		Ending appointments whose time is over.
 */
#ifndef APPT_END_H
#define APPT_END_H

#include "utils/timestamp.h"

/*
 * End at most `limit` appointments that are still ACTIVATED although end_at and
 * the application's end_grace have passed, with ended_at = end_at; returns how
 * many. *next: when there may be something to end again, DT_NOEND for never.
 * Never waits: rows that somebody holds are left for a moment later. In a
 * transaction, SPI connected, as the owner.
 */
extern int	end_overdue_appointments(TimestampTz now, int limit, TimestampTz *next);

#endif							/* APPT_END_H */
