/*
 * argument_checks.h
 *		Arguments of configuration functions, read and checked.
 *
 * Every function raises 22023 with a constant message and the value in DETAIL;
 * `name` is the argument's name, for DETAIL. Texts live in CurrentMemoryContext.
 */
#ifndef APPT_ARGUMENT_CHECKS_H
#define APPT_ARGUMENT_CHECKS_H

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/jsonb.h"

/* Limits of a rate, in messages per second. A rate that underflows a double would stop the worker for everybody. */
#define MIN_RATE 1e-6
#define MAX_RATE 1e6

/* Longest elapsed time, a century. */
#define MAX_DAYS 36500
#define MAX_ELAPSED (MAX_DAYS * USECS_PER_DAY)	/* microseconds */

/* Text of up to 8 kB: of any characters; of one line; of one line, neither NULL nor empty. NULL of NULL. */
extern char *limited_text(FunctionCallInfo fcinfo, int index, const char *name);
extern char *optional_text(FunctionCallInfo fcinfo, int index, const char *name);
extern char *required_text(FunctionCallInfo fcinfo, int index, const char *name);

/* An integer from lowest to highest, or NULL. */
extern void check_range(FunctionCallInfo fcinfo, int index, const char *name, int lowest, int highest);

/* A numeric from MIN_RATE to MAX_RATE, or NULL. */
extern void check_rate(FunctionCallInfo fcinfo, int index, const char *name);

/* An interval without months, not NULL, over 0 (or 0, where allowed) and up to MAX_ELAPSED. */
extern void check_elapsed(FunctionCallInfo fcinfo, int index, const char *name, bool zero_allowed);

/* The code is one of `codes`, which ends with NULL. */
extern void check_code(const char *code, const char *const *codes, const char *name);

/* All members of the object are in `known`, which ends with NULL; `path` names the object in DETAIL. */
extern void check_members(JsonbContainer *object, const char *const *known, const char *path);

#endif							/* APPT_ARGUMENT_CHECKS_H */
