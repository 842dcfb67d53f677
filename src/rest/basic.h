/*
 * basic.h
 *		Credentials of HTTP Basic.
 */
#ifndef APPT_REST_BASIC_H
#define APPT_REST_BASIC_H

/*
 * "user:password" of an Authorization header, in the database's encoding and
 * CurrentMemoryContext; NULL if the header is NULL, of another scheme, malformed,
 * or not UTF-8.
 */
extern char *basic_credentials(const char *authorization);

#endif							/* APPT_REST_BASIC_H */
