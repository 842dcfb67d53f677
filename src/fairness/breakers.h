/*
 * breakers.h
 *		The circuits of lanes and destinations: fed with findings of transfers,
 *		and reported while they are open.
 */
#ifndef APPT_BREAKERS_H
#define APPT_BREAKERS_H

#include "fairness/circuit_report.h"
#include "fairness/scheduler.h"

/* What a transfer tells about a lane or a destination. */
typedef enum Finding
{
	FINDING_NONE, FINDING_GOOD, FINDING_BAD
} Finding;

/*
 * Record a finding; true if it closed the circuit. `is_probe` is what
 * circuit_start returned for the message. `error` is a text for people, or NULL;
 * it is copied. Logs when the circuit opens or closes.
 */
extern bool breaker_note(Scheduler *scheduler, Breaker *breaker, Finding finding, bool is_probe,
						 const char *error, TimestampTz now);

/* The cause of the failures may be gone: a probe is due now. */
extern void breaker_probe_now(Scheduler *scheduler, Breaker *breaker, TimestampTz now);

/* The same for all open circuits. */
extern void breakers_probe_now(Scheduler *scheduler, TimestampTz now);

/* Its lane or destination is about to be removed: drop the circuit. */
extern void breaker_forget(Scheduler *scheduler, Breaker *breaker);

/* Report at most `max` open circuits, the oldest first; returns how many are open. */
extern int	breakers_report(Scheduler *scheduler, CircuitReport *reports, int max);

/* Has a circuit changed since the last call? True for the first call. */
extern bool breakers_have_news(Scheduler *scheduler);

#endif							/* APPT_BREAKERS_H */
