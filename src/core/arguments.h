/*
 * arguments.h
 *		Required arguments of functions.
 *
 * Every argument has a default, so that PostgREST finds the function however
 * few arguments a request has; an argument that is left out arrives as NULL.
 * 22023 with the names of the missing ones in DETAIL.
 */
#ifndef APPT_ARGUMENTS_H
#define APPT_ARGUMENTS_H

#include "fmgr.h"

/* The first `count` arguments of the function must not be NULL. */
extern void require_arguments(FunctionCallInfo fcinfo, int count);

/* One argument must not be NULL; `name` is its name for DETAIL. */
extern void require_argument(FunctionCallInfo fcinfo, int index, const char *name);

#endif							/* APPT_ARGUMENTS_H */
