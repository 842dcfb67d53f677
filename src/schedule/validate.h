/*
 * validate.h
 *		Checks of what callers say about appointments.
 *
 * Each raises 22023 with a constant message and the value in DETAIL. Lengths
 * are microseconds of elapsed time, results live in CurrentMemoryContext.
 */
#ifndef APPT_VALIDATE_H
#define APPT_VALIDATE_H

#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* A room's link, and whom it admits, ends this long after the appointment. */
#define ROOM_ACCESS_AFTER_END USECS_PER_HOUR

/* Arguments that must not be NULL, and none longer than messages can carry; `name` is the argument's. */
extern pg_uuid_t *required_uuid(FunctionCallInfo fcinfo, int index, const char *name);
extern char *required_id(FunctionCallInfo fcinfo, int index, const char *name); /* nor empty */
extern TimestampTz required_time(FunctionCallInfo fcinfo, int index, const char *name);
extern Interval *required_interval(FunctionCallInfo fcinfo, int index, const char *name);

/* Text that may be left out: NULL where it is NULL or empty. */
extern char *optional_words(FunctionCallInfo fcinfo, int index, const char *name);

/* A JSON object; and one that may be left out, NULL if it is. */
extern Jsonb *required_object(FunctionCallInfo fcinfo, int index, const char *name);
extern Jsonb *optional_object(FunctionCallInfo fcinfo, int index, const char *name);

/* A length over 0, a day being 24 hours; months are none. */
extern TimeOffset check_duration(const Interval *duration);
extern void check_max_duration(const Interval *duration, TimeOffset max_duration);

/* Before which instant nothing may start any more: a minute before `now`. */
extern TimestampTz earliest_bookable(TimestampTz now);

/* Finite; and not before that. */
extern void check_finite(TimestampTz start_at);
extern void check_start(TimestampTz start_at, TimestampTz now);

/* start_at and so much elapsed time, if there is such an instant. */
extern TimestampTz end_of(TimestampTz start_at, TimeOffset duration);

/*
 * A timezone's name as IANA spells it, in whichever case it is given: some who
 * are told of it care. 22023 if there is none.
 */
extern char *timezone_name(const char *timezone);

extern void check_locale_name(const char *locale);

/*
 * Headers for every webhook about an appointment, as they are stored. They
 * stand in the appointment's row, so none may be SECRET.
 */
extern void check_notification_headers(Jsonb *headers);

/*
 * Members of a JSON object, NULL if absent or null; text also if empty. One
 * that is of another type is 22023; `path` names it in DETAIL. A NULL object
 * has no members.
 */
extern char *member_text(Jsonb *object, const char *key, const char *path);
extern Jsonb *member_object(Jsonb *object, const char *key, const char *path);

#endif							/* APPT_VALIDATE_H */
