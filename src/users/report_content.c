/*
 * report_content.c
 *		What a daily report tells, read from the figures of its days.
 *
 * It is read once, when the report is planned, and kept in the report's event. All
 * recipients get the same, in their own languages, also if a retry comes after the
 * figures have gone.
 */
#include "postgres.h"

#include "core/row.h"
#include "core/statement.h"
#include "users/report_content.h"

/* Subjects of a kind that a report shows one by one. */
#define MOST_SUBJECTS "20"

/* $1 the application, $2 the date, $3 the timezone. */
#define OF_REPORT 3, {UUIDOID, DATEOID, TEXTOID}

/* The days that the report shows. */
#define DAYS \
	"day AS MATERIALIZED (" \
	" SELECT date, count_at IS NULL AS is_counted FROM appt.report_day" \
	" WHERE application_id = $1 AND date > $2 - 8 AND date <= $2)"

/* Figures of these days about a subject. */
#define FIGURES_OF(subject) \
	"appt.daily_figure f WHERE f.application_id = $1 AND f.date > $2 - 8 AND f.date <= $2 AND f.subject = '" subject "'"

/*
 * The result, of `subject` (place, code, name, currency, last_error) and `figure`
 * (place, date, figures), a row of `figure` for each day that has any. `zero` are
 * the figures of a day without a row.
 */
#define REPORT(zero) \
	" SELECT jsonb_build_object('date', $2, 'timezone', $3, 'subjects', coalesce((" \
	"  SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('code', s.code, 'name', s.name, 'currency', s.currency," \
	"    'lastError', s.last_error, 'days', (" \
	"     SELECT jsonb_agg(jsonb_build_object('date', d.date)" \
	"       || CASE WHEN d.is_counted THEN coalesce(f.figures, " zero ") ELSE '{}' END ORDER BY d.date DESC)" \
	"     FROM day d LEFT JOIN figure f ON f.place = s.place AND f.date = d.date)))" \
	"   ORDER BY s.place) FROM subject s), '[]')), (SELECT count(*) = 0 FROM subject)"

/* ---- activity ---- */

#define NO_COMMUNICATION "'{\"calls\": 0, \"voicemails\": 0, \"texts\": 0, \"faxes\": 0}'::jsonb"
#define NO_APPOINTMENTS "'{\"appointments\": 0, \"ended\": 0, \"cancelled\": 0}'::jsonb"
#define NO_NOTIFICATIONS "'{\"sent\": 0, \"failed\": 0, \"unsent\": 0}'::jsonb"

/* Channels in the order of the vocabulary; those without any message in these days are left out. */
static Statement activity = {
	"WITH " DAYS ", channel AS MATERIALIZED ("
	" SELECT item, 2 + row_number() OVER (ORDER BY array_position('{EMAIL,SMS,IN_APP,WEBHOOK}', item)) AS place"
	" FROM (SELECT DISTINCT f.item FROM " FIGURES_OF("MESSAGES") ") c"
	"), subject (place, code, name, currency, last_error, zero) AS ("
	" VALUES (1, 'COMMUNICATION', NULL, NULL, NULL, " NO_COMMUNICATION "),"
	"  (2, 'APPOINTMENTS', NULL, NULL, NULL, " NO_APPOINTMENTS ")"
	" UNION ALL SELECT place, item, NULL, NULL, NULL, " NO_NOTIFICATIONS " FROM channel"
	"), figure (place, date, figures) AS ("
	" SELECT 1, f.date, jsonb_build_object("
	"   'calls', coalesce(sum(f.total) FILTER (WHERE f.item = 'CALL'), 0),"
	"   'voicemails', coalesce(sum(f.total) FILTER (WHERE f.item = 'VOICEMAIL'), 0),"
	"   'texts', coalesce(sum(f.total) FILTER (WHERE f.item = 'TEXT_MESSAGE'), 0),"
	"   'faxes', coalesce(sum(f.total) FILTER (WHERE f.item = 'FAX'), 0))"
	"  FROM " FIGURES_OF("EVENTS") " GROUP BY f.date"
	" UNION ALL"
	" SELECT 2, f.date, jsonb_build_object('appointments', sum(f.total),"
	"   'ended', coalesce(sum(f.total) FILTER (WHERE f.item = 'ENDED'), 0),"
	"   'cancelled', coalesce(sum(f.total) FILTER (WHERE f.item = 'CANCELLED'), 0))"
	"  FROM " FIGURES_OF("APPOINTMENTS") " GROUP BY f.date"
	" UNION ALL"
	" SELECT c.place, f.date, jsonb_build_object('sent', sum(f.sent), 'failed', sum(f.failed), 'unsent', sum(f.unsent))"
	"  FROM channel c JOIN appt.daily_figure f ON f.application_id = $1 AND f.date > $2 - 8 AND f.date <= $2"
	"   AND f.subject = 'MESSAGES' AND f.item = c.item GROUP BY c.place, f.date"
	")" REPORT("s.zero"),
	OF_REPORT
};

/* ---- reports whose subjects are ranked ---- */

/*
 * `of`: which figures; `by`: what ranks them; `having`: which are shown at all;
 * `figures`: those of a day, over rows of `placed`; `all`: whether their sum comes
 * first. Code, name and currency are expressions over a row of `ranked`.
 */
#define RANKED(of, by, having, code, name, currency, figures, all, zero) \
	"WITH " DAYS ", source AS MATERIALIZED (" \
	" SELECT f.* FROM " of \
	"), ranked AS MATERIALIZED (" \
	" SELECT item, part, (array_agg(name ORDER BY date DESC) FILTER (WHERE name IS NOT NULL))[1] AS name," \
	"  (array_agg(last_error) FILTER (WHERE date = $2))[1] AS last_error," \
	"  row_number() OVER (ORDER BY item = '', sum(" by ") FILTER (WHERE date = $2) DESC NULLS LAST, sum(" by ") DESC, item, part) AS rank" \
	" FROM source GROUP BY item, part" having \
	"), placed AS MATERIALIZED (" \
	" SELECT s.*, CASE WHEN r.item <> '' AND r.rank <= " MOST_SUBJECTS " THEN r.rank ELSE 1 + " MOST_SUBJECTS " END AS place" \
	" FROM source s JOIN ranked r ON r.item = s.item AND r.part = s.part" \
	"), subject (place, code, name, currency, last_error) AS (" \
	" SELECT 0, 'ALL', NULL, NULL, NULL WHERE " all \
	" UNION ALL" \
	" SELECT rank, " code ", " name ", " currency ", last_error FROM ranked WHERE item <> '' AND rank <= " MOST_SUBJECTS \
	" UNION ALL" \
	" SELECT 1 + " MOST_SUBJECTS ", 'OTHERS', NULL, NULL, NULL WHERE EXISTS (SELECT FROM placed WHERE place > " MOST_SUBJECTS ")" \
	"), figure (place, date, figures) AS (" \
	" SELECT place, date, " figures " FROM placed GROUP BY place, date" \
	" UNION ALL SELECT 0, date, " figures " FROM placed WHERE " all " GROUP BY date" \
	")" REPORT(zero)

static Statement inbound = {
	RANKED(FIGURES_OF("INBOUND_SMS"), "total", "", "item", "name || ', ' || item", "NULL",
		   "jsonb_build_object('messages', sum(total))", "true", "'{\"messages\": 0}'::jsonb"),
	OF_REPORT
};

static Statement outbound = {
	RANKED(FIGURES_OF("MESSAGES") " AND f.item = 'SMS'", "total", "", "part", "NULL", "NULL",
		   "jsonb_build_object('sent', sum(sent), 'segments', sum(segments), 'failed', sum(failed), 'undelivered', sum(undelivered))",
		   "true", "'{\"sent\": 0, \"segments\": 0, \"failed\": 0, \"undelivered\": 0}'::jsonb"),
	OF_REPORT
};

static Statement spending = {
	RANKED(FIGURES_OF("SPENDING"), "cost", "", "item", "NULL", "part",
		   "jsonb_build_object('messages', sum(total), 'cost', sum(cost))", "false",
		   "'{\"messages\": 0, \"cost\": 0}'::jsonb"),
	OF_REPORT
};

/* Only endpoints that failed on the day. */
static Statement webhook_failures = {
	RANKED(FIGURES_OF("WEBHOOKS"), "failed", " HAVING sum(failed) FILTER (WHERE date = $2) > 0", "item", "name", "NULL",
		   "jsonb_build_object('failed', sum(failed), 'sent', sum(sent))", "false", "'{\"failed\": 0, \"sent\": 0}'::jsonb"),
	OF_REPORT
};

static const struct
{
	NotificationType type;
	Statement  *statement;
}			reports[] = {
	{TYPE_DAILY_ACTIVITY, &activity},
	{TYPE_DAILY_INBOUND_SMS, &inbound},
	{TYPE_DAILY_OUTBOUND_SMS, &outbound},
	{TYPE_DAILY_SPENDING, &spending},
	{TYPE_WEBHOOK_FAILURES, &webhook_failures}
};

static Statement *
find_report(NotificationType type)
{
	for (int i = 0; i < lengthof(reports); i++)
		if (reports[i].type == type)
			return reports[i].statement;
	elog(ERROR, "%s has no content", notification_types[type].code);
}

Jsonb *
report_content(NotificationType type, const pg_uuid_t *application_id, DateADT date,
			   const char *timezone, bool *is_empty)
{
	Row		   *row;
	Jsonb	   *content;

	(void) statement_run(find_report(type), UUIDPGetDatum(application_id), DateADTGetDatum(date),
						 text_datum(timezone));
	row = ROW(0);
	content = next_jsonb(row);
	*is_empty = next_bool(row);
	return content;
}
