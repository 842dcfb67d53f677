/*
 * arguments.h
 *		Arguments that a function can't do without.
 *
 * Every argument has a default, so that PostgREST finds the function however
 * few of them a request has: one that is left out arrives as NULL. 22023, with
 * the names of what is missing in DETAIL.
 */
#ifndef APPT_ARGUMENTS_H
#define APPT_ARGUMENTS_H

#include "fmgr.h"

/* The first `count` arguments of the function; all that are missing are named. */
extern void require_arguments(FunctionCallInfo fcinfo, int count);

/* One argument, whatever SQL calls it. */
extern void require_argument(FunctionCallInfo fcinfo, int index, const char *name);

#endif							/* APPT_ARGUMENTS_H */
