/*
 * hour_chores.h
 *		The chores of hourly figures: finding hours to count, and counting them.
 */
#ifndef APPT_HOUR_CHORES_H
#define APPT_HOUR_CHORES_H

#include "utils/uuid.h"

#include "worker/chore_pace.h"
#include "worker/guard.h"

typedef struct HourChores
{
	Worker	   *worker;
	Chore		review;
	pg_uuid_t	reviewed;		/* the last application of the pass */
	Chore		counting;
} HourChores;

extern void hour_chores_begin(HourChores *hours, Worker *worker);

/* Look for hours to count, also those that another worker has left. */
extern void hour_chores_look(HourChores *hours);

/* The clock was set back: all times computed before are invalid. */
extern void hour_chores_clock_was_set(HourChores *hours);

/* One step of each that is due, in its own transaction. */
extern void hour_chores_do(HourChores *hours);

/* When the next step is due. */
extern TimestampTz hour_chores_next(const HourChores *hours);

#endif							/* APPT_HOUR_CHORES_H */
