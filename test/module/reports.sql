/* reports.sql: days of timezones and times of reports */

CREATE FUNCTION appt_test.local_day(timezone text, date date, OUT start_at timestamptz, OUT end_at timestamptz)
AS 'MODULE_PATHNAME', 'test_local_day' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.report_next(timezone text, report_time time, last_date date, now timestamptz,
	OUT at timestamptz, OUT date date)
AS 'MODULE_PATHNAME', 'test_report_next' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.review_reports(now timestamptz) RETURNS integer
AS 'MODULE_PATHNAME', 'test_review_reports' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.count_days(now timestamptz, most integer DEFAULT 1000000) RETURNS integer
AS 'MODULE_PATHNAME', 'test_count_days' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.plan_reports(now timestamptz, most integer DEFAULT 1000) RETURNS integer
AS 'MODULE_PATHNAME', 'test_plan_reports' LANGUAGE C STRICT;
