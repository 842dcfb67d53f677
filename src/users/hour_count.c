/*
 * hour_count.c
 *		Counts the messages of each hour into appt.hourly_figure.
 *
 * A message belongs to the hour in which it was due. An hour is read in the order of
 * the index notification_application_due, so nothing of another tenant is read, in
 * portions. What a portion adds and the place where it ended are written in one
 * transaction, into appt.hour_count; the end of a pass replaces the figures of the
 * hour at once. So whatever crashes, each message is counted once, and readers see
 * whole passes only.
 *
 * States change after an hour is over, and transactions that planned something for
 * it may commit late. So an hour is counted in several passes:
 *
 *	- while it is the current one, again and again, at most a twentieth of the time
 *	- a minute after its end
 *	- an hour after its end
 *	- a day and an hour after its end, if something was open or FAILED before: by then
 *	  every window and retry is over, but for retries by hand
 *
 * Hours are found by what has fallen due since the latest hour that is known. With
 * each one the hour before it is counted, too, in case a commit came late.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/held.h"
#include "core/row.h"
#include "core/settings.h"
#include "core/statement.h"
#include "users/hour_count.h"

/* Rows of the log that one transaction counts. */
#define PORTION 1000

/* Applications that one transaction reviews. */
#define REVIEWED_AT_ONCE 100

/* A pass over the current hour follows the last one after this, and after so many times what that took. */
#define CURRENT_PAUSE USECS_PER_MINUTE
#define CURRENT_FACTOR 20

/* When an hour is counted after its end. */
#define FIRST_COUNT USECS_PER_MINUTE
#define SECOND_COUNT USECS_PER_HOUR
#define LAST_COUNT (25 * USECS_PER_HOUR)

/* ---- finding hours ---- */

/*
 * For each application in `reviewed`: the hour of the first notification that fell
 * due ($1: before now; $2: not before then) after the latest known hour, and the hour
 * before it. By OFFSET 0 each look-up is by its index, however small the tables were.
 */
#define OPEN_HOURS \
	", latest AS MATERIALIZED (" \
	" SELECT r.id, greatest($2, (SELECT max(hour) FROM appt.hour_count c WHERE c.application_id = r.id) + interval '1 hour'," \
	"  (SELECT max(hour) FROM appt.hourly_figure f WHERE f.application_id = r.id) + interval '1 hour') AS since" \
	" FROM reviewed r" \
	"), next AS MATERIALIZED (" \
	" SELECT l.id, l.since, date_trunc('hour', n.due_at, 'UTC') AS hour FROM latest l CROSS JOIN LATERAL (" \
	"  SELECT due_at FROM appt.notification" \
	"  WHERE application_id = l.id AND due_at >= l.since AND due_at < $1 ORDER BY application_id, due_at, id LIMIT 1) n" \
	"), opened AS (" \
	" INSERT INTO appt.hour_count (application_id, hour, count_at)" \
	" SELECT id, hour, $1 FROM next" \
	" UNION ALL SELECT id, hour - interval '1 hour', greatest($1, hour + interval '1 hour') FROM next" \
	"  WHERE hour - interval '1 hour' >= since" \
	" ON CONFLICT DO NOTHING" \
	")"

/* The retention drops the figures of hours that began before its time, so an hour that it cuts is not counted again. */
static TimestampTz
oldest_hour(TimestampTz now)
{
	return now - (TimestampTz) appt_log_retention * USECS_PER_MINUTE + USECS_PER_HOUR;
}

bool
hour_count_review_some(TimestampTz now, pg_uuid_t *after)
{
	static Statement review = {
		"WITH page AS MATERIALIZED (SELECT id, is_held FROM appt.application WHERE id > $3 ORDER BY id LIMIT $4),"
		" reviewed AS MATERIALIZED (SELECT id FROM page WHERE NOT is_held)" OPEN_HOURS
		" SELECT id FROM page ORDER BY id OFFSET $4 - 1",
		4, {TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID, INT8OID}
	};

	if (statement_run(&review, TimestampTzGetDatum(now), TimestampTzGetDatum(oldest_hour(now)), UUIDPGetDatum(after),
					  Int64GetDatum(REVIEWED_AT_ONCE)) == 0)
		return false;
	*after = next_uuid(ROW(0));
	return true;
}

/* After a pass: an application that was not counted for long has many hours, which need not wait for the review. */
static void
open_next(const pg_uuid_t *application_id, TimestampTz now)
{
	static Statement open = {
		"WITH reviewed AS MATERIALIZED (SELECT $3::uuid AS id)" OPEN_HOURS " SELECT",
		3, {TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID}
	};

	(void) statement_run(&open, TimestampTzGetDatum(now), TimestampTzGetDatum(oldest_hour(now)),
						 UUIDPGetDatum(application_id));
}

/* ---- counting ---- */

/* How far an hour is counted. */
typedef struct HourCount
{
	pg_uuid_t	application_id;
	TimestampTz hour;
	TimestampTz begun_at;		/* 0: the pass begins */
	TimestampTz after_at;
	int64		after_id;
	int64		open;
	Jsonb	   *figures;
} HourCount;

#define HOUR_END(count) ((count)->hour + USECS_PER_HOUR)

/* Lock the hour that has waited longest. */
static bool
find_hour(TimestampTz now, HourCount *count)
{
	static Statement find = {
		"SELECT application_id, hour, begun_at, coalesce(after_at, hour), coalesce(after_id, -9223372036854775808), open, figures"
		" FROM appt.hour_count WHERE count_at <= $1 AND " IS_NOT_HELD("application_id") " ORDER BY count_at LIMIT 1 FOR UPDATE SKIP LOCKED",
		1, {TIMESTAMPTZOID}
	};
	Row		   *row;

	if (statement_run(&find, TimestampTzGetDatum(now)) == 0)
		return false;
	row = ROW(0);
	count->application_id = next_uuid(row);
	count->hour = next_timestamp(row);
	count->begun_at = next_timestamp(row);
	count->after_at = next_timestamp(row);
	count->after_id = next_int64(row);
	count->open = next_int64(row);
	count->figures = next_jsonb(row);
	if (count->begun_at == 0)
		count->begun_at = now;
	return true;
}

/* What the column figures holds. Lateness is in seconds. */
#define FIGURES(figures) \
	"jsonb_to_recordset(" figures ") AS f (type text, channel text, sent bigint, failed bigint, attempted bigint," \
	" lateness_sum numeric, lateness_max numeric)"

/* Add the next rows to the figures; returns how many there were. */
static int64
count_portion(HourCount *count)
{
	static Statement add = {
		"WITH batch AS MATERIALIZED ("
		" SELECT due_at, id, type, channel, state FROM appt.notification"
		" WHERE application_id = $1 AND due_at >= $2 AND due_at < $3 AND (due_at, id) > ($4, $5)"
		" ORDER BY application_id, due_at, id LIMIT $6"
		"), settled AS ("
		" SELECT b.type, b.channel, b.state, extract(epoch FROM t.started_at - b.due_at) AS lateness"
		" FROM batch b LEFT JOIN LATERAL (SELECT started_at FROM appt.attempt"
		"  WHERE notification_id = b.id AND attempt_number = 1 OFFSET 0) t ON b.state IN ('SENT', 'FAILED')"
		"), summed AS ("
		" SELECT type::text AS type, channel::text AS channel, count(*) FILTER (WHERE state = 'SENT') AS sent,"
		"  count(*) FILTER (WHERE state = 'FAILED') AS failed, count(lateness) AS attempted,"
		"  coalesce(sum(lateness), 0) AS lateness_sum, max(lateness) AS lateness_max"
		" FROM settled GROUP BY 1, 2"
		" UNION ALL SELECT * FROM " FIGURES("$7")
		"), joined AS ("
		" SELECT type, channel, sum(sent) AS sent, sum(failed) AS failed, sum(attempted) AS attempted,"
		"  sum(lateness_sum) AS lateness_sum, max(lateness_max) AS lateness_max"
		" FROM summed GROUP BY type, channel"
		") SELECT (SELECT count(*) FROM batch),"
		" (SELECT count(*) FROM batch WHERE state IN ('PENDING', 'SENDING', 'RETRYING', 'FAILED')),"
		" (SELECT coalesce(jsonb_agg(to_jsonb(j)), '[]') FROM joined j),"
		" last.due_at, last.id FROM (VALUES (1)) one LEFT JOIN (SELECT due_at, id FROM batch ORDER BY due_at DESC, id DESC LIMIT 1) last"
		"  ON true",
		7, {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID, JSONBOID}
	};
	Row		   *row;
	int64		rows;

	(void) statement_run(&add, UUIDPGetDatum(&count->application_id), TimestampTzGetDatum(count->hour),
						 TimestampTzGetDatum(Min(HOUR_END(count), count->begun_at)), TimestampTzGetDatum(count->after_at),
						 Int64GetDatum(count->after_id), Int64GetDatum(PORTION), JsonbPGetDatum(count->figures));
	row = ROW(0);
	rows = next_int64(row);
	count->open += next_int64(row);
	count->figures = next_jsonb(row);
	if (rows > 0)
	{
		count->after_at = next_timestamp(row);
		count->after_id = next_int64(row);
	}
	return rows;
}

/* The pass goes on after the next turn of the others. */
static void
keep_place(const HourCount *count, TimestampTz now)
{
	static Statement keep = {
		"UPDATE appt.hour_count SET begun_at = $3, after_at = $4, after_id = $5, open = $6, figures = $7, count_at = $8"
		" WHERE application_id = $1 AND hour = $2",
		8, {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID, JSONBOID, TIMESTAMPTZOID}
	};

	(void) statement_run(&keep, UUIDPGetDatum(&count->application_id), TimestampTzGetDatum(count->hour),
						 TimestampTzGetDatum(count->begun_at), TimestampTzGetDatum(count->after_at),
						 Int64GetDatum(count->after_id), Int64GetDatum(count->open), JsonbPGetDatum(count->figures),
						 TimestampTzGetDatum(now));
}

/* ---- the end of a pass ---- */

/* Two statements: an INSERT does not see what the same statement deletes. */
static void
replace_figures(const HourCount *count)
{
	static Statement drop = {
		"DELETE FROM appt.hourly_figure WHERE application_id = $1 AND hour = $2", 2, {UUIDOID, TIMESTAMPTZOID}
	};
	static Statement insert = {
		"INSERT INTO appt.hourly_figure"
		" (application_id, hour, type, channel, sent, failed, attempted, lateness_sum, lateness_max)"
		" SELECT $1, $2, type, channel, sent, failed, attempted,"
		"  lateness_sum::float8 * interval '1 second', lateness_max::float8 * interval '1 second'"
		" FROM " FIGURES("$3"),
		3, {UUIDOID, TIMESTAMPTZOID, JSONBOID}
	};

	(void) statement_run(&drop, UUIDPGetDatum(&count->application_id), TimestampTzGetDatum(count->hour));
	(void) statement_run(&insert, UUIDPGetDatum(&count->application_id), TimestampTzGetDatum(count->hour),
						 JsonbPGetDatum(count->figures));
}

/* When to count the hour again; 0: never. */
static TimestampTz
next_pass(const HourCount *count, TimestampTz now)
{
	TimestampTz end = HOUR_END(count);

	if (count->begun_at < end)
		return now + Max(CURRENT_PAUSE, CURRENT_FACTOR * (now - count->begun_at));
	if (count->begun_at < end + FIRST_COUNT)
		return end + FIRST_COUNT;
	if (count->begun_at < end + SECOND_COUNT)
		return end + SECOND_COUNT;
	return count->open > 0 && count->begun_at < end + LAST_COUNT ? end + LAST_COUNT : 0;
}

static void
end_pass(const HourCount *count, TimestampTz now)
{
	static Statement begin_anew = {
		"UPDATE appt.hour_count SET begun_at = NULL, after_at = NULL, after_id = NULL, open = 0, figures = '[]', count_at = $3"
		" WHERE application_id = $1 AND hour = $2",
		3, {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID}
	};
	static Statement forget = {
		"DELETE FROM appt.hour_count WHERE application_id = $1 AND hour = $2", 2, {UUIDOID, TIMESTAMPTZOID}
	};
	TimestampTz next = next_pass(count, now);

	replace_figures(count);
	if (next == 0)
		(void) statement_run(&forget, UUIDPGetDatum(&count->application_id), TimestampTzGetDatum(count->hour));
	else
		(void) statement_run(&begin_anew, UUIDPGetDatum(&count->application_id), TimestampTzGetDatum(count->hour),
							 TimestampTzGetDatum(next));
	open_next(&count->application_id, now);
}

/* ---- the whole ---- */

bool
hour_count_some(TimestampTz now, CountedHour *counted)
{
	HourCount	count;

	counted->found = find_hour(now, &count);
	if (!counted->found)
		return false;
	counted->application_id = count.application_id;
	counted->hour = count.hour;
	if (count_portion(&count) == PORTION)
		keep_place(&count, now);
	else
		end_pass(&count, now);
	return true;
}

void
hour_count_postpone(const CountedHour *hour, TimestampTz until)
{
	static Statement postpone = {
		"UPDATE appt.hour_count SET count_at = $3 WHERE application_id = $1 AND hour = $2 AND count_at < $3",
		3, {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID}
	};

	(void) statement_run(&postpone, UUIDPGetDatum(&hour->application_id), TimestampTzGetDatum(hour->hour),
						 TimestampTzGetDatum(until));
}

TimestampTz
hour_count_next(void)
{
	static Statement find = {
		"SELECT count_at FROM appt.hour_count WHERE " IS_NOT_HELD("application_id") " ORDER BY count_at LIMIT 1", 0, {}
	};

	return statement_run(&find) == 0 ? DT_NOEND : next_timestamp(ROW(0));
}
