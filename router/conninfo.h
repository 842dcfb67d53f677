/*
 * conninfo.h
 *		Reading connection strings of libpq.
 */
#ifndef ROUTER_CONNINFO_H
#define ROUTER_CONNINFO_H

#include "libpq-fe.h"

/*
 * All options, of which those that the string does not name have no value; free them by
 * PQconninfoFree. 22023: it is no connection string.
 */
extern PQconninfoOption *conninfo_options(const char *conninfo);

/* The value of one option, in CurrentMemoryContext; NULL: the string does not name it. */
extern char *conninfo_value(const char *conninfo, const char *keyword);

/* The number of hosts that libpq tries, one after the other. */
extern int	conninfo_hosts(const char *conninfo);

#endif							/* ROUTER_CONNINFO_H */
