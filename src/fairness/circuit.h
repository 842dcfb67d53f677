/*
 * circuit.h
 *		Circuit breakers: who keeps failing is asked gently, one message at a
 *		time, until it answers.
 *
 *	closed --- CIRCUIT_FAILURES failures in a row ---> open
 *	open   --- probe_at has come: one message, the probe ---> probing
 *	probing -- failed: the next probe after twice the wait ---> open
 *	open, probing -- any success ---> closed
 *
 * Pure: the clock is an argument. What was under way when the circuit opened
 * may still close it, and can't keep it open longer.
 */
#ifndef APPT_CIRCUIT_H
#define APPT_CIRCUIT_H

#include "datatype/timestamp.h"

/* More than the default of max_attempts: no message opens a circuit by its own retries. */
#define CIRCUIT_FAILURES 10

/* Between two probes: doubled from the first to the last; shorter than the window of a reminder. */
#define CIRCUIT_FIRST_WAIT USECS_PER_SEC
#define CIRCUIT_LONGEST_WAIT (30 * USECS_PER_SEC)

/* Zeroes are a closed circuit. */
typedef struct Circuit
{
	int			failures;		/* in a row, probes included */
	bool		is_open;
	bool		is_probing;
	TimestampTz opened_at;
	TimestampTz probe_at;
	TimeOffset	wait;			/* before the probe after that */
} Circuit;

typedef enum CircuitChange
{
	CIRCUIT_UNCHANGED, CIRCUIT_OPENED, CIRCUIT_FAILED_PROBE, CIRCUIT_CLOSED
} CircuitChange;

/* How many may be under way because of it: INT_MAX, 1 for a probe that is due, 0. */
extern int	circuit_room(const Circuit *circuit, TimestampTz now);

/* When a probe is due; DT_NOEND while one is under way; `now` if it is closed. */
extern TimestampTz circuit_next(const Circuit *circuit, TimestampTz now);

/* One is started: true if it is the probe. */
extern bool circuit_start(Circuit *circuit);

extern CircuitChange circuit_succeed(Circuit *circuit);
extern CircuitChange circuit_fail(Circuit *circuit, bool is_probe, TimestampTz now);

/* What made it open may be mended: a probe is due now. */
extern void circuit_probe_now(Circuit *circuit, TimestampTz now);

/* It ended without telling anything: a probe that was none is repeated. */
extern void circuit_inconclusive(Circuit *circuit, bool is_probe, TimestampTz now);

#endif							/* APPT_CIRCUIT_H */
