/*
 * destination.h
 *		Where a request goes: what its limits and its circuit are kept by.
 */
#ifndef APPT_DESTINATION_H
#define APPT_DESTINATION_H

/* "https://example.com:443": scheme, host of 253 bytes, port. */
#define DESTINATION_SIZE 288

/*
 * Fill in `destination`, of DESTINATION_SIZE bytes, padded with zeros, with the
 * scheme, host and port of a URL that url_problem() finds nothing wrong with;
 * "" if it has no scheme.
 */
extern void destination_of_url(const char *url, char *destination);

#endif							/* APPT_DESTINATION_H */
