/*
 * durability.h
 *		Does a commit survive what the operator has provided for?
 */
#ifndef APPT_DURABILITY_H
#define APPT_DURABILITY_H

/*
 * Would the last commit that wrote something survive what the operator has
 * provided for: a crash of the server, and, where synchronous replication is
 * asked for, a failover? Call it right after that commit. It may be false though
 * the commit returned normally.
 */
extern bool commit_is_durable(void);

#endif							/* APPT_DURABILITY_H */
