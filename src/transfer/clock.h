/*
 * clock.h
 *		The clock of all deadlines in this folder.
 */
#ifndef APPT_CLOCK_H
#define APPT_CLOCK_H

#include <time.h>

/* Milliseconds since some fixed moment. Never jumps, whatever happens to the time of day. */
static inline int64
monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif							/* APPT_CLOCK_H */
