/*
 * report_count.c
 *		Counts closed days into appt.daily_figure.
 *
 * A day is counted part by part: events, appointments, messages, inbound messages.
 * Each part is read in the order of an index that leads with the application, so
 * nothing of another tenant is read, and in portions. A portion's figures are
 * added, and the place where it ended is written, in one transaction: whatever
 * crashes, each row of the log is counted once. The figures of a day are complete
 * once count_at is NULL, and do not change after that.
 *
 * A message belongs to the day on which it was due, with all its attempts: an
 * index has that order, and each message has one day whatever its retries do.
 *
 * Days take turns, by count_at. One of ten million messages takes ten thousand
 * turns, and the days of other tenants are counted between them.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/date.h"

#include "core/held.h"
#include "core/row.h"
#include "core/statement.h"
#include "users/report_count.h"

/* Rows of the log that one transaction counts. */
#define PORTION 1000

/* Different items of a subject that a day may have; the others are counted as one without a name. */
#define MOST_ITEMS "1000"

/*
 * Arguments of a statement that counts a portion: $1 the application, $2 the date,
 * $3 and $4 the day's start and end, $5 and $6 the time and id of the last row that
 * is counted, $7 the most rows. Its result: how many rows it has counted, and the
 * time and id of the last.
 */
#define OF_PORTION 7, {UUIDOID, DATEOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, INT8OID}

/* The next rows of the day, in the order of an index. */
#define NEXT_ROWS(at, id_type) \
	" WHERE application_id = $1 AND " at " >= $3 AND " at " < $4 AND (" at ", id) > ($5, $6::" id_type ")" \
	" ORDER BY " at ", id LIMIT $7"

/* Add `figures` to those of the day, and return what was counted of `batch`. */
#define ADD_FIGURES \
	", known AS MATERIALIZED (" \
	" SELECT subject, count(*) AS items FROM appt.daily_figure" \
	" WHERE application_id = $1 AND date = $2 AND subject = ANY (ARRAY(SELECT DISTINCT subject FROM figures))" \
	" GROUP BY subject" \
	"), placed AS (" \
	" SELECT g.*, f.item IS NULL AND coalesce(k.items, 0)" \
	"   + row_number() OVER (PARTITION BY g.subject, f.item IS NULL ORDER BY g.item, g.part) > " MOST_ITEMS " AS is_beyond" \
	" FROM figures g LEFT JOIN known k ON k.subject = g.subject" \
	" LEFT JOIN appt.daily_figure f ON f.application_id = $1 AND f.date = $2 AND f.subject = g.subject" \
	"  AND f.item = g.item AND f.part = g.part" \
	"), bounded AS (" \
	" SELECT subject, CASE WHEN is_beyond THEN '' ELSE item END AS item, CASE WHEN is_beyond THEN '' ELSE part END AS part," \
	"  sum(total) AS total, sum(sent) AS sent, sum(failed) AS failed, sum(unsent) AS unsent, sum(segments) AS segments," \
	"  sum(undelivered) AS undelivered, sum(cost) AS cost, max(name) FILTER (WHERE NOT is_beyond) AS name," \
	"  max(last_error) FILTER (WHERE NOT is_beyond) AS last_error" \
	" FROM placed GROUP BY 1, 2, 3" \
	"), added AS (" \
	" INSERT INTO appt.daily_figure AS f (application_id, date, subject, item, part, total, sent, failed, unsent," \
	"  segments, undelivered, cost, name, last_error)" \
	" SELECT $1, $2, subject, item, part, total, sent, failed, unsent, segments, undelivered, cost, name, last_error" \
	" FROM bounded ORDER BY subject, item, part" \
	" ON CONFLICT (application_id, date, subject, item, part) DO UPDATE SET total = f.total + excluded.total," \
	"  sent = f.sent + excluded.sent, failed = f.failed + excluded.failed, unsent = f.unsent + excluded.unsent," \
	"  segments = f.segments + excluded.segments, undelivered = f.undelivered + excluded.undelivered," \
	"  cost = f.cost + excluded.cost, name = coalesce(excluded.name, f.name)," \
	"  last_error = coalesce(excluded.last_error, f.last_error)" \
	") SELECT count(*), max(at), (SELECT id::text FROM batch ORDER BY at DESC, batch.id DESC LIMIT 1) FROM batch"

/* Figures that a subject does not have. */
#define NO_MESSAGES "0::bigint AS sent, 0::bigint AS failed, 0::bigint AS unsent"
#define NO_SEGMENTS "0::bigint AS segments, 0::bigint AS undelivered, 0::numeric AS cost"
#define NO_ERROR "NULL::text AS last_error"

#define BY_STATE \
	"count(*) FILTER (WHERE state = 'SENT') AS sent, count(*) FILTER (WHERE state = 'FAILED') AS failed," \
	" count(*) FILTER (WHERE state IN ('SUPPRESSED', 'SKIPPED', 'MISSED')) AS unsent"

static Statement count_events = {
	"WITH batch AS MATERIALIZED ("
	" SELECT created_at AS at, id, type FROM appt.user_event" NEXT_ROWS("created_at", "bigint")
	"), figures AS ("
	" SELECT 'EVENTS' AS subject, type::text AS item, '' AS part, count(*) AS total,"
	"  " NO_MESSAGES ", " NO_SEGMENTS ", NULL::text AS name, " NO_ERROR
	" FROM batch GROUP BY type"
	")" ADD_FIGURES,
	OF_PORTION
};

static Statement count_appointments = {
	"WITH batch AS MATERIALIZED ("
	" SELECT start_at AS at, id, state FROM appt.appointment" NEXT_ROWS("start_at", "uuid")
	"), figures AS ("
	" SELECT 'APPOINTMENTS' AS subject, state::text AS item, '' AS part, count(*) AS total,"
	"  " NO_MESSAGES ", " NO_SEGMENTS ", NULL::text AS name, " NO_ERROR
	" FROM batch GROUP BY state"
	")" ADD_FIGURES,
	OF_PORTION
};

/* The last attempt tells whether it was delivered, and the last error. */
static Statement count_messages = {
	"WITH batch AS MATERIALIZED ("
	" SELECT due_at AS at, id, type, channel, state, subscription_id, address, detail"
	" FROM appt.notification" NEXT_ROWS("due_at", "bigint")
	"), attempted AS MATERIALIZED ("
	" SELECT b.*, t.attempt_number, t.segments, t.cost, t.currency, t.receipt, t.error"
	" FROM batch b LEFT JOIN appt.attempt t ON t.notification_id = b.id"
	"), message AS MATERIALIZED ("
	" SELECT id, at, type, channel, state, subscription_id, address, detail, coalesce(sum(segments), 0) AS segments,"
	"  coalesce((array_agg(receipt ORDER BY attempt_number DESC))[1] = 'UNDELIVERED', false) AS is_undelivered,"
	"  (array_agg(error ORDER BY attempt_number DESC))[1] AS error"
	" FROM attempted GROUP BY id, at, type, channel, state, subscription_id, address, detail"
	"), figures AS ("
	" SELECT 'MESSAGES' AS subject, channel::text AS item, type::text AS part, count(*) AS total, " BY_STATE ","
	"  sum(segments)::bigint AS segments, count(*) FILTER (WHERE is_undelivered) AS undelivered, 0::numeric AS cost,"
	"  NULL::text AS name, " NO_ERROR
	" FROM message GROUP BY channel, type"
	" UNION ALL "
	" SELECT 'SPENDING', channel, currency, count(DISTINCT id), 0, 0, 0, coalesce(sum(segments), 0), 0, sum(cost), NULL, NULL"
	" FROM attempted WHERE cost IS NOT NULL GROUP BY channel, currency"
	" UNION ALL "
	" SELECT 'WEBHOOKS', subscription_id::text, '', count(*), " BY_STATE ", 0, 0, 0, max(address),"
	"  (array_agg(left(coalesce(error, detail), 500) ORDER BY at DESC, id DESC) FILTER (WHERE state = 'FAILED' AND coalesce(error, detail) IS NOT NULL))[1]"
	" FROM message WHERE subscription_id IS NOT NULL GROUP BY subscription_id"
	")" ADD_FIGURES,
	OF_PORTION
};

static Statement count_inbound = {
	"WITH batch AS MATERIALIZED ("
	" SELECT received_at AS at, id, to_number, line_id FROM appt.inbound_message" NEXT_ROWS("received_at", "bigint")
	"), figures AS ("
	" SELECT 'INBOUND_SMS' AS subject, b.to_number AS item, coalesce(b.line_id::text, '') AS part, count(*) AS total,"
	"  " NO_MESSAGES ", " NO_SEGMENTS ", max(l.name) AS name, " NO_ERROR
	" FROM batch b LEFT JOIN appt.line l ON l.application_id = $1 AND l.id = b.line_id"
	" GROUP BY b.to_number, b.line_id"
	")" ADD_FIGURES,
	OF_PORTION
};

/* The parts of the log, and the id that comes before every id in them. report_day.step is the index. */
static const struct
{
	Statement  *count;
	const char *before_ids;
}			steps[] = {
	{&count_events, "-9223372036854775808"},
	{&count_appointments, "00000000-0000-0000-0000-000000000000"},
	{&count_messages, "-9223372036854775808"},
	{&count_inbound, "-9223372036854775808"}
};

/* How far a day is counted. */
typedef struct DayCount
{
	pg_uuid_t	application_id;
	DateADT		date;
	TimestampTz start_at;
	TimestampTz end_at;
	int			step;
	TimestampTz after_at;		/* 0: the step begins */
	char	   *after_id;
} DayCount;

/* Lock the day that has waited longest. */
static bool
find_day(TimestampTz now, DayCount *day)
{
	static Statement find = {
		"SELECT application_id, date, start_at, end_at, step, after_at, after_id FROM appt.report_day"
		" WHERE count_at <= $1 AND " IS_NOT_HELD("application_id") " ORDER BY count_at LIMIT 1 FOR UPDATE SKIP LOCKED",
		1, {TIMESTAMPTZOID}
	};
	Row		   *row;

	if (statement_run(&find, TimestampTzGetDatum(now)) == 0)
		return false;
	row = ROW(0);
	day->application_id = next_uuid(row);
	day->date = DatumGetDateADT(next_value(row).value);
	day->start_at = next_timestamp(row);
	day->end_at = next_timestamp(row);
	day->step = next_int32(row);
	day->after_at = next_timestamp(row);
	day->after_id = next_text(row);
	return true;
}

/* Count at most that many rows of the current step; the number of rows. The step goes on after the last. */
static int64
count_portion(DayCount *day, int64 most)
{
	const char *after_id = day->after_id ? day->after_id : steps[day->step].before_ids;
	TimestampTz after_at = day->after_id ? day->after_at : day->start_at;
	Row		   *row;
	int64		rows;

	(void) statement_run(steps[day->step].count, UUIDPGetDatum(&day->application_id), DateADTGetDatum(day->date),
						 TimestampTzGetDatum(day->start_at), TimestampTzGetDatum(day->end_at),
						 TimestampTzGetDatum(after_at), text_datum(after_id), Int64GetDatum(most));
	row = ROW(0);
	rows = next_int64(row);
	if (rows > 0)
	{
		day->after_at = next_timestamp(row);
		day->after_id = next_text(row);
	}
	return rows;
}

static void
begin_step(DayCount *day, int step)
{
	day->step = step;
	day->after_at = 0;
	day->after_id = NULL;
}

/* Write how far the day is counted; `again` is when to go on. */
static void
keep_place(const DayCount *day, bool is_counted, TimestampTz again)
{
	static Statement keep = {
		"UPDATE appt.report_day SET step = $3, after_at = $4, after_id = $5, count_at = $6"
		" WHERE application_id = $1 AND date = $2",
		6, {UUIDOID, DATEOID, INT4OID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID}
	};
	NullableDatum arguments[] = {
		SQL_VALUE(UUIDPGetDatum(&day->application_id)),
		SQL_VALUE(DateADTGetDatum(day->date)),
		SQL_VALUE(Int32GetDatum(day->step)),
		day->after_id ? SQL_VALUE(TimestampTzGetDatum(day->after_at)) : SQL_NULL,
		sql_text(day->after_id),
		is_counted ? SQL_NULL : SQL_VALUE(TimestampTzGetDatum(again))
	};

	(void) statement_run_nullable(&keep, arguments);
}

bool
report_count_some(TimestampTz now, CountedDay *counted)
{
	DayCount	day;
	int64		left = PORTION;

	counted->found = find_day(now, &day);
	if (!counted->found)
		return false;
	counted->application_id = day.application_id;
	counted->date = day.date;
	while (day.step < lengthof(steps))
	{
		left -= count_portion(&day, left);
		if (left == 0)
			break;
		begin_step(&day, day.step + 1);
	}
	keep_place(&day, day.step == lengthof(steps), now);
	return true;
}

void
report_count_postpone(const CountedDay *day, TimestampTz until)
{
	static Statement postpone = {
		"UPDATE appt.report_day SET count_at = $3 WHERE application_id = $1 AND date = $2 AND count_at < $3",
		3, {UUIDOID, DATEOID, TIMESTAMPTZOID}
	};

	(void) statement_run(&postpone, UUIDPGetDatum(&day->application_id), DateADTGetDatum(day->date),
						 TimestampTzGetDatum(until));
}

TimestampTz
report_count_next(void)
{
	static Statement find = {
		"SELECT count_at FROM appt.report_day WHERE count_at IS NOT NULL AND " IS_NOT_HELD("application_id") " ORDER BY count_at LIMIT 1",
		0, {}
	};

	return statement_run(&find) == 0 ? DT_NOEND : next_timestamp(ROW(0));
}
