/*
 * subscribe_line.c
 *		Users who choose to be told of what happens on a line.
 */
#include "postgres.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "users/acting_user.h"

PG_FUNCTION_INFO_V1(subscribe_line);

typedef struct Line
{
	pg_uuid_t	application_id;
	char	   *owner_id;		/* NULL: it is nobody's */
} Line;

/* PT404: no such line, or one of another tenant. */
static Line
find_line(const Caller *caller, const pg_uuid_t *id)
{
	static Statement find = {
		"SELECT application_id, owner_id FROM appt.line WHERE id = $1", 1, {UUIDOID}
	};
	Line		line;
	Row		   *row;

	if (statement_run(&find, UUIDPGetDatum(id)) == 0)
		report_not_found("line", id);
	row = ROW(0);
	line.application_id = next_uuid(row);
	line.owner_id = next_text(row);
	if (!caller_may_use_application(caller, &line.application_id))
		report_not_found("line", id);
	return line;
}

/* Only an admin lets a user listen to another's personal line. */
static void
require_allowed(const Caller *caller, const Line *line, const pg_uuid_t *line_id, const ActingUser *user)
{
	if (caller->role & (CALLER_ADMIN | CALLER_UNRESTRICTED))
		return;
	if (line->owner_id != NULL && strcmp(line->owner_id, user->user_id) != 0)
		report_not_found("line", line_id);
}

static void
subscribe(const ActingUser *user, const pg_uuid_t *line_id)
{
	static Statement insert = {
		"INSERT INTO appt.line_subscription (application_id, line_id, user_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};

	(void) statement_run(&insert, UUIDPGetDatum(&user->application_id), UUIDPGetDatum(line_id), text_datum(user->user_id));
}

static void
unsubscribe(const ActingUser *user, const pg_uuid_t *line_id)
{
	static Statement delete = {
		"DELETE FROM appt.line_subscription WHERE application_id = $1 AND line_id = $2 AND user_id = $3",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};

	(void) statement_run(&delete, UUIDPGetDatum(&user->application_id), UUIDPGetDatum(line_id), text_datum(user->user_id));
}

/*
 * appt.subscribe_line(line_id uuid, subscribed boolean = true, user_id text = null) -> void
 *
 * The line names the application. Repeating it changes nothing; anybody may end
 * its own subscription. 22023: an argument is missing. PT404: no such line, or a
 * personal one of another user unless an admin calls; no profile; as
 * acting_user.h. PT409: the line has as many subscribers as it may have. Source:
 * people.md section 2, Functions; aloware-notification-settings.txt, "opt in".
 */
Datum
subscribe_line(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *line_id;
	ActingUser	user;
	Line		line;
	Call		call;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_ADMIN);
	require_arguments(fcinfo, 2);
	line_id = PG_GETARG_UUID_P(0);
	line = find_line(&call.caller, line_id);
	user = acting_user_of(&call.caller, &line.application_id, fcinfo, 2);
	require_profile(&user);
	if (PG_GETARG_BOOL(1))
	{
		require_allowed(&call.caller, &line, line_id, &user);
		subscribe(&user, line_id);
	}
	else
		unsubscribe(&user, line_id);
	call_end(&call);
	PG_RETURN_VOID();
}
