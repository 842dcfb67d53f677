/*
 * reachable.h
 *		Which network addresses appt may connect to.
 *
 * Pure; the transfer engine asks it for every address that a connection is
 * about to be opened to, after name resolution, so that a name that resolves
 * to a private address gains nothing.
 */
#ifndef APPT_REACHABLE_H
#define APPT_REACHABLE_H

#include <sys/socket.h>

/* Does the text parse as comma-separated CIDR[:port]? Else *error, palloc'd. */
extern bool reachable_list_is_valid(const char *list, char **error);

/*
 * May this address be connected to? Loopback, private, link-local, CGNAT,
 * multicast, 0/8, NAT64, 6to4, Teredo and mapped forms only if the list, a
 * value of appt.allowed_addresses, contains address and port.
 * Never allocates: it is called inside libcurl.
 */
extern bool address_is_reachable(const struct sockaddr *address, const char *list);

#endif							/* APPT_REACHABLE_H */
