/*
 * connect.c
 *		Connections of libpq to shards: how they are opened, and how long that may take.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "storage/fd.h"

#include "router/connect.h"
#include "router/conninfo.h"
#include "router/settings.h"

/*
 * A later keyword overrides what conninfo says, an earlier one does not. Of a host that is
 * gone, tcp_user_timeout bounds what was sent to it, which begins with the request for a
 * connection, and keepalives an answer that is awaited.
 */
PGconn *
connect_start(const char *conninfo, const char *login)
{
	char		timeout[16];
	const char *const keywords[] = {
		"tcp_user_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count",
		"dbname", "user", "client_encoding", "fallback_application_name", NULL
	};
	const char *const values[] = {
		timeout, "10", "5", "3",
		conninfo, login, GetDatabaseEncodingName(), "appt_router", NULL
	};
	PGconn	   *conn;

	if (!AcquireExternalFD())
		ereport(ERROR,
				(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
				 errmsg("could not connect to a shard"),
				 errdetail("There are too many open files.")));
	snprintf(timeout, sizeof(timeout), "%d", router_connect_timeout);
	conn = PQconnectStartParams(keywords, values, 1);
	if (conn == NULL)
	{
		ReleaseExternalFD();
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	}
	return conn;
}

void
connect_close(PGconn *conn)
{
	if (conn == NULL)
		return;
	PQfinish(conn);
	ReleaseExternalFD();
}

TimestampTz
connect_deadline(const char *conninfo)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), (int64) router_connect_timeout * conninfo_hosts(conninfo));
}
