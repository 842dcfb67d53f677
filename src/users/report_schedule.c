/*
 * report_schedule.c
 *		Which daily reports are due when, and planning them.
 *
 * A row of appt.report_schedule is made by the review, a pass of the worker over
 * all applications, once an enabled admin or a subscriber wants that type of report.
 * No trigger makes one. The review also finds applications whose timezone or
 * report_time has changed, and rows that nobody wants any more; these stay, because
 * they know which day was reported last.
 *
 * A report is planned by the transaction that advances its row. So a crash loses
 * both or neither, and a day is reported once: last_date only grows. The next
 * report is always computed from the application's present settings and last_date
 * (report_times.h). After an outage the latest report alone is planned. Its window,
 * 12 hours from when it was due, decides whether it is sent or MISSED; the days
 * before it are shown in it.
 *
 * A report waits until its day is counted. The days that it shows are put into
 * appt.report_day as soon as it is known when it is due.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/date.h"

#include "core/column.h"
#include "core/held.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/vocabulary.h"
#include "notify/planned.h"
#include "notify/preference.h"
#include "render/local_days.h"
#include "users/report_content.h"
#include "users/report_schedule.h"
#include "users/report_times.h"

/* One transaction reviews so many applications, and no more once they have so many admins. */
#define REVIEWED_AT_ONCE 100
#define ADMINS_AT_ONCE 1000

/* A day is counted so long before its report is due: late enough for retries to have ended. */
#define COUNTED_BEFORE USECS_PER_HOUR

/* But not before transactions that began on the day have ended, as a rule. */
#define COUNTED_AFTER USECS_PER_MINUTE

/* A row of the schedule, with the settings of its application. */
typedef struct ReportRow
{
	pg_uuid_t	application_id;
	char	   *type;
	bool		application_exists;
	ReportClock clock;			/* without zone: the server does not know the
								 * timezone any more */
	char	   *timezone;
	bool		is_new;			/* there is no row yet */
	bool		is_active;		/* it has a next report */
	DateADT		last_date;
	DateADT		next_date;
	bool		is_wanted;
} ReportRow;

/* An argument for a date that may be missing. */
static NullableDatum
sql_date(bool exists, DateADT date)
{
	return exists ? SQL_VALUE(DateADTGetDatum(date)) : SQL_NULL;
}

static bool
next_date(Row *row, DateADT *date)
{
	NullableDatum value = next_value(row);

	*date = value.isnull ? 0 : DatumGetDateADT(value.value);
	return !value.isnull;
}

/* application_id, type, timezone, report_time, last_date, next_date, is_wanted */
static void
read_report(Row *row, ReportRow *report)
{
	NullableDatum time;
	char	   *error;

	report->application_id = next_uuid(row);
	report->type = next_text(row);
	report->timezone = next_text(row);
	time = next_value(row);
	report->application_exists = report->timezone != NULL;
	report->clock.zone = report->application_exists ? timezone_find(report->timezone, &error) : NULL;
	report->clock.report_time = time.isnull ? 0 : DatumGetTimeADT(time.value);
	report->is_new = !next_date(row, &report->last_date);
	report->is_active = next_date(row, &report->next_date);
	report->is_wanted = next_bool(row);
}

/* All rows of the last statement. */
static ReportRow *
read_reports(uint64 count)
{
	ReportRow  *reports = (ReportRow *) palloc(Max(count, 1) * sizeof(ReportRow));

	for (uint64 n = 0; n < count; n++)
		read_report(ROW(n), &reports[n]);
	return reports;
}

/* ---- the days that a report shows ---- */

/* When to count a day: the one that the report is about late, those before it at once. */
static TimestampTz
counting_time(const ReportOccasion *next, DateADT date, TimestampTz end_at)
{
	TimestampTz soonest = end_at + COUNTED_AFTER;

	return date < next->date ? soonest : Max(soonest, next->at - COUNTED_BEFORE);
}

typedef struct DayColumns
{
	Column	   *dates;
	Column	   *start_ats;
	Column	   *end_ats;
	Column	   *count_ats;
} DayColumns;

/* The days that exist of those that the report shows. */
static DayColumns
shown_days(const ReportClock *clock, const ReportOccasion *next)
{
	DayColumns	days = {
		column_create(DATEOID, REPORT_DAYS), column_create(TIMESTAMPTZOID, REPORT_DAYS),
		column_create(TIMESTAMPTZOID, REPORT_DAYS), column_create(TIMESTAMPTZOID, REPORT_DAYS)
	};

	for (DateADT date = next->date - REPORT_DAYS + 1; date <= next->date; date++)
	{
		TimestampTz start_at;
		TimestampTz end_at;

		if (!local_day(clock->zone, date, &start_at, &end_at) || start_at == end_at)
			continue;
		column_add(days.dates, DateADTGetDatum(date));
		column_add(days.start_ats, TimestampTzGetDatum(start_at));
		column_add(days.end_ats, TimestampTzGetDatum(end_at));
		column_add(days.count_ats, TimestampTzGetDatum(counting_time(next, date, end_at)));
	}
	return days;
}

/* Of application $1 and timezone $2. */
#define SHOWN_DAYS "SELECT unnest($3) AS date, unnest($4) AS start_at, unnest($5) AS end_at, unnest($6) AS count_at"
#define OF_SHOWN_DAYS 6, {UUIDOID, TEXTOID, DATEARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID}

static void
run_for_days(Statement *statement, const ReportRow *report, const DayColumns *days)
{
	(void) statement_run(statement, UUIDPGetDatum(&report->application_id), text_datum(report->timezone),
						 column_array(days->dates), column_array(days->start_ats),
						 column_array(days->end_ats), column_array(days->count_ats));
}

/*
 * Have the days counted that the next report shows. A day that is not counted yet
 * may be counted sooner, and begins anew if the timezone has changed.
 *
 * The first statement locks the days, so nobody counts them. Only a statement after
 * that sees all figures that were counted. Days are found by their keys, not by the
 * index of those that are to be counted: it has those of all applications.
 */
static void
expect_days(const ReportRow *report, const ReportOccasion *next)
{
	static Statement expect = {
		"INSERT INTO appt.report_day AS r (application_id, date, timezone, start_at, end_at, count_at)"
		" SELECT $1, d.date, $2, d.start_at, d.end_at, d.count_at FROM (" SHOWN_DAYS ") d ORDER BY d.date"
		" ON CONFLICT (application_id, date) DO UPDATE SET count_at = excluded.count_at"
		"  WHERE r.count_at > excluded.count_at",
		OF_SHOWN_DAYS
	};
	static Statement begin_anew = {
		"WITH known AS MATERIALIZED ("
		" SELECT date FROM (SELECT date, timezone, count_at FROM appt.report_day"
		"  WHERE application_id = $1 AND date = ANY ($3) OFFSET 0) k WHERE count_at IS NOT NULL AND timezone <> $2"
		"), anew AS ("
		" UPDATE appt.report_day r SET timezone = $2, start_at = d.start_at, end_at = d.end_at, count_at = d.count_at,"
		"  step = 0, after_at = NULL, after_id = NULL"
		" FROM known k JOIN (" SHOWN_DAYS ") d ON d.date = k.date"
		" WHERE r.application_id = $1 AND r.date = k.date"
		" RETURNING r.date"
		") DELETE FROM appt.daily_figure f USING anew WHERE f.application_id = $1 AND f.date = anew.date",
		OF_SHOWN_DAYS
	};
	DayColumns	days = shown_days(&report->clock, next);

	run_for_days(&expect, report, &days);
	run_for_days(&begin_anew, report, &days);
}

/* ---- rows of the schedule ---- */

/*
 * Write when the next report is due, unless another worker has reported a day
 * since the row was read.
 */
static void
write_next(const ReportRow *report, DateADT last_date, const ReportOccasion *next)
{
	static Statement write = {
		"INSERT INTO appt.report_schedule AS s (application_id, type, next_at, next_date, last_date, timezone, report_time)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7)"
		" ON CONFLICT (application_id, type) DO UPDATE SET next_at = $3, next_date = $4, last_date = $5,"
		"  timezone = $6, report_time = $7 WHERE s.last_date = $8",
		8, {UUIDOID, TEXTOID, TIMESTAMPTZOID, DATEOID, DATEOID, TEXTOID, TIMEOID, DATEOID}
	};
	NullableDatum arguments[] = {
		SQL_VALUE(UUIDPGetDatum(&report->application_id)),
		sql_text(report->type),
		SQL_VALUE(TimestampTzGetDatum(next->at)),
		SQL_VALUE(DateADTGetDatum(next->date)),
		SQL_VALUE(DateADTGetDatum(last_date)),
		sql_text(report->timezone),
		SQL_VALUE(TimeADTGetDatum(report->clock.report_time)),
		sql_date(!report->is_new, report->last_date)
	};

	(void) statement_run_nullable(&write, arguments);
	expect_days(report, next);
}

static void
deactivate(const ReportRow *report)
{
	static Statement write = {
		"UPDATE appt.report_schedule SET next_at = NULL, next_date = NULL WHERE application_id = $1 AND type = $2",
		2, {UUIDOID, TEXTOID}
	};

	(void) statement_run(&write, UUIDPGetDatum(&report->application_id), text_datum(report->type));
}

static void
drop_report(const ReportRow *report)
{
	static Statement drop = {
		"DELETE FROM appt.report_schedule WHERE application_id = $1 AND type = $2", 2, {UUIDOID, TEXTOID}
	};

	(void) statement_run(&drop, UUIDPGetDatum(&report->application_id), text_datum(report->type));
}

/*
 * Schedule a report that is wanted. Whoever asks for it gets the next one that
 * falls due; what was due before is over.
 */
static void
schedule_report(const ReportRow *report, TimestampTz now)
{
	DateADT		last_date = report->last_date;
	ReportOccasion next;

	if (!report->is_active)
	{
		if (!report_latest(&report->clock, now, &next))
			return;
		last_date = report->is_new ? next.date : Max(last_date, next.date);
	}
	if (report_next(&report->clock, last_date, now, &next))
		write_next(report, last_date, &next);
}

static void
correct_report(const ReportRow *report, TimestampTz now)
{
	if (!report->application_exists)
		drop_report(report);
	else if (!report->is_wanted)
		deactivate(report);
	else if (report->clock.zone != NULL)
		schedule_report(report, now);
}

/* ---- the review ---- */

/* The last application of the next ones; the review is over if there are fewer. */
static pg_uuid_t
find_last(ReportReview *review)
{
	static Statement find = {
		"WITH last AS MATERIALIZED ("
		" SELECT a.id FROM appt.application a WHERE a.id > $1 ORDER BY a.id OFFSET $2 - 1 LIMIT 1"
		") SELECT coalesce("
		" (SELECT u.application_id FROM appt.user_profile u WHERE u.application_id > $1"
		"   AND u.application_id <= coalesce((SELECT id FROM last), $4) AND u.is_admin"
		"  ORDER BY u.application_id, u.id OFFSET $3 - 1 LIMIT 1),"
		" (SELECT id FROM last))",
		4, {UUIDOID, INT8OID, INT8OID, UUIDOID}
	};
	pg_uuid_t  *last;
	pg_uuid_t	highest;

	memset(&highest, 0xff, sizeof(highest));
	(void) statement_run(&find, UUIDPGetDatum(&review->after), Int64GetDatum(REVIEWED_AT_ONCE),
						 Int64GetDatum(ADMINS_AT_ONCE), UUIDPGetDatum(&highest));
	last = next_uuid_or_null(ROW(0));
	review->is_over = last == NULL;
	return review->is_over ? highest : *last;
}

/* The types of reports over each channel to users, and whether the type is on by default. */
typedef struct ReportChannels
{
	Column	   *types;
	Column	   *channels;
	Column	   *are_on;
} ReportChannels;

static void
add_channels(ReportChannels *reports, const NotificationTypeInfo *type)
{
	for (int channel = 0; channel < CHANNELS; channel++)
		if ((type->channels & CHANNEL_BIT(channel)) && channel_infos[channel].has_template)
		{
			column_add_text(reports->types, type->code);
			column_add_text(reports->channels, channel_infos[channel].code);
			column_add(reports->are_on, BoolGetDatum(type->offsets[0].is_on));
		}
}

static ReportChannels
report_channels(void)
{
	ReportChannels reports = {
		column_create(TEXTOID, 8), column_create(TEXTOID, 8), column_create(BOOLOID, 8)
	};

	for (int type = 0; type < NOTIFICATION_TYPES; type++)
		if (notification_types[type].due_rule == DUE_DAILY)
			add_channels(&reports, &notification_types[type]);
	return reports;
}

/*
 * What differs from the schedule in the applications after $1 up to $2. OFFSET 0
 * has each application looked up: the planner believes so many to differ that it
 * would read all of them.
 */
static Statement find_differing = {
	"WITH report AS MATERIALIZED ("
	" SELECT unnest($3) AS type, unnest($4) AS channel, unnest($5) AS is_on"
	"), wanted AS MATERIALIZED ("
	" SELECT u.application_id, r.type FROM appt.user_profile u CROSS JOIN report r"
	" WHERE u.application_id > $1 AND u.application_id <= $2 AND u.is_admin AND u.enabled AND r.channel = ANY (u.channels)"
	"  AND " PREFERENCE("appt.user_preference", "u.application_id", "u.id", "r.type", "'0'", "r.channel", "r.is_on")
	" UNION"
	" SELECT s.application_id, r.type FROM appt.subscription s JOIN report r ON r.type = ANY (s.types)"
	" WHERE s.application_id > $1 AND s.application_id <= $2 AND s.types IS NOT NULL AND s.enabled"
	"), scheduled AS MATERIALIZED ("
	" SELECT s.* FROM appt.report_schedule s WHERE s.application_id > $1 AND s.application_id <= $2"
	") SELECT coalesce(w.application_id, s.application_id), coalesce(w.type, s.type), a.timezone, a.report_time,"
	"  s.last_date, s.next_date, w.type IS NOT NULL"
	" FROM wanted w FULL JOIN scheduled s ON s.application_id = w.application_id AND s.type = w.type"
	" LEFT JOIN LATERAL (SELECT a.id, a.timezone, a.report_time, a.is_held FROM appt.application a"
	"  WHERE a.id = coalesce(w.application_id, s.application_id) OFFSET 0) a ON true"
	" WHERE a.is_held IS NOT TRUE AND (a.id IS NULL OR (w.type IS NOT NULL) <> (s.next_at IS NOT NULL)"
	"  OR (w.type IS NOT NULL AND (s.timezone <> a.timezone OR s.report_time <> a.report_time)))"
	" ORDER BY 1, 2",
	5, {UUIDOID, UUIDOID, TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID}
};

void
report_review_some(TimestampTz now, ReportReview *review)
{
	pg_uuid_t	last = find_last(review);
	ReportChannels channels = report_channels();
	uint64		count;
	ReportRow  *reports;

	count = statement_run(&find_differing, UUIDPGetDatum(&review->after), UUIDPGetDatum(&last),
						  column_array(channels.types), column_array(channels.channels), column_array(channels.are_on));
	reports = read_reports(count);
	for (uint64 n = 0; n < count; n++)
		correct_report(&reports[n], now);
	review->after = last;
}

/* ---- planning ---- */

/*
 * Rows that are due and whose day is counted; a day that is not known is counted as
 * far as it can be. Each day is looked up, in the order of next_at: a join would read
 * all rows that are due, for the few that are taken.
 */
static Statement find_due = {
	"SELECT s.application_id, s.type, a.timezone, a.report_time, s.last_date, s.next_date, true"
	" FROM appt.report_schedule s JOIN appt.application a ON a.id = s.application_id"
	" WHERE s.next_at <= $1 AND NOT a.is_held AND coalesce((SELECT d.count_at IS NULL FROM appt.report_day d"
	"  WHERE d.application_id = s.application_id AND d.date = s.next_date), true)"
	" ORDER BY s.next_at LIMIT $2 FOR UPDATE OF s SKIP LOCKED",
	2, {TIMESTAMPTZOID, INT8OID}
};

static void
plan_report(const ReportRow *report, const ReportOccasion *occasion)
{
	UserEvent	event = {.application_id = report->application_id, .user_ids = SQL_NULL};
	bool		is_empty;

	if (!notification_type_from_code(report->type, &event.type))
		return;
	event.payload = report_content(event.type, &report->application_id, occasion->date, report->timezone, &is_empty);
	event.due_at = occasion->at;
	if (!is_empty || !notification_types[event.type].skips_empty_days)
		(void) plan_user_event(&event);
}

/* Plan the report of a row that is due, unless it is not any more, and advance the row. */
static void
advance_report(const ReportRow *report, TimestampTz now)
{
	DateADT		last_date = report->last_date;
	ReportOccasion next;

	if (report->clock.zone == NULL || !report_next(&report->clock, last_date, now, &next))
	{
		deactivate(report);
		return;
	}
	if (next.at <= now && next.date == report->next_date)
	{
		plan_report(report, &next);
		last_date = next.date;
		(void) report_next(&report->clock, last_date, now, &next);
	}
	write_next(report, last_date, &next);
}

int
report_plan_due(TimestampTz now, int most, TriedReport *tried)
{
	uint64		count = statement_run(&find_due, TimestampTzGetDatum(now), Int64GetDatum(most));
	ReportRow  *reports = read_reports(count);

	for (uint64 n = 0; n < count; n++)
	{
		tried->found = true;
		tried->application_id = reports[n].application_id;
		strlcpy(tried->type, reports[n].type, sizeof(tried->type));
		advance_report(&reports[n], now);
	}
	return (int) count;
}

void
report_plan_postpone(const TriedReport *report, TimestampTz until)
{
	static Statement postpone = {
		"UPDATE appt.report_schedule SET next_at = $3 WHERE application_id = $1 AND type = $2 AND next_at < $3",
		3, {UUIDOID, TEXTOID, TIMESTAMPTZOID}
	};

	(void) statement_run(&postpone, UUIDPGetDatum(&report->application_id), text_datum(report->type),
						 TimestampTzGetDatum(until));
}

TimestampTz
report_schedule_next(void)
{
	static Statement find = {
		"SELECT next_at FROM appt.report_schedule WHERE next_at IS NOT NULL AND " IS_NOT_HELD("application_id") " ORDER BY next_at LIMIT 1",
		0, {}
	};

	return statement_run(&find) == 0 ? DT_NOEND : next_timestamp(ROW(0));
}
