/*
 * circuit.c
 *		The state machine of a circuit breaker.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/timestamp.h"

#include "fairness/circuit.h"

/* After a clock was set back, no probe waits longer than it would have. */
static bool
probe_is_due(const Circuit *circuit, TimestampTz now)
{
	return now >= circuit->probe_at || circuit->probe_at - now > CIRCUIT_LONGEST_WAIT;
}

int
circuit_room(const Circuit *circuit, TimestampTz now)
{
	if (!circuit->is_open)
		return INT_MAX;
	return !circuit->is_probing && probe_is_due(circuit, now) ? 1 : 0;
}

TimestampTz
circuit_next(const Circuit *circuit, TimestampTz now)
{
	if (circuit->is_open && circuit->is_probing)
		return DT_NOEND;
	return !circuit->is_open || probe_is_due(circuit, now) ? now : circuit->probe_at;
}

bool
circuit_start(Circuit *circuit)
{
	bool		is_probe = circuit->is_open && !circuit->is_probing;

	if (is_probe)
		circuit->is_probing = true;
	return is_probe;
}

CircuitChange
circuit_succeed(Circuit *circuit)
{
	bool		was_open = circuit->is_open;

	memset(circuit, 0, sizeof(Circuit));
	return was_open ? CIRCUIT_CLOSED : CIRCUIT_UNCHANGED;
}

/* Sets the next probe, and the wait for the one after it. */
static void
schedule_probe(Circuit *circuit, TimeOffset wait, TimestampTz now)
{
	circuit->is_probing = false;
	circuit->probe_at = now + wait;
	circuit->wait = Min(2 * wait, CIRCUIT_LONGEST_WAIT);
}

CircuitChange
circuit_fail(Circuit *circuit, bool is_probe, TimestampTz now)
{
	if (circuit->is_open && !(is_probe && circuit->is_probing))
		return CIRCUIT_UNCHANGED;
	circuit->failures++;
	if (circuit->is_open)
	{
		schedule_probe(circuit, circuit->wait, now);
		return CIRCUIT_FAILED_PROBE;
	}
	if (circuit->failures < CIRCUIT_FAILURES)
		return CIRCUIT_UNCHANGED;
	circuit->is_open = true;
	circuit->opened_at = now;
	schedule_probe(circuit, CIRCUIT_FIRST_WAIT, now);
	return CIRCUIT_OPENED;
}

void
circuit_inconclusive(Circuit *circuit, bool is_probe, TimestampTz now)
{
	if (!circuit->is_open || !is_probe)
		return;
	circuit->is_probing = false;
	circuit->probe_at = now + CIRCUIT_FIRST_WAIT;
}

void
circuit_probe_now(Circuit *circuit, TimestampTz now)
{
	if (!circuit->is_open)
		return;
	schedule_probe(circuit, CIRCUIT_FIRST_WAIT, now);
	circuit->probe_at = now;
}
