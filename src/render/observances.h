/*
 * observances.h
 *		What clocks show around an event, by PostgreSQL's data. RFC 5545 calls
 *		the spans between two changes of a timezone's clocks its observances.
 *
 * Instants are whole seconds since 1970.
 */
#ifndef APPT_OBSERVANCES_H
#define APPT_OBSERVANCES_H

#include "pgtime.h"

#define MAX_OBSERVANCES 2

typedef struct Observance
{
	pg_time_t	begins;			/* its first instant */
	int			offset_from;	/* before, in seconds east of UTC */
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
 * Finds the observance that the event starts in and the one that it ends in. If
 * they are the same, the second is the next one, if it begins within a year.
 * False if a reader could take the local time of the start or the end for
 * another instant.
 */
extern bool observances_find(const pg_tz *zone, pg_time_t start, pg_time_t end,
							 Observances *found);

/* The offset of clocks at an instant, in seconds east of UTC. */
extern int	observances_offset(const Observances *observances, pg_time_t at);

#endif							/* APPT_OBSERVANCES_H */
