-- Time is elapsed time: clocks are set forward and back, by an hour or half of one, and nothing that appt computes minds.
-- Every statement runs under session timezones that change their own clocks meanwhile, and those that do not.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales', room_url => 'https://video.example/q', max_duration => '3 days',
	end_grace => '1 day') AS application \gset
INSERT INTO appt.rule (application_id, type, channel, time_offset) VALUES (:'application', 'REMINDER', 'SMS', '7 days'),
	(:'application', 'FOLLOW_UP', 'EMAIL', '1 day');
INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body) SELECT :'application', 'RESCHEDULE', 'EMAIL',
	locale, 'x', '{{EEEE dd MMMM yyyy, HH:mm}} {{zone}} | {{date}} {{time24}} {{time12}} | {{duration}}'
	FROM unnest(ARRAY['en', 'de', 'el', 'pt-BR']) locale;
CREATE TEMPORARY TABLE session_timezone AS SELECT zone
	FROM unnest(ARRAY['UTC', 'Europe/Athens', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata']) zone;

-- Where clocks change, when, and where an appointment that starts the day before at noon ends, by the clocks there.
CREATE TEMPORARY TABLE change (zone text, noon text, duration interval, end_there text);
INSERT INTO change VALUES
	('Europe/Athens', '2031-03-29 12:00', '24 hours', '2031-03-30 13:00'),
		('Europe/Athens', '2031-03-29 12:00', '1 day', '2031-03-30 13:00'),
		('Europe/Athens', '2031-10-25 12:00', '1 day', '2031-10-26 11:00'),
	('America/New_York', '2031-03-08 12:00', '1 day', '2031-03-09 13:00'),
		('America/New_York', '2031-11-01 12:00', '1 day', '2031-11-02 11:00'),
		('America/New_York', '2031-11-01 12:00', '13 hours 30 minutes', '2031-11-02 01:30'),
	('America/New_York', '2031-11-01 12:00', '14 hours 30 minutes', '2031-11-02 01:30'),
	('Australia/Lord_Howe', '2031-10-04 12:00', '1 day', '2031-10-05 12:30'),
		('Australia/Lord_Howe', '2031-04-05 12:00', '1 day', '2031-04-06 11:30'),
	('America/Sao_Paulo', '2031-10-18 12:00', '1 day', '2031-10-19 12:00'),
		('America/Sao_Paulo', '2031-02-15 12:00', '1 day', '2031-02-16 12:00'),
	('Asia/Kolkata', '2031-03-29 12:00', '1 day', '2031-03-30 12:00'),
		('Pacific/Apia', '2031-09-27 12:00', '1 day', '2031-09-28 12:00'),
		('Pacific/Apia', '2031-04-05 12:00', '1 day', '2031-04-06 12:00'),
	-- Leap days, and years that have none.
	('Europe/Athens', '2032-02-28 12:00', '1 day', '2032-02-29 12:00'),
		('Europe/Athens', '2032-02-28 12:00', '2 days', '2032-03-01 12:00'),
		('Europe/Athens', '2031-02-28 12:00', '1 day', '2031-03-01 12:00'),
	('Pacific/Apia', '2032-02-29 12:00', '24 hours', '2032-03-01 12:00'),
		('America/New_York', '2100-02-28 12:00', '1 day', '2100-03-01 12:00');

CREATE FUNCTION pg_temp.under(session_timezone text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	before text := current_setting('timezone');
BEGIN
	PERFORM set_config('timezone', session_timezone, true);
	EXECUTE statement INTO result;
	PERFORM set_config('timezone', before, true);
	RETURN result;
END $$;

-- Duration, room and reminders.
CREATE FUNCTION pg_temp.booked(application uuid, noon timestamptz, duration interval, zone text) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s %s %s %s', to_char(a.end_at AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI'), extract(epoch
		FROM a.end_at - a.start_at) = extract(epoch FROM duration), extract(epoch FROM a.duration) = extract(epoch FROM duration),
		extract(epoch FROM (a.room_access->>'expires')::timestamptz) = extract(epoch FROM a.end_at) + 3600)
	FROM appt.schedule_appointment(application, noon, duration, '{"contact": {"primaryEmail": "a@b.example"}}',
		organizer_id => 'ann', timezone => zone) a $$;
SELECT is(pg_temp.under(s.zone, format('SELECT pg_temp.booked(%L, %L, %L, %L)', :'application',
	(noon::timestamp AT TIME ZONE c.zone)::text, duration, c.zone)), end_there || ' t t t',
	format('%s: %s and %s, asked in %s', c.zone, noon, duration, s.zone)) FROM change c, session_timezone s;
SELECT is(count(*), (SELECT count(*) FROM change, session_timezone) * 3, 'reminders were planned') || E'\n'
	|| is(count(*) FILTER (WHERE extract(epoch FROM start_at) - extract(epoch FROM due_at) <> extract(epoch FROM time_offset)),
		0::bigint, 'each as many seconds before the start as its rule says')
	FROM appt.notification WHERE type = 'REMINDER' AND channel IN ('EMAIL', 'SMS') AND application_id = :'application'
		AND time_offset IN ('1 hour', '1 day', '7 days');

-- Moved by a call that says the duration in days, and one that leaves it.
SELECT id FROM appt.schedule_appointment(:'application', '2031-06-01 12:00+00', '1 hour',
	'{"contact": {"primaryEmail": "a@b.example"}}', organizer_id => 'ann', timezone => 'Europe/Athens') \gset
CREATE FUNCTION pg_temp.moved(id uuid, noon timestamptz, duration interval, zone text) RETURNS text LANGUAGE sql AS $$
	SELECT to_char(a.end_at AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI') FROM appt.reschedule_appointment(id, noon, duration, zone) a $$;
SELECT is(pg_temp.under(s.zone, format('SELECT pg_temp.moved(%L, %L, %L, %L)', :'id', (noon::timestamp AT TIME ZONE c.zone)::text,
	duration, c.zone)), end_there, format('moved to %s %s, asked in %s', c.zone, noon, s.zone)) FROM change c, session_timezone s;
SELECT is(pg_temp.under(s.zone, format('SELECT pg_temp.moved(%L, ''2031-03-29 12:00 Europe/Athens'', ''1 day'', ''Europe/Athens'')',
	:'id')) || ', '
	|| pg_temp.under(s.zone, format('SELECT pg_temp.moved(%L, ''2031-07-01 12:00 Europe/Athens'', NULL, ''Europe/Athens'')',
		:'id')), '2031-03-30 13:00, 2031-07-02 12:00', 'the length is kept, asked in ' || s.zone) FROM session_timezone s;
SELECT is(count(*), 0::bigint, 'and its reminders keep their distance') FROM appt.notification
	WHERE appointment_id = :'id' AND type = 'REMINDER'
		AND extract(epoch FROM start_at) - extract(epoch FROM due_at) <> extract(epoch FROM time_offset);

-- The end by the clock, a grace of a day after it, and a follow-up a day later.
SELECT id AS ending FROM appt.schedule_appointment(:'application', '2031-03-29 12:00 Europe/Athens', '1 hour',
	'{"contact": {"primaryEmail": "a@b.example"}}', organizer_id => 'ann', timezone => 'Europe/Athens') \gset
SELECT appt.record_join(:'ending', id) FROM appt.participant WHERE appointment_id = :'ending' AND type = 'CUSTOMER';
UPDATE appt.appointment SET state = 'CANCELLED' WHERE id <> :'ending';
SELECT is(pg_temp.under(s.zone, 'SELECT ended FROM appt_test.end_overdue(''2031-03-30 13:59:59.999999 Europe/Athens'', 10)'), '0',
	'not before a grace of 24 hours, in ' || s.zone) FROM session_timezone s;
SELECT is(pg_temp.under('Europe/Athens', 'SELECT next = ''2031-03-30 14:00 Europe/Athens'' FROM appt_test.end_overdue(''2031-03-30 '
	'13:00 Europe/Athens'', 10)'), 'true', 'but then');
SELECT is(pg_temp.under('Europe/Athens', 'SELECT ended FROM appt_test.end_overdue(''2031-03-30 14:00 Europe/Athens'', 10)'), '1',
	'it ends');
SELECT is(n.due_at, '2031-03-30 14:00 Europe/Athens'::timestamptz, 'and its follow-up is due 24 hours after the end')
	FROM appt.notification n WHERE appointment_id = :'ending' AND type = 'FOLLOW_UP' AND channel = 'EMAIL';

-- The same instants in another timezone: it is told, calendars take it over, nothing moves.
SELECT id AS told FROM appt.schedule_appointment(:'application', '2031-03-29 12:00 Europe/Athens', '1 day',
	'{"contact": {"primaryEmail": "a@b.example"}}', organizer_id => 'ann', timezone => 'Europe/Athens') \gset
SELECT id AS customer FROM appt.participant WHERE appointment_id = :'told' AND type = 'CUSTOMER' \gset
CREATE TEMPORARY TABLE telling (place int, zone text, locale text, text_body text);
INSERT INTO telling VALUES
	(1, NULL, 'en-GB', 'Saturday 29 March 2031, 12:00 EET | 29 March 2031 12:00 12:00 pm | 1 day'),
	(2, 'America/New_York', 'en', 'Saturday 29 March 2031, 06:00 EDT | March 29, 2031 06:00 6:00 AM | 1 day'),
	(3, 'Australia/Lord_Howe', 'en-GB', 'Saturday 29 March 2031, 21:00 GMT+11 | 29 March 2031 21:00 9:00 pm | 1 day'),
	(4, 'Asia/Kolkata', 'de', 'Samstag 29 März 2031, 15:30 GMT+5:30 | 29. März 2031 15:30 3:30 PM | 1 Tag'),
	(5, 'Pacific/Apia', 'el', 'Σάββατο 29 Μαρτίου 2031, 23:00 GMT+13 | 29 Μαρτίου 2031 23:00 11:00 μ.μ. | 1 ημέρα'),
	(6, 'America/Sao_Paulo', 'pt-BR', 'sábado 29 março 2031, 07:00 BRT | 29 de março de 2031 07:00 7:00 AM | 1 dia');
SELECT is(a.start_at, '2031-03-29 10:00+00'::timestamptz, 'instants stay') FROM appt.get_appointment(:'told') a;
CREATE FUNCTION pg_temp.told(appointment uuid, customer text, zone text, locale text, start_at timestamptz DEFAULT NULL,
	duration interval DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM appt.reschedule_appointment(appointment, start_at, duration, zone, locale);
	RETURN (SELECT text_body FROM appt.preview_notification(appointment, customer, 'RESCHEDULE', 'EMAIL'));
END $$;
SELECT is(pg_temp.told(:'told', :'customer', zone, locale), text_body,
	format('told in %s, %s', coalesce(zone, 'its own timezone'), coalesce(locale, 'its own locale'))) FROM telling ORDER BY place;
SELECT is(ROW(a.start_at, a.end_at)::text, ROW('2031-03-29 10:00+00'::timestamptz, '2031-03-30 10:00+00'::timestamptz)::text,
	'instants stay through all of them') FROM appt.get_appointment(:'told') a;
SELECT is(count(*), 5::bigint, 'each timezone but the first is told by RESCHEDULE') FROM appt.notification
	WHERE appointment_id = :'told' AND type = 'RESCHEDULE' AND channel = 'EMAIL';
SELECT is(sequence, 5, 'and taken over by calendars') FROM appt.appointment WHERE id = :'told';
SELECT is(count(DISTINCT due_at), 3::bigint, 'reminders are due when they were') FROM appt.notification
	WHERE appointment_id = :'told' AND type = 'REMINDER';

-- The hour that occurs twice, and the one that is skipped: the zone's rules decide.
SELECT is(pg_temp.told(:'told', :'customer', zone, locale, instant::timestamptz, '1 hour'), expected || ' | 1 hour',
	format('%s in %s', instant, zone)) FROM (VALUES
	('2031-10-26 00:30+00', 'Europe/Athens', 'en-GB', 'Sunday 26 October 2031, 03:30 EEST | 26 October 2031 03:30 3:30 am'),
	('2031-10-26 01:30+00', 'Europe/Athens', 'en-GB', 'Sunday 26 October 2031, 03:30 EET | 26 October 2031 03:30 3:30 am'),
	('2031-11-02 05:30+00', 'America/New_York', 'en', 'Sunday 02 November 2031, 01:30 EDT | November 2, 2031 01:30 1:30 AM'),
	('2031-11-02 06:30+00', 'America/New_York', 'en', 'Sunday 02 November 2031, 01:30 EST | November 2, 2031 01:30 1:30 AM'),
	('2031-04-05 14:45+00', 'Australia/Lord_Howe', 'en', 'Sunday 06 April 2031, 01:45 GMT+11 | April 6, 2031 01:45 1:45 AM'),
	('2031-04-05 15:15+00', 'Australia/Lord_Howe', 'en', 'Sunday 06 April 2031, 01:45 GMT+10:30 | April 6, 2031 01:45 1:45 AM'),
	('2031-03-30 00:59+00', 'Europe/Athens', 'en-GB', 'Sunday 30 March 2031, 02:59 EET | 30 March 2031 02:59 2:59 am'),
	('2031-03-30 01:00+00', 'Europe/Athens', 'en-GB', 'Sunday 30 March 2031, 04:00 EEST | 30 March 2031 04:00 4:00 am'),
	('2031-10-04 15:29+00', 'Australia/Lord_Howe', 'en', 'Sunday 05 October 2031, 01:59 GMT+10:30 | October 5, 2031 01:59 1:59 AM'),
	('2031-10-04 15:30+00', 'Australia/Lord_Howe', 'en', 'Sunday 05 October 2031, 02:30 GMT+11 | October 5, 2031 02:30 2:30 AM'),
	('2032-02-29 00:00+00', 'UTC', 'en', 'Sunday 29 February 2032, 00:00 UTC | February 29, 2032 00:00 12:00 AM')) odd (instant,
		zone, locale, expected);
-- Times for machines are in UTC, whatever the session's timezone.
SELECT is(pg_temp.under(s.zone, format('SELECT (appt.get_appointment(%L)).room_access->>''expires''', :'told')),
	'2032-02-29T02:00:00+00:00', 'a room''s expiry, asked in ' || s.zone) FROM session_timezone s;

-- Counting in windows of elapsed time across all of these changes, asked in a timezone that changes itself: as plain arithmetic
-- of seconds has it.
SELECT setseed(0.42) AS ignored \gset
SELECT set_config('timezone', 'Europe/Athens', true) AS ignored \gset
SELECT appt.create_application(:'organization', 'Busy', max_duration => '200 days') AS busy \gset
CREATE FUNCTION pg_temp.near_a_change(chance float8, half_hours int) RETURNS timestamptz LANGUAGE sql STABLE AS $$
	SELECT (ARRAY['2031-03-30 01:00+00', '2031-10-26 01:00+00', '2032-02-29 00:00+00',
		'2031-11-02 06:00+00'])[1 + floor(4 * chance)]::timestamptz + make_interval(secs => 1800 * half_hours) $$;
INSERT INTO appt.appointment (application_id, organizer_id, state, start_at, end_at, timezone, locale, notifications_active)
	SELECT :'busy', 'a', (ARRAY['SCHEDULED', 'ACTIVATED', 'ACTIVATED', 'ENDED', 'CANCELLED'])[1 + floor(5 * random())], start_at,
		start_at + make_interval(secs => 1800 * ceil(random() * random() * 100)),
		(ARRAY['UTC', 'Europe/Athens'])[1 + floor(2 * random())], 'en', true
	FROM (SELECT pg_temp.near_a_change(random(), (random() * 288 - 144)::int) AS start_at FROM generate_series(1, 1000)) random_starts;
CREATE TEMPORARY TABLE seconds AS SELECT extract(epoch FROM start_at)::float8 AS starts, extract(epoch FROM end_at)::float8 AS ends,
	timezone FROM appt.appointment
	WHERE application_id = :'busy' AND state IN ('SCHEDULED', 'ACTIVATED');
CREATE TEMPORARY TABLE windows AS SELECT i, pg_temp.near_a_change(random(), (random() * 288 - 144)::int) AS start_at,
	(ARRAY[interval '30 minutes', '1 hour 30 minutes', '1 day', '24 hours', '1 day 1 microsecond', '2 days',
		'60 days'])[1 + floor(7 * random())] AS duration FROM generate_series(1, 10000) i;
CREATE TEMPORARY TABLE in_seconds AS SELECT *, extract(epoch FROM start_at)::float8 AS starts,
	extract(epoch FROM start_at)::float8 + extract(day FROM duration) * 86400 + extract(epoch
	FROM duration - date_trunc('day', duration)) AS ends FROM windows;
SELECT is(string_agg(i::text, ' '), NULL, 'count_overlapping counts by elapsed time, in 10,000 windows') FROM in_seconds w
	WHERE appt.count_overlapping(:'busy', w.start_at, w.duration) <> (SELECT count(*) FROM seconds s WHERE s.starts < w.ends
		AND s.ends > w.starts);
SELECT is(string_agg(i::text, ' '), NULL, 'count_appointments, too') FROM in_seconds w
	WHERE (SELECT array_agg(ROW(extract(epoch FROM c.start_at)::float8, extract(epoch FROM c.end_at)::float8, c.timezone,
		c.count)::text ORDER BY ordinality) FROM appt.count_appointments(:'busy', w.start_at, w.duration) WITH ORDINALITY c)
		IS DISTINCT FROM (SELECT array_agg(ROW(starts, ends, timezone, count)::text ORDER BY starts, ends, timezone)
			FROM (SELECT s.starts, s.ends, s.timezone, count(*) FROM seconds s WHERE s.starts >= w.starts AND s.starts < w.ends
				GROUP BY 1, 2, 3) g);
SELECT is(count(*) > 8000, true, 'of which most have some') FROM in_seconds w
	WHERE EXISTS (SELECT FROM seconds s WHERE s.starts < w.ends AND s.ends > w.starts);

SELECT * FROM finish();
ROLLBACK;
