/*
 * Days of timezones, and when reports about them are due. Expected times are
 * written as instants of UTC; the days of 2025 and 2026 are also compared with
 * the server's own clock, hour by hour.
 */
BEGIN;
SET timezone = 'UTC';
SELECT plan(41);

/* ---- days ---- */

CREATE FUNCTION pg_temp.day(timezone text, date date) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s %s', to_char(start_at, 'DD HH24:MI'), make_interval(secs => extract(epoch FROM end_at - start_at)::float8))
	FROM appt_test.local_day($1, $2) $$;

SELECT is(pg_temp.day(zone, date), expected, zone || ', ' || date || ': ' || what)
FROM (VALUES
	('UTC', date '2026-03-29', '29 00:00 24:00:00', 'a day of UTC'),
	('Europe/Athens', '2026-03-29', '28 22:00 23:00:00', 'the clock goes forward'),
	('Europe/Athens', '2026-10-25', '24 21:00 25:00:00', 'the clock goes back'),
	('America/Sao_Paulo', '2018-11-04', '04 03:00 23:00:00', 'midnight is skipped: the day begins at 01:00'),
	('America/Sao_Paulo', '2018-02-17', '17 02:00 25:00:00', 'the clock goes back at midnight: the day before is longer'),
	('America/Sao_Paulo', '2018-02-18', '18 03:00 24:00:00', 'and the next day begins at the second midnight'),
	('Asia/Kathmandu', '2026-05-01', '30 18:15 24:00:00', 'an offset of 5:45'),
	('Asia/Kathmandu', '1986-01-01', '31 18:30 23:45:00', 'the offset became 5:45 at midnight'),
	('Pacific/Apia', '2011-12-29', '29 10:00 24:00:00', 'the last day before the date line was moved'),
	('Pacific/Apia', '2011-12-30', '30 10:00 00:00:00', 'a date that never was'),
	('Pacific/Apia', '2011-12-31', '30 10:00 24:00:00', 'the first day after it'),
	('America/St_Johns', '2006-04-02', '02 03:30 23:00:00', 'the clock goes forward at 00:01'),
	('America/St_Johns', '2006-10-28', '28 02:30 25:00:00',
		'the clock goes back at 00:01: the day before has its last hour again'),
	('America/St_Johns', '2006-10-29', '29 03:30 24:00:00', 'and the next day begins at the second midnight'),
	('America/St_Johns', '2026-03-08', '08 03:30 23:00:00', 'half an hour off'),
	('Africa/Casablanca', '2026-02-15', '14 23:00 25:00:00', 'the clock goes back for Ramadan'),
	('Africa/Casablanca', '2026-03-22', '22 00:00 23:00:00', 'and forward after it'),
	('Australia/Lord_Howe', '2026-04-05', '04 13:00 24:30:00', 'the clock goes back by half an hour'),
	('Australia/Lord_Howe', '2026-10-04', '03 13:30 23:30:00', 'and forward'),
	('Atlantic/Azores', '2026-10-25', '25 00:00 25:00:00',
		'midnight exists twice on the same date: the day begins with the first'),
	('Antarctica/Troll', '2026-03-29', '29 00:00 22:00:00', 'the clock goes forward by two hours'),
	('America/Nuuk', '2026-10-24', '24 01:00 25:00:00', 'the last hour before midnight exists twice'),
	('Pacific/Kiritimati', '2026-01-01', '31 10:00 24:00:00', 'fourteen hours ahead')
) AS days (zone, date, expected, what);

SELECT is(count(*), 0::bigint, 'every 45 minutes of 2025 and 2026 lie in the day that the server''s clock shows')
FROM (SELECT name, at, (at AT TIME ZONE name)::date AS date
	FROM unnest('{Europe/Athens,America/Sao_Paulo,Asia/Kathmandu,Pacific/Apia,America/St_Johns,Africa/Casablanca}'::text[]
			|| '{Australia/Lord_Howe,Atlantic/Azores,Antarctica/Troll,America/Nuuk,America/Havana,Asia/Beirut}'
			|| '{Africa/Cairo,America/Santiago,Asia/Gaza}') AS name,
		generate_series(timestamptz '2025-01-01', '2026-12-31', '45 minutes') AS at) AS quarters
WHERE (SELECT at < start_at OR at >= end_at FROM appt_test.local_day(name, date));

/* ---- when a report is due ---- */

CREATE FUNCTION pg_temp.next(timezone text, report_time time, last_date date, now timestamptz) RETURNS text LANGUAGE sql AS
$$ SELECT format('%s about %s', to_char(at, 'YYYY-MM-DD HH24:MI'), date) FROM appt_test.report_next($1, $2, $3, $4) $$;

SELECT is(pg_temp.next(zone, report_time, last_date, now), expected, zone || ': ' || what)
FROM (VALUES
	('Europe/Berlin', time '07:00', date '2026-11-28', timestamptz '2026-11-30 05:59', '2026-11-30 06:00 about 2026-11-29',
		'not yet due'),
	('Europe/Berlin', '07:00', '2026-11-29', '2026-11-30 06:00', '2026-12-01 06:00 about 2026-11-30',
		'a day is reported once'),
	('Europe/Berlin', '07:00', '2026-11-28', '2026-11-30 06:00', '2026-11-30 06:00 about 2026-11-29', 'due now'),
	('Europe/Berlin', '07:00', '2026-11-20', '2026-11-30 13:00', '2026-11-30 06:00 about 2026-11-29',
		'after an outage of days: the latest alone'),
	('Europe/Athens', '03:30', '2026-03-27', '2026-03-28 12:00', '2026-03-29 01:00 about 2026-03-28',
		'a time that the clock skips: when it moves'),
	('Europe/Athens', '03:30', '2026-03-28', '2026-03-29 01:00', '2026-03-30 00:30 about 2026-03-29', 'and once'),
	('Europe/Athens', '03:30', '2026-10-23', '2026-10-24 12:00', '2026-10-25 01:30 about 2026-10-24',
		'a time that exists twice: once'),
	('Europe/Athens', '03:30', '2026-10-24', '2026-10-25 01:30', '2026-10-26 01:30 about 2026-10-25', 'and not again'),
	('America/Sao_Paulo', '00:00', '2018-11-02', '2018-11-03 12:00', '2018-11-04 03:00 about 2018-11-03',
		'a midnight that the clock skips'),
	('Pacific/Apia', '07:00', '2011-12-28', '2011-12-29 18:00', '2011-12-30 17:00 about 2011-12-29',
		'a date that never was has no report, and none is about it'),
	('Pacific/Apia', '07:00', '2011-12-29', '2011-12-30 17:00', '2011-12-31 17:00 about 2011-12-31',
		'and the next is about the day after it'),
	('Pacific/Honolulu', '07:00', '2026-11-29', '2026-11-29 18:00', '2026-12-01 17:00 about 2026-11-30',
		'moved there from the other side of the date line: no day twice'),
	('Pacific/Apia', '07:00', '2026-11-28', '2026-11-29 20:00', '2026-11-29 18:00 about 2026-11-29',
		'moved the other way: the day that has just ended'),
	('Europe/Berlin', '07:00', '2026-11-28', '2026-11-30 08:00', '2026-11-30 06:00 about 2026-11-29',
		'an earlier report_time that has passed today: now'),
	('Europe/Berlin', '12:00', '2026-11-29', '2026-11-30 08:00', '2026-12-01 11:00 about 2026-11-30',
		'a later report_time after today''s report: tomorrow'),
	('UTC', '23:59:59', '2026-11-27', '2026-11-29 23:00', '2026-11-29 23:59 about 2026-11-28', 'the last second of a day'),
	('UTC', '00:00', '2030-01-01', '2026-11-29 23:00', '2030-01-03 00:00 about 2030-01-02',
		'the clock was set back: no day twice')
) AS reports (zone, report_time, last_date, now, expected, what);

SELECT * FROM finish();
ROLLBACK;
