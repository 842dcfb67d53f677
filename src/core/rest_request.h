/*
 * rest_request.h
 *		The HTTP request that PostgREST executes.
 */
#ifndef APPT_REST_REQUEST_H
#define APPT_REST_REQUEST_H

/*
 * A header of the request, `name` in lower case; NULL if there is none, or in
 * sessions whose claims are not believed. In CurrentMemoryContext.
 */
extern char *request_header(const char *name);

/*
 * The address that the request came from, as text for inet: the rightmost
 * entry of X-Forwarded-For; for IPv6 its network of 64 bits, which is what one
 * host has. NULL if it is unknown or not to be trusted
 * (appt.trust_forwarded_for). In CurrentMemoryContext.
 */
extern char *request_client_address(void);

#endif							/* APPT_REST_REQUEST_H */
