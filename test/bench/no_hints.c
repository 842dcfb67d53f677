/*
 * no_hints.c
 *		A stand-in for hints about inboxes: none is ever sent.
 *
 * `make bench` links the worker with it, to measure what hints cost. It is never
 * installed.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "worker/hints.h"

Hints *
hints_create(Worker *worker)
{
	return NULL;
}

void
hints_add(Hints *hints, const pg_uuid_t *notify_key)
{
}

void
hints_send(Hints *hints, TimestampTz now)
{
}

TimestampTz
hints_next(const Hints *hints)
{
	return DT_NOEND;
}

void
hints_clock_was_set(Hints *hints)
{
}
