/*
 * report.h
 *		Errors and notices of shards, as if there were no router, and the router's own.
 */
#ifndef ROUTER_REPORT_H
#define ROUTER_REPORT_H

#include "libpq-fe.h"

#include "core/compat.h"

#define ERRCODE_ROUTER_UNAVAILABLE MAKE_SQLSTATE('P', 'T', '5', '0', '3')

/* PT503: the tenant is being moved. A REST request gets the header Retry-After with it. */
pg_noreturn extern void report_moving(void);

/*
 * PT503: a shard does not answer. `problem` is libpq's text, which goes to the log
 * alone; was_sent: the call may have been executed.
 */
pg_noreturn extern void report_unavailable(int node, const char *problem, bool was_sent);

/* What a shard raised, word for word; PT503 if it is about to go away or takes no connection. */
pg_noreturn extern void report_remote(int node, const PGresult *error);

/* For PQsetNoticeReceiver. */
extern void report_notice(void *unused, const PGresult *notice);

#endif							/* ROUTER_REPORT_H */
