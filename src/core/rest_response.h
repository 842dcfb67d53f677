/*
 * rest_response.h
 *		Status and headers of PostgREST's answer: it reads the settings
 *		response.status and response.headers at the end of a request's
 *		transaction.
 *
 * They last until the end of the transaction, or until a rollback to an
 * earlier savepoint; other sessions ignore them. Functions that call these are
 * PARALLEL UNSAFE.
 */
#ifndef APPT_REST_RESPONSE_H
#define APPT_REST_RESPONSE_H

typedef struct ResponseHeader
{
	const char *name;
	const char *value;
} ResponseHeader;

extern void response_set_status(int status);

/* Replaces headers that were set before. */
extern void response_set_headers(const ResponseHeader *headers, int count);

#endif							/* APPT_REST_RESPONSE_H */
