/*
 * destination.h
 *		Where a request goes: the key of its limits and its circuit.
 */
#ifndef APPT_DESTINATION_H
#define APPT_DESTINATION_H

/* "https://example.com:443": scheme, host of 253 bytes, port. */
#define DESTINATION_SIZE 288

/*
 * Write the scheme, host and port of a URL that url_problem() accepts into
 * `destination`, DESTINATION_SIZE bytes, padded with zeros; "" if the URL has no
 * scheme.
 */
extern void destination_of_url(const char *url, char *destination);

#endif							/* APPT_DESTINATION_H */
