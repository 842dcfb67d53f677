/*
 * errors.h
 *		appt's own SQLSTATEs, which PostgREST turns into HTTP statuses, and
 *		errors that many functions raise.
 *
 * Primary messages are constant, because PostgREST copies them into the HTTP
 * status line. DETAIL has the value in question, as a sentence; HINT tells
 * what to do.
 */
#ifndef APPT_ERRORS_H
#define APPT_ERRORS_H

#include "utils/elog.h"
#include "utils/uuid.h"

#include "core/compat.h"

#define ERRCODE_APPT_WRONG_CODE MAKE_SQLSTATE('P', 'T', '4', '0', '0')
#define ERRCODE_APPT_UNAUTHORIZED MAKE_SQLSTATE('P', 'T', '4', '0', '1')
#define ERRCODE_APPT_NOT_FOUND MAKE_SQLSTATE('P', 'T', '4', '0', '4')
#define ERRCODE_APPT_CONFLICT MAKE_SQLSTATE('P', 'T', '4', '0', '9')
#define ERRCODE_APPT_GONE MAKE_SQLSTATE('P', 'T', '4', '1', '0')
#define ERRCODE_APPT_TOO_MANY MAKE_SQLSTATE('P', 'T', '4', '2', '9')

/*
 * "appointment not found" and the like, also for what belongs to another
 * tenant. `thing` is a constant of this library, never a caller's text.
 */
pg_noreturn extern void report_not_found(const char *thing, const pg_uuid_t *id);
pg_noreturn extern void report_text_not_found(const char *thing, const char *id);

/* 22023: `message` is constant, `detail` is a sentence with the value. */
pg_noreturn extern void report_invalid(const char *message, const char *detail,...) pg_attribute_printf(2, 3);

/* The same with a HINT, a constant sentence that says what to do. */
pg_noreturn extern void report_invalid_hint(const char *hint, const char *message, const char *detail,...)
			pg_attribute_printf(3, 4);

/* 22023 for a value that is not in a closed list, which ends with NULL and is shown in HINT. */
pg_noreturn extern void report_unlisted(const char *const *list, const char *message, const char *detail,...)
			pg_attribute_printf(3, 4);

/* PT409: the operation conflicts with the present state. */
pg_noreturn extern void report_conflict(const char *message, const char *detail,...) pg_attribute_printf(2, 3);

/*
 * Callback of an ErrorContextCallback, for functions whose arguments are secrets: the
 * server's log gets no statement with their errors.
 */
extern void hide_statement(void *unused);

#endif							/* APPT_ERRORS_H */
