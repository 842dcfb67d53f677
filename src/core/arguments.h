/*
 * arguments.h
 *		Arguments of functions, read and checked.
 *
 * Every argument has a default, so that PostgREST finds the function however
 * few arguments a request has; an argument that is left out arrives as NULL.
 *
 * Every check raises 22023 with a constant message and the value in DETAIL;
 * `name` is the argument's name, for DETAIL. Texts live in CurrentMemoryContext.
 */
#ifndef APPT_ARGUMENTS_H
#define APPT_ARGUMENTS_H

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* Limits of a rate, in messages per second. A rate that underflows a double would stop the worker for everybody. */
#define MIN_RATE 1e-6
#define MAX_RATE 1e6

/* Longest elapsed time, a century. */
#define MAX_DAYS 36500
#define MAX_ELAPSED (MAX_DAYS * USECS_PER_DAY)	/* microseconds */

/* The first `count` arguments of the function must not be NULL; DETAIL names those that are. */
extern void require_arguments(FunctionCallInfo fcinfo, int count);

/* One argument must not be NULL. */
extern void require_argument(FunctionCallInfo fcinfo, int index, const char *name);

/* A text as a C string; NULL of NULL. */
extern char *text_argument(FunctionCallInfo fcinfo, int index);

/* The same of up to 8 kB: of any characters; of one line; of one line, neither NULL nor empty. */
extern char *limited_text(FunctionCallInfo fcinfo, int index, const char *name);
extern char *optional_text(FunctionCallInfo fcinfo, int index, const char *name);
extern char *required_text(FunctionCallInfo fcinfo, int index, const char *name);

/* Not NULL. An id is text of up to CALLER_MAX_USER_ID bytes, not empty. */
extern pg_uuid_t *required_uuid(FunctionCallInfo fcinfo, int index, const char *name);
extern char *required_id(FunctionCallInfo fcinfo, int index, const char *name);

/* Text of up to 64 kB and of any characters: NULL if it is NULL or empty. */
extern char *optional_words(FunctionCallInfo fcinfo, int index, const char *name);

/* A JSON object of up to 256 kB, required or optional (NULL). */
extern Jsonb *required_object(FunctionCallInfo fcinfo, int index, const char *name);
extern Jsonb *optional_object(FunctionCallInfo fcinfo, int index, const char *name);

/* A text, which may be NULL, of at most that many bytes. */
extern void check_text_length(const char *text, const char *name, int most);

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

/*
 * A member of a JSON object, NULL if it is absent or null; text also if it is
 * empty. 22023 with `path` in DETAIL: it has another type. A NULL object has
 * no members.
 */
extern char *member_text(Jsonb *object, const char *key, const char *path);
extern Jsonb *member_object(Jsonb *object, const char *key, const char *path);

#endif							/* APPT_ARGUMENTS_H */
