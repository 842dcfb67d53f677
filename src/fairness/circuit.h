/*
 * circuit.h
 *		Circuit breakers: a lane or destination that keeps failing gets one
 *		message at a time, until one succeeds.
 *
 *	closed --- CIRCUIT_FAILURES failures in a row ---> open
 *	open   --- probe_at has come: one message, the probe ---> probing
 *	probing -- it failed: the next probe after twice the wait ---> open
 *	open, probing -- any message succeeds ---> closed
 *
 * Pure: the clock is an argument. A message that was in flight when the circuit
 * opened can close it, but can't keep it open longer.
 */
#ifndef APPT_CIRCUIT_H
#define APPT_CIRCUIT_H

#include "datatype/timestamp.h"

/* More than the default of max_attempts: the retries of one message never open a circuit. */
#define CIRCUIT_FAILURES 10

/* The wait before a probe doubles from the first to the longest, which is shorter than the window of a reminder. */
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
	TimeOffset	wait;			/* after that probe, if it fails */
} Circuit;

typedef enum CircuitChange
{
	CIRCUIT_UNCHANGED, CIRCUIT_OPENED, CIRCUIT_FAILED_PROBE, CIRCUIT_CLOSED
} CircuitChange;

/* How many messages may be in flight: INT_MAX if it is closed, 1 if a probe is due, else 0. */
extern int	circuit_room(const Circuit *circuit, TimestampTz now);

/* When a probe is due; DT_NOEND while one is in flight; `now` if the circuit is closed. */
extern TimestampTz circuit_next(const Circuit *circuit, TimestampTz now);

/* A message starts; true if it is the probe. */
extern bool circuit_start(Circuit *circuit);

/* A message has ended. `is_probe` is what circuit_start returned for it. */
extern CircuitChange circuit_succeed(Circuit *circuit);
extern CircuitChange circuit_fail(Circuit *circuit, bool is_probe, TimestampTz now);

/* It has ended and shows neither success nor failure: a probe is repeated after the first wait. */
extern void circuit_inconclusive(Circuit *circuit, bool is_probe, TimestampTz now);

/* The cause of the failures may be gone: a probe is due now. */
extern void circuit_probe_now(Circuit *circuit, TimestampTz now);

#endif							/* APPT_CIRCUIT_H */
