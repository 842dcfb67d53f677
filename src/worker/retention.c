/*
 * retention.c
 *		Deletes what is older than appt.log_retention, in passes over the old
 *		part of appt.notification.
 *
 * The ids of one node (core/node.h) grow with created_at, and a notification can't
 * have settled before it was created. So a pass walks the primary key from the
 * lowest id to the first row that is younger than the retention, one batch a
 * transaction, and does so again for each other node that rows were moved in from. It needs no index
 * on settled_at, which would keep settling from being a HOT update. The rows it
 * reads in vain are old and unsettled: reminders planned long ahead. Rows that a
 * caller has locked stay until the next pass, and so do messages whose links
 * customers may still use.
 *
 * A second walk goes over the events that users were told of (appt.user_event):
 * one goes once no notification refers to it any more. Idempotency keys go with
 * what their calls created: a foreign key deletes that of an event.
 *
 * A third walk goes over the responses: what a customer answered stays until the
 * appointment is over. A fourth goes over the inbound messages.
 *
 * Changes (appt.change) are kept as long as the log; the oldest are found by time, the
 * oldest figures of days and hours likewise.
 * One-time codes go sooner: an hour after a code has expired nobody asks for it,
 * and it no longer counts against the limit of requests. Codes that opened an
 * appointment are deleted with it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "core/node.h"
#include "core/row.h"
#include "core/settings.h"
#include "core/statement.h"
#include "worker/guard.h"
#include "worker/retention.h"

#define RETENTION_BATCH 500

#define CODES_KEPT USECS_PER_HOUR

/* The figures of days that a report may show are kept however short the retention is. */
#define FIGURES_KEPT (10 * USECS_PER_DAY)

/* What one transaction does. */
typedef struct Drop
{
	RetentionPass pass;			/* and what it has walked over then */
	int64		notifications;	/* dropped, like the others */
	uint64		changes;
	uint64		codes;
	uint64		figures;
	uint64		hours;
} Drop;

/*
 * Links in messages work for 60 days at least, and until the appointment is over.
 * Scalar subqueries: each looks up one row by its key, whatever the planner knows
 * of the tables.
 */
/* Has the message n links, or reply codes, that its customer may still use? Perhaps, if its application is just being moved here. */
#define MAY_BE_ANSWERED \
	"n.recipient_kind = 'CUSTOMER' AND n.appointment_id IS NOT NULL AND n.attempt_count > 0 AND (" \
	"(SELECT p.public_url IS NOT NULL FROM appt.application p WHERE p.id = n.application_id) IS NOT FALSE OR " \
	"(SELECT true FROM appt.attempt t WHERE t.notification_id = n.id AND t.shown IS NOT NULL LIMIT 1) IS TRUE)"

#define APPOINTMENT_IS_AHEAD(row) \
	"(SELECT a.end_at > now() AND a.state IN ('SCHEDULED', 'ACTIVATED') AND a.archived_at IS NULL" \
	" FROM appt.appointment a WHERE a.application_id = " row ".application_id AND a.id = " row ".appointment_id) IS TRUE"

static Statement drop_batch = {
	"WITH batch AS MATERIALIZED ("
	"  SELECT w.id, w.settled_at"
	"  FROM (SELECT id, created_at, settled_at FROM appt.notification WHERE id > $1 AND id <= $4 ORDER BY id LIMIT $3) w"
	"  WHERE w.created_at < $2),"
	" free AS MATERIALIZED ("
	"  SELECT n.id FROM appt.notification n"
	"  WHERE n.id = ANY (ARRAY(SELECT id FROM batch WHERE settled_at < $2)) AND n.settled_at < $2"
	"   AND NOT (" MAY_BE_ANSWERED
	"    AND (n.settled_at > now() - interval '1440 hours' OR " APPOINTMENT_IS_AHEAD("n") ")) FOR UPDATE SKIP LOCKED),"
	" dropped AS ("
	"  DELETE FROM appt.notification n USING free f WHERE n.id = f.id RETURNING n.id),"
	" dropped_attempts AS ("
	"  DELETE FROM appt.attempt a USING dropped d WHERE a.notification_id = d.id"
	"  RETURNING a.application_id, a.provider_message_id, a.id),"
	" dropped_messages AS ("
	"  DELETE FROM appt.provider_message m USING dropped_attempts d"
	"  WHERE m.application_id = d.application_id AND m.provider_message_id = d.provider_message_id"
	"   AND m.attempt_id = d.id),"
	" dropped_keys AS ("
	"  DELETE FROM appt.idempotency_key k USING dropped d WHERE k.notification_id = d.id) "
	"SELECT (SELECT max(id) FROM batch), (SELECT count(*) FROM batch), (SELECT count(*) FROM dropped)",
	4, {INT8OID, TIMESTAMPTZOID, INT8OID, INT8OID}
};

static Statement drop_events = {
	"WITH batch AS MATERIALIZED ("
	"  SELECT w.id FROM (SELECT id, created_at FROM appt.user_event WHERE id > $1 AND id <= $4 ORDER BY id LIMIT $3) w"
	"  WHERE w.created_at < $2),"
	" free AS MATERIALIZED ("
	"  SELECT e.application_id, e.id FROM appt.user_event e WHERE e.id = ANY (ARRAY(SELECT id FROM batch))"
	"   AND NOT EXISTS (SELECT FROM appt.notification n WHERE n.user_event_id = e.id) FOR UPDATE OF e SKIP LOCKED),"
	" dropped AS ("
	"  DELETE FROM appt.user_event e USING free f WHERE e.application_id = f.application_id AND e.id = f.id"
	"  RETURNING e.id) "
	"SELECT (SELECT max(id) FROM batch), (SELECT count(*) FROM batch), (SELECT count(*) FROM dropped)",
	4, {INT8OID, TIMESTAMPTZOID, INT8OID, INT8OID}
};

static Statement drop_responses = {
	"WITH batch AS MATERIALIZED ("
	"  SELECT w.id FROM (SELECT id, created_at FROM appt.response WHERE id > $1 AND id <= $4 ORDER BY id LIMIT $3) w"
	"  WHERE w.created_at < $2),"
	" free AS MATERIALIZED ("
	"  SELECT r.id FROM appt.response r WHERE r.id = ANY (ARRAY(SELECT id FROM batch))"
	"   AND NOT " APPOINTMENT_IS_AHEAD("r") " FOR UPDATE SKIP LOCKED),"
	" dropped AS ("
	"  DELETE FROM appt.response r USING free f WHERE r.id = f.id RETURNING r.id) "
	"SELECT (SELECT max(id) FROM batch), (SELECT count(*) FROM batch), (SELECT count(*) FROM dropped)",
	4, {INT8OID, TIMESTAMPTZOID, INT8OID, INT8OID}
};

/* By ctid, for times are not unique: one transaction may make many changes. A locked row keeps its ctid. */
static Statement drop_changes = {
	"DELETE FROM appt.change c"
	" USING (SELECT ctid FROM appt.change WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED) old"
	" WHERE c.ctid = old.ctid",
	2, {TIMESTAMPTZOID, INT8OID}
};

/* Only the deletion of an appointment locks one. */
static Statement drop_inbound = {
	"WITH batch AS MATERIALIZED ("
	"  SELECT w.id FROM (SELECT id, created_at FROM appt.inbound_message WHERE id > $1 AND id <= $4 ORDER BY id LIMIT $3) w"
	"  WHERE w.created_at < $2),"
	" free AS MATERIALIZED ("
	"  SELECT id FROM appt.inbound_message WHERE id = ANY (ARRAY(SELECT id FROM batch)) FOR UPDATE SKIP LOCKED),"
	" dropped AS ("
	"  DELETE FROM appt.inbound_message m USING free f WHERE m.id = f.id RETURNING m.id) "
	"SELECT (SELECT max(id) FROM batch), (SELECT count(*) FROM batch), (SELECT count(*) FROM dropped)",
	4, {INT8OID, TIMESTAMPTZOID, INT8OID, INT8OID}
};

static Statement drop_codes = {
	"DELETE FROM appt.one_time_code c"
	" USING (SELECT application_id, id FROM appt.one_time_code WHERE expires_at < $1 AND appointment_id IS NULL"
	"  ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED) old"
	" WHERE c.application_id = old.application_id AND c.id = old.id",
	2, {TIMESTAMPTZOID, INT8OID}
};

/* Dates of all timezones: a day is dropped once it is over everywhere. */
static Statement drop_figures = {
	"WITH day AS ("
	" DELETE FROM appt.report_day r"
	" USING (SELECT ctid FROM appt.report_day WHERE date < ($1 AT TIME ZONE 'UTC')::date - 1 ORDER BY date LIMIT $2"
	"  FOR UPDATE SKIP LOCKED) old"
	" WHERE r.ctid = old.ctid"
	") DELETE FROM appt.daily_figure f"
	" USING (SELECT ctid FROM appt.daily_figure WHERE date < ($1 AT TIME ZONE 'UTC')::date - 1 ORDER BY date LIMIT $2"
	"  FOR UPDATE SKIP LOCKED) old"
	" WHERE f.ctid = old.ctid",
	2, {TIMESTAMPTZOID, INT8OID}
};

static Statement drop_hours = {
	"WITH unfinished AS ("
	" DELETE FROM appt.hour_count c"
	" USING (SELECT ctid FROM appt.hour_count WHERE count_at < $1 AND hour < $1 ORDER BY count_at LIMIT $2"
	"  FOR UPDATE SKIP LOCKED) old"
	" WHERE c.ctid = old.ctid"
	") DELETE FROM appt.hourly_figure f"
	" USING (SELECT ctid FROM appt.hourly_figure WHERE hour < $1 ORDER BY hour LIMIT $2 FOR UPDATE SKIP LOCKED) old"
	" WHERE f.ctid = old.ctid",
	2, {TIMESTAMPTZOID, INT8OID}
};

/* The least id above this one of each table that is walked; NULL: there is none. */
#define LEAST_ABOVE(table) "SELECT min(id) FROM appt." table " WHERE id > $1", 1, {INT8OID}

static Statement next_notification = {LEAST_ABOVE("notification")};
static Statement next_event = {LEAST_ABOVE("user_event")};
static Statement next_response = {LEAST_ABOVE("response")};
static Statement next_inbound = {LEAST_ABOVE("inbound_message")};

/*
 * The old rows of this node are behind. Those of the next one that has rows here begin
 * again with the oldest.
 */
static void
go_to_next_node(RetentionWalk *walk, Statement *find_next)
{
	int64		end_of_node = first_of_node(walk->node + 1) - 1;
	NullableDatum next;

	(void) statement_run(find_next, Int64GetDatum(end_of_node));
	next = next_value(ROW(0));
	walk->is_over = next.isnull;
	if (walk->is_over)
		return;
	walk->node = node_of_number(DatumGetInt64(next.value));
	walk->after = DatumGetInt64(next.value) - 1;
}

/* Walk over a batch. `dropped`: the rows that were dropped. */
static void
walk_on(RetentionWalk *walk, Statement *statement, Statement *find_next, TimestampTz before, int64 *dropped)
{
	Row		   *row;
	int64		last;
	int64		count;

	if (walk->is_over)
		return;
	(void) statement_run(statement, Int64GetDatum(walk->after), TimestampTzGetDatum(before),
						 Int64GetDatum(RETENTION_BATCH), Int64GetDatum(first_of_node(walk->node + 1) - 1));
	row = ROW(0);
	last = next_int64(row);
	count = next_int64(row);
	*dropped = next_int64(row);
	if (count < RETENTION_BATCH)
		go_to_next_node(walk, find_next);
	else
		walk->after = last;
}

static void
drop_step(void *argument)
{
	Drop	   *drop = (Drop *) argument;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz before = now - (TimestampTz) appt_log_retention * USECS_PER_MINUTE;
	int64		others;

	transaction_commit_without_flush();
	walk_on(&drop->pass.notifications, &drop_batch, &next_notification, before, &drop->notifications);
	walk_on(&drop->pass.events, &drop_events, &next_event, before, &others);
	walk_on(&drop->pass.responses, &drop_responses, &next_response, before, &others);
	walk_on(&drop->pass.inbound, &drop_inbound, &next_inbound, before, &others);
	drop->changes = statement_run(&drop_changes, TimestampTzGetDatum(before), Int64GetDatum(RETENTION_BATCH));
	drop->figures = statement_run(&drop_figures, TimestampTzGetDatum(Min(before, now - FIGURES_KEPT)),
								  Int64GetDatum(RETENTION_BATCH));
	drop->hours = statement_run(&drop_hours, TimestampTzGetDatum(before), Int64GetDatum(RETENTION_BATCH));
	drop->codes = statement_run(&drop_codes, TimestampTzGetDatum(now - CODES_KEPT),
								Int64GetDatum(RETENTION_BATCH));
}

bool
retention_drop_some(Worker *worker, RetentionPass *pass, int *dropped)
{
	Drop		drop = {.pass = *pass};
	bool		has_more;

	*dropped = 0;
	if (!worker_run(worker, drop_step, &drop, NULL))
		return false;
	*dropped = (int) drop.notifications;
	has_more = !drop.pass.notifications.is_over || !drop.pass.events.is_over || !drop.pass.responses.is_over ||
		!drop.pass.inbound.is_over ||
		drop.changes == RETENTION_BATCH || drop.codes == RETENTION_BATCH || drop.figures == RETENTION_BATCH ||
		drop.hours == RETENTION_BATCH;
	*pass = has_more ? drop.pass : (RetentionPass) {0};
	return has_more;
}
