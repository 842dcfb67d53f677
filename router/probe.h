/*
 * probe.h
 *		One question to all shards at once, of which some may not answer.
 */
#ifndef ROUTER_PROBE_H
#define ROUTER_PROBE_H

#include "libpq-fe.h"
#include "nodes/pg_list.h"

#include "router/directory.h"

typedef struct Answer
{
	Shard		shard;
	const char *host;			/* that has answered, or those of the
								 * connection string */
	const PGresult *rows;		/* NULL: it has not answered */
	const char *problem;		/* then why not */
} Answer;

/*
 * Sends the statement to all these nodes, by connections of their own, as the service's
 * login, and tells the answer of each, in the order of the nodes. Who has not answered
 * within appt_router.connect_timeout does not answer. Raises no error of a shard.
 */
extern void probe_shards(const List *nodes, const char *statement, void (*tell) (const Answer *answer, void *context), void *context);

#endif							/* ROUTER_PROBE_H */
