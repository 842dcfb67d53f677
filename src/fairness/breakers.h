/*
 * breakers.h
 *		The circuits of lanes and destinations: fed with what transfers tell,
 *		and reported to operators while they are open.
 */
#ifndef APPT_BREAKERS_H
#define APPT_BREAKERS_H

#include "fairness/circuit_report.h"
#include "fairness/scheduler.h"

typedef enum Finding
{
	FINDING_NONE, FINDING_GOOD, FINDING_BAD
} Finding;

/*
 * What a transfer told, with an error for people or NULL; true if the circuit
 * closed. That it opens or closes is logged.
 */
extern bool breaker_note(Scheduler *scheduler, Breaker *breaker, Finding finding, bool is_probe,
						 const char *error, TimestampTz now);

/* What made it open may be mended: probe at once. */
extern void breaker_probe_now(Scheduler *scheduler, Breaker *breaker, TimestampTz now);

/* All that are open (a reload). */
extern void breakers_probe_now(Scheduler *scheduler, TimestampTz now);

/* Who it was about has gone. */
extern void breaker_forget(Scheduler *scheduler, Breaker *breaker);

/* Fill in at most `max`, the oldest first; how many there are. */
extern int	breakers_report(Scheduler *scheduler, CircuitReport *reports, int max);

/* Has any of it changed since the last call? */
extern bool breakers_have_news(Scheduler *scheduler);

#endif							/* APPT_BREAKERS_H */
