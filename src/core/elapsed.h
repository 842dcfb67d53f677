/*
 * elapsed.h
 *		Elapsed time: intervals without months, as microseconds.
 */
#ifndef APPT_ELAPSED_H
#define APPT_ELAPSED_H

#include "datatype/timestamp.h"

/* A day is 24 hours; months, of which the interval must have none, are ignored. */
extern TimeOffset elapsed_microseconds(const Interval *interval);

/* In CurrentMemoryContext. */
extern Interval *elapsed_interval(TimeOffset microseconds);

#endif							/* APPT_ELAPSED_H */
