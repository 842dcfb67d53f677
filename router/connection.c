/*
 * connection.c
 *		Connections of this session to shards, and calls over them.
 *
 * A call is sent as a pipeline: a statement that says who calls (appt.act_as), the
 * statement of the call, one that reads the answer's status and headers where a function
 * sets these, and one Sync. Up to that the shard has one transaction, and executes each
 * statement as the role that the first one took: the shard itself judges who may execute
 * a function. An error skips the statements after it.
 *
 * A shard parses and plans each of these statements once for a connection, under a name.
 * They have none where appt.shard says so, for a PgBouncer that does not know names.
 *
 * What a shard's session reports of its settings (TimeZone and the like) is compared
 * with this session's: what differs is set for the call, so that texts mean the same on
 * both sides and the shard answers as if it were called directly.
 */
#include "postgres.h"

#include <poll.h>
#include <sys/socket.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/compat.h"
#include "router/connect.h"
#include "router/connection.h"
#include "router/directory.h"
#include "router/report.h"

#define MAX_SET 16				/* parameters of the statement that sets who
								 * calls */

/* What the results of a pipeline are about, in the order in which they come. */
typedef enum StepKind
{
	STEP_PREPARE, STEP_PREAMBLE, STEP_CALL, STEP_RESPONSE
} StepKind;

typedef struct Step
{
	StepKind	kind;
	char		name[NAMEDATALEN];	/* of the statement that is prepared */
} Step;

#define MAX_STEPS 6

typedef struct ConnectionKey
{
	int32		node;
	int32		is_service;
} ConnectionKey;

struct Connection
{
	ConnectionKey key;			/* of the hash table, first */
	PGconn	   *conn;			/* NULL: not connected */
	char	   *conninfo;		/* what it was connected with */
	bool		is_busy;		/* something was sent whose end was not seen */
	bool		is_suspect;		/* do not use it again */
	bool		uses_names;
	HTAB	   *prepared;		/* names of statements */
	Step		steps[MAX_STEPS];
	int			step_count;
	int			step;			/* whose results come next */
	PGresult   *rows;
	PGresult   *error;
};

static const char *const shared_settings[] = {"TimeZone", "DateStyle", "IntervalStyle"};

static HTAB *connections = NULL;

/* ---- connecting ---- */

static Connection *
connection_entry(int node, bool is_service)
{
	ConnectionKey key = {.node = node, .is_service = is_service};
	Connection *connection;
	bool		found;

	if (connections == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(ConnectionKey), .entrysize = sizeof(Connection), .hcxt = TopMemoryContext};

		connections = hash_create("appt_router connections", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	connection = hash_search(connections, &key, HASH_ENTER, &found);
	if (!found)
		memset((char *) connection + sizeof(ConnectionKey), 0, sizeof(Connection) - sizeof(ConnectionKey));
	return connection;
}

static void
forget_results(Connection *connection)
{
	PQclear(connection->rows);
	PQclear(connection->error);
	connection->rows = connection->error = NULL;
}

static void
disconnect(Connection *connection)
{
	forget_results(connection);
	connect_close(connection->conn);
	if (connection->prepared != NULL)
		hash_destroy(connection->prepared);
	connection->conn = NULL;
	connection->prepared = NULL;
	connection->is_busy = connection->is_suspect = false;
}

/* Disconnect and raise PT503 with what libpq says. */
pg_noreturn static void lose(Connection *connection, bool was_sent);

static void
lose(Connection *connection, bool was_sent)
{
	char	   *problem = pstrdup(PQerrorMessage(connection->conn));

	disconnect(connection);
	report_unavailable(connection->key.node, problem, was_sent);
}

/* Wait for the socket, at most until then (0: for ever); false: it is too late. */
static bool
wait_for(Connection *connection, int events, TimestampTz until)
{
	long		timeout = until == 0 ? -1 : TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);
	int			happened;

	CHECK_FOR_INTERRUPTS();
	if (until != 0 && timeout <= 0)
		return false;
	happened = WaitLatchOrSocket(MyLatch, events | WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (until == 0 ? 0 : WL_TIMEOUT),
								 PQsocket(connection->conn), timeout, PG_WAIT_EXTENSION);
	if ((happened & WL_LATCH_SET) != 0)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return true;
}

static void
await_connection(Connection *connection)
{
	TimestampTz until = connect_deadline(connection->conninfo);
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status != PGRES_POLLING_OK)
	{
		if (status == PGRES_POLLING_FAILED)
			lose(connection, false);
		if (!wait_for(connection, status == PGRES_POLLING_READING ? WL_SOCKET_READABLE : WL_SOCKET_WRITEABLE, until))
		{
			disconnect(connection);
			report_unavailable(connection->key.node, "timeout while connecting", false);
		}
		status = PQconnectPoll(connection->conn);
	}
}

static void
connect_anew(Connection *connection, const char *conninfo, const char *login)
{
	HASHCTL		control = {.keysize = NAMEDATALEN, .entrysize = NAMEDATALEN, .hcxt = TopMemoryContext};

	disconnect(connection);
	if (connection->conninfo != NULL)
		pfree(connection->conninfo);
	connection->conninfo = MemoryContextStrdup(TopMemoryContext, conninfo);
	connection->conn = connect_start(conninfo, login);
	connection->is_busy = true; /* until it is ready */
	if (PQstatus(connection->conn) == CONNECTION_BAD)
		lose(connection, false);
	(void) PQsetNoticeReceiver(connection->conn, report_notice, NULL);
	await_connection(connection);
	if (PQsetnonblocking(connection->conn, 1) != 0 || PQenterPipelineMode(connection->conn) != 1)
		lose(connection, false);
	connection->prepared = hash_create("appt_router statements", 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	connection->is_busy = false;
}

/* Has the other end closed the connection, or said something unasked (that it will)? */
static bool
is_stale(Connection *connection)
{
	struct pollfd socket = {.fd = PQsocket(connection->conn), .events = POLLIN};

	return connection->is_suspect || PQstatus(connection->conn) != CONNECTION_OK || poll(&socket, 1, 0) != 0;
}

Connection *
connection_to(int node, const Caller *caller)
{
	Connection *connection = connection_entry(node, caller->is_service);
	Shard		shard;

	if (!shard_of_node(node, &shard))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no such shard"),
				 errdetail("There is no node %d in appt.shard.", node)));
	forget_results(connection);
	if (connection->conn == NULL || connection->is_busy || strcmp(connection->conninfo, shard.conninfo) != 0 || is_stale(connection))
		connect_anew(connection, shard.conninfo, caller->is_service ? shard.service_login : shard.token_login);
	connection->uses_names = shard.uses_names;
	return connection;
}

int
connection_node(const Connection *connection)
{
	return connection->key.node;
}

/* ---- a call ---- */

/* The statement that sets who calls, in the making. */
typedef struct Preamble
{
	StringInfoData statement;
	const char *values[MAX_SET];
	int			count;
	char		name[NAMEDATALEN];	/* tells what is set */
} Preamble;

static void
set_locally(Preamble *preamble, const char *name, const char *value)
{
	Assert(preamble->count < MAX_SET);
	appendStringInfo(&preamble->statement, "%s pg_catalog.set_config('%s', $%d, true)",
					 preamble->count == 0 ? "SELECT" : ",", name, preamble->count + 1);
	preamble->values[preamble->count++] = value;
}

static void
act_as(Preamble *preamble, const Caller *caller)
{
	appendStringInfoString(&preamble->statement, "SELECT appt.act_as($1, $2, $3, $4)");
	preamble->values[0] = caller->role;
	preamble->values[1] = caller->claims;
	preamble->values[2] = caller->headers;
	preamble->values[3] = caller->method;
	preamble->count = 4;
}

static Preamble
preamble_of(Connection *connection, const Caller *caller)
{
	Preamble	preamble = {.count = 0};

	initStringInfo(&preamble.statement);
	if (!caller->is_service)
		act_as(&preamble, caller);
	if (caller->is_read_only)
		set_locally(&preamble, "transaction_read_only", "on");
	snprintf(preamble.name, NAMEDATALEN, "appt_router_set%s%s", caller->is_service ? "" : "_role", caller->is_read_only ? "_read" : "");
	for (int i = 0; i < lengthof(shared_settings); i++)
	{
		const char *ours = GetConfigOption(shared_settings[i], false, false);
		const char *theirs = PQparameterStatus(connection->conn, shared_settings[i]);

		if (theirs != NULL && strcmp(ours, theirs) == 0)
			continue;
		set_locally(&preamble, shared_settings[i], ours);
		snprintf(preamble.name + strlen(preamble.name), NAMEDATALEN - strlen(preamble.name), "_%d", i);
	}
	return preamble;
}

static void
expect_step(Connection *connection, StepKind kind, const char *name)
{
	Step	   *step = &connection->steps[connection->step_count++];

	Assert(connection->step_count <= MAX_STEPS);
	step->kind = kind;
	strlcpy(step->name, name, NAMEDATALEN);
}

static void
queue_statement(Connection *connection, StepKind kind, const char *name, const char *statement, int count, const char *const *values)
{
	bool		is_queued;

	if (!connection->uses_names || name == NULL)
		is_queued = PQsendQueryParams(connection->conn, statement, count, NULL, values, NULL, NULL, 0);
	else
	{
		is_queued = true;
		if (hash_search(connection->prepared, name, HASH_FIND, NULL) == NULL)
		{
			is_queued = PQsendPrepare(connection->conn, name, statement, 0, NULL);
			expect_step(connection, STEP_PREPARE, name);
		}
		is_queued = is_queued && PQsendQueryPrepared(connection->conn, name, count, values, NULL, NULL, 0);
	}
	if (!is_queued)
		lose(connection, false);
	expect_step(connection, kind, "");
}

/* Send what is queued, reading meanwhile: a shard that waits for us to read would not read either. */
static void
flush_queue(Connection *connection)
{
	int			left;

	while ((left = PQflush(connection->conn)) > 0)
	{
		(void) wait_for(connection, WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE, 0);
		if (!PQconsumeInput(connection->conn))
			lose(connection, true);
	}
	if (left < 0)
		lose(connection, true);
}

void
connection_send(Connection *connection, const RemoteCall *call)
{
	Preamble	preamble = preamble_of(connection, call->caller);

	connection->is_busy = true;
	connection->step = connection->step_count = 0;
	if (preamble.count > 0)
		queue_statement(connection, STEP_PREAMBLE, preamble.name, preamble.statement.data, preamble.count, preamble.values);
	queue_statement(connection, STEP_CALL, call->name, call->statement, call->count, call->values);
	if (call->wants_response)
		queue_statement(connection, STEP_RESPONSE, "appt_router_response",
						"SELECT pg_catalog.current_setting('response.status', true),"
						" pg_catalog.current_setting('response.headers', true)", 0, NULL);
	if (!PQpipelineSync(connection->conn))
		lose(connection, false);
	flush_queue(connection);
}

static PGresult *
next_result(Connection *connection)
{
	while (PQisBusy(connection->conn))
	{
		(void) wait_for(connection, WL_SOCKET_READABLE, 0);
		if (!PQconsumeInput(connection->conn))
			lose(connection, true);
	}
	return PQgetResult(connection->conn);
}

static void
keep_response(RemoteCall *call, const PGresult *result)
{
	call->response_status = pstrdup(PQgetvalue(result, 0, 0));
	call->response_headers = pstrdup(PQgetvalue(result, 0, 1));
}

/* Keep a result or drop it; true: it was the end of the pipeline. */
static bool
take_result(Connection *connection, RemoteCall *call, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	const Step *step = &connection->steps[Min(connection->step, MAX_STEPS - 1)];

	if (status == PGRES_TUPLES_OK && step->kind == STEP_RESPONSE)
		keep_response(call, result);
	else if (status == PGRES_TUPLES_OK && step->kind == STEP_CALL)
	{
		connection->rows = result;
		return false;
	}
	else if (status == PGRES_COMMAND_OK && step->kind == STEP_PREPARE)
		(void) hash_search(connection->prepared, step->name, HASH_ENTER, NULL);
	else if (status == PGRES_FATAL_ERROR && connection->error == NULL)
	{
		connection->error = result;
		return false;
	}
	PQclear(result);
	return status == PGRES_PIPELINE_SYNC;
}

/* What no statement of ours begins; libpq would say it for ever. */
static bool
is_copy(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

pg_noreturn static void give_up(Connection *connection, PGresult *result);

static void
give_up(Connection *connection, PGresult *result)
{
	int			node = connection->key.node;

	PQclear(result);
	disconnect(connection);
	report_unavailable(node, "unexpected answer", true);
}

PGresult *
connection_finish(Connection *connection, RemoteCall *call)
{
	bool		is_over = false;

	call->response_status = call->response_headers = "";
	while (!is_over)
	{
		PGresult   *result = next_result(connection);

		if (result == NULL)
			connection->step++;
		else if (is_copy(result))
			give_up(connection, result);
		else
			is_over = take_result(connection, call, result);
		if (PQstatus(connection->conn) == CONNECTION_BAD)
			lose(connection, true);
	}
	connection->is_busy = false;
	return connection->error == NULL ? connection->rows : NULL;
}

const char *
connection_sqlstate(const Connection *connection)
{
	const char *state = PQresultErrorField(connection->error, PG_DIAG_SQLSTATE);

	return state == NULL ? "" : state;
}

const char *
connection_problem(const Connection *connection)
{
	const char *message = PQresultErrorField(connection->error, PG_DIAG_MESSAGE_PRIMARY);

	return message == NULL ? "" : message;
}

/* Does the shard no longer have a statement as it was prepared? */
static bool
is_about_preparation(const char *sqlstate)
{
	return strcmp(sqlstate, "0A000") == 0 || strcmp(sqlstate, "26000") == 0;
}

/* Is there no such function, column or type? Where a statement of ours names it, the error has a position. */
static bool
is_about_name(const PGresult *error, const char *sqlstate)
{
	return PQresultErrorField(error, PG_DIAG_STATEMENT_POSITION) != NULL &&
		(strcmp(sqlstate, "42883") == 0 || strcmp(sqlstate, "42703") == 0 || strcmp(sqlstate, "42704") == 0);
}

bool
connection_refused_statement(Connection *connection)
{
	const char *sqlstate = connection_sqlstate(connection);

	if (is_about_preparation(sqlstate))
		connection->is_suspect = true;
	return connection->is_suspect || is_about_name(connection->error, sqlstate);
}

void
connection_raise(Connection *connection)
{
	connection->is_suspect = is_about_preparation(connection_sqlstate(connection));
	report_remote(connection->key.node, connection->error);
}

/* Ask the shard to stop. If it does not answer, it notices the end of the connection. */
static void
cancel(Connection *connection)
{
	PGcancel   *request = PQgetCancel(connection->conn);
	char		problem[256];

	if (request != NULL && !PQcancel(request, problem, sizeof(problem)))
		ereport(LOG, (errmsg("could not cancel a call in shard %d", connection->key.node), errdetail_internal("%s", problem)));
	PQfreeCancel(request);
}

void
connections_abandon(void)
{
	HASH_SEQ_STATUS status;
	Connection *connection;

	if (connections == NULL)
		return;
	hash_seq_init(&status, connections);
	while ((connection = hash_seq_search(&status)) != NULL)
	{
		if (!connection->is_busy || connection->conn == NULL)
			continue;
		if (PQstatus(connection->conn) == CONNECTION_OK)
			cancel(connection);
		disconnect(connection);
	}
}
