/*
 * response.h
 *		What PostgREST answers besides a function's result: it reads the
 *		settings response.status and response.headers when the transaction that
 *		serves a request ends.
 *
 * They last as long as the transaction, or until a savepoint before them is
 * rolled back to; nobody else minds them. Functions that call these are PARALLEL
 * UNSAFE.
 */
#ifndef APPT_RESPONSE_H
#define APPT_RESPONSE_H

typedef struct ResponseHeader
{
	const char *name;
	const char *value;
} ResponseHeader;

extern void response_set_status(int status);

/* Instead of any that were set before. */
extern void response_set_headers(const ResponseHeader *headers, int count);

#endif							/* APPT_RESPONSE_H */
