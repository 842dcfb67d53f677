/*
 * durability.h
 *		Is a commit durable: on disk, and on the synchronous standbys?
 */
#ifndef APPT_DURABILITY_H
#define APPT_DURABILITY_H

/*
 * Would the last commit that wrote something survive a crash of the server and,
 * where synchronous replication is configured, a failover? Call it right after
 * that commit. It may be false though the commit returned normally.
 */
extern bool commit_is_durable(void);

#endif							/* APPT_DURABILITY_H */
