/*
 * observances.h
 *		What clocks showed around an event, as a calendar file tells it: RFC
 *		5545 calls the spans between two changes of a timezone's clocks its
 *		observances.
 *
 * They are PostgreSQL's. Instants are whole seconds since 1970.
 */
#ifndef APPT_OBSERVANCES_H
#define APPT_OBSERVANCES_H

#include "pgtime.h"

#define MAX_OBSERVANCES 2

typedef struct Observance
{
	pg_time_t	begins;			/* its first instant */
	int			offset_from;	/* until then, in seconds east of UTC */
	int			offset_to;		/* from then on */
	bool		is_daylight;
	char		name[TZ_STRLEN_MAX + 1];	/* "CEST" */
} Observance;

typedef struct Observances
{
	int			count;
	Observance	all[MAX_OBSERVANCES];	/* in the order of time */
} Observances;

/*
 * Those that local times of an event are read by: the one that it starts in, the
 * one that it ends in and, if that is the same, the one after it if it begins
 * within a year. False if a reader of local times would take the start or the
 * end for another instant.
 */
extern bool observances_find(const pg_tz *zone, pg_time_t start, pg_time_t end,
							 Observances *found);

/* What clocks showed at an instant, in seconds east of UTC. */
extern int	observances_offset(const Observances *observances, pg_time_t at);

#endif							/* APPT_OBSERVANCES_H */
