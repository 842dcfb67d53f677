/*
 * probe.c
 *		One question to all shards at once, of which some may not answer.
 *
 * It uses none of the session's connections: whoever asks wants to know whether a shard
 * takes new ones, and is to get an answer even if one of them hangs.
 */
#include "postgres.h"

#include <poll.h>

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "router/connect.h"
#include "router/conninfo.h"
#include "router/probe.h"

#define POLL_MILLISECONDS 100	/* between two looks at interrupts and the
								 * time */

typedef enum ProbeState
{
	PROBE_CONNECTS, PROBE_WAITS, PROBE_IS_OVER
} ProbeState;

typedef struct Probe
{
	Shard		shard;
	PGconn	   *conn;
	ProbeState	state;
	short		events;			/* of poll(2), that it waits for */
	TimestampTz until;
	PGresult   *rows;
	const char *problem;
} Probe;

static void
fail(Probe *probe, const char *problem)
{
	PQclear(probe->rows);
	probe->rows = NULL;
	probe->problem = pchomp(problem);
	probe->state = PROBE_IS_OVER;
}

static void
begin(Probe *probe, int node)
{
	if (!shard_of_node(node, &probe->shard))
		elog(ERROR, "shard %d is gone", node);
	probe->conn = connect_start(probe->shard.conninfo, probe->shard.service_login);
	probe->events = POLLOUT;
	probe->until = connect_deadline(probe->shard.conninfo);
	if (PQstatus(probe->conn) == CONNECTION_BAD)
		fail(probe, PQerrorMessage(probe->conn));
}

static void
go_on_connecting(Probe *probe, const char *statement)
{
	PostgresPollingStatusType status = PQconnectPoll(probe->conn);

	probe->events = status == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
	if (status == PGRES_POLLING_FAILED)
		fail(probe, PQerrorMessage(probe->conn));
	else if (status == PGRES_POLLING_OK && !PQsendQuery(probe->conn, statement))
		fail(probe, PQerrorMessage(probe->conn));
	else if (status == PGRES_POLLING_OK)
		probe->state = PROBE_WAITS;
}

static void
go_on_waiting(Probe *probe)
{
	if (!PQconsumeInput(probe->conn))
		fail(probe, PQerrorMessage(probe->conn));
	while (probe->state == PROBE_WAITS && !PQisBusy(probe->conn))
	{
		PGresult   *result = PQgetResult(probe->conn);

		if (result == NULL)
			probe->state = PROBE_IS_OVER;
		else if (PQresultStatus(result) == PGRES_TUPLES_OK)
			probe->rows = result;
		else
		{
			fail(probe, PQresultErrorMessage(result));
			PQclear(result);
		}
	}
}

/* One look at all that are not over; false: all are. */
static bool
go_on(Probe *probes, int count, const char *statement)
{
	struct pollfd *sockets = palloc0(sizeof(struct pollfd) * count);
	bool		is_over = true;

	for (int i = 0; i < count; i++)
	{
		/* A negative one is ignored. */
		sockets[i].fd = probes[i].state == PROBE_IS_OVER ? -1 : PQsocket(probes[i].conn);
		sockets[i].events = probes[i].events;
		is_over = is_over && probes[i].state == PROBE_IS_OVER;
	}
	if (!is_over)
		(void) poll(sockets, count, POLL_MILLISECONDS);
	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < count; i++)
	{
		if (sockets[i].revents == 0)
			continue;
		if (probes[i].state == PROBE_CONNECTS)
			go_on_connecting(&probes[i], statement);
		else
			go_on_waiting(&probes[i]);
	}
	pfree(sockets);
	return !is_over;
}

static void
end_late(Probe *probe)
{
	if (probe->state != PROBE_IS_OVER && GetCurrentTimestamp() >= probe->until)
		fail(probe, probe->state == PROBE_CONNECTS ? "timeout while connecting" : "timeout while waiting for the answer");
}

static Answer
answer_of(const Probe *probe)
{
	Answer		answer = {.shard = probe->shard, .rows = probe->rows, .problem = probe->problem};

	answer.host = probe->rows != NULL ? PQhost(probe->conn) : conninfo_value(probe->shard.conninfo, "host");
	return answer;
}

void
probe_shards(const List *nodes, const char *statement, void (*tell) (const Answer *answer, void *context), void *context)
{
	int			count = list_length(nodes);
	Probe	   *probes = palloc0(sizeof(Probe) * (count + 1));

	PG_TRY();
	{
		for (int i = 0; i < count; i++)
			begin(&probes[i], list_nth_int(nodes, i));
		while (go_on(probes, count, statement))
			for (int i = 0; i < count; i++)
				end_late(&probes[i]);
		for (int i = 0; i < count; i++)
		{
			Answer		answer = answer_of(&probes[i]);

			tell(&answer, context);
		}
	}
	PG_FINALLY();
	{
		for (int i = 0; i < count; i++)
		{
			PQclear(probes[i].rows);
			connect_close(probes[i].conn);
		}
	}
	PG_END_TRY();
}
