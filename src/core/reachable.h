/*
 * reachable.h
 *		Which network addresses appt may connect to.
 *
 * Pure functions. The transfer engine checks every address before it connects,
 * after name resolution, so a name that resolves to a private address does not
 * help.
 */
#ifndef APPT_REACHABLE_H
#define APPT_REACHABLE_H

#include <sys/socket.h>

/* Does the text parse as comma-separated CIDR[:port]? If not, *error is a palloc'd sentence. */
extern bool reachable_list_is_valid(const char *list, char **error);

/*
 * May this address be connected to? Loopback, private, link-local, CGNAT,
 * multicast, 0/8, NAT64, 6to4, Teredo and mapped addresses only if the list, a
 * value of appt.allowed_addresses, contains address and port. Never allocates,
 * because libcurl calls it.
 */
extern bool address_is_reachable(const struct sockaddr *address, const char *list);

#endif							/* APPT_REACHABLE_H */
