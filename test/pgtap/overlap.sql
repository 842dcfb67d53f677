-- count_overlapping says what counting one by one says, for short and very long appointments, and reads the index alone.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales', max_duration => '200 days') AS application \gset
SELECT appt.create_application(:'organization', 'Other', max_duration => '200 days') AS other \gset

-- Edges of a half-open interval.
SELECT id FROM appt.schedule_appointment(:'application', '2031-01-01 12:00+00', '1 hour', organizer_id => 'a') \gset
SELECT is(c.count, expected::bigint, format('%s for %s: %s', start_at, duration, expected))
	FROM (VALUES ('2031-01-01 11:00+00', '1 hour', 0), ('2031-01-01 11:00+00', '1 hour 1 microsecond', 1),
		('2031-01-01 12:00+00', '1 microsecond', 1), ('2031-01-01 12:30+00', '1 minute', 1),
		('2031-01-01 12:59:59.999999+00', '1 day', 1), ('2031-01-01 13:00+00', '1 day', 0), ('2030-01-01 00:00+00', '3000 days', 1),
			('2031-01-01 00:00+00', '1 day', 1)) windows (start_at, duration, expected),
	appt.count_overlapping(:'application', start_at::timestamptz, duration::interval) c (count);
SELECT is(appt.count_overlapping(:'other', '2031-01-01 12:00+00', '1 hour'), 0::bigint, 'another application has none');
SELECT is(appt.count_overlapping('00000000-0000-0000-0000-000000000000', '2031-01-01 12:00+00', '1 hour'), 0::bigint,
	'an unknown one neither');
SELECT appt.cancel_appointment(:'id') AS ignored \gset
SELECT is(appt.count_overlapping(:'application', '2031-01-01 12:00+00', '1 hour'), 0::bigint, 'a cancelled one does not count');

-- What is refused.
CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL;
END $$;
SELECT is(r.state, '22023', arguments || ' is refused')
	FROM (VALUES ('NULL, now(), ''1 hour'''), ('gen_random_uuid(), NULL, ''1 hour'''), ('gen_random_uuid(), now(), NULL'),
		('gen_random_uuid(), now(), ''0'''), ('gen_random_uuid(), now(), ''-1 hour'''), ('gen_random_uuid(), now(), ''1 month'''),
			('gen_random_uuid(), ''infinity'', ''1 hour''')) wrong (arguments),
	pg_temp.refusal('SELECT appt.count_overlapping(' || arguments || ')') r;

-- A few long ones are read through, more are found class by class: applications with 14 to 18 of them show no
-- difference, on any of 40 days.
CREATE TEMPORARY TABLE few AS SELECT n, appt.create_application(:'organization', 'Few', max_duration => '200 days') AS id
	FROM generate_series(14, 18) n;
INSERT INTO appt.appointment (application_id, organizer_id, state, start_at, end_at, timezone, locale, notifications_active)
	SELECT id, 'a', CASE WHEN hours % 35 = 0 THEN 'CANCELLED' ELSE 'ACTIVATED' END,
		'2031-01-01 00:00+00'::timestamptz + make_interval(hours => hours),
		'2031-01-01 00:00+00'::timestamptz + make_interval(hours => 2 * hours), 'UTC', 'en', true
	FROM few, generate_series(1, n) i, LATERAL (SELECT 25 * i AS hours) t;
SELECT is(array_agg(appt.count_overlapping(id, day, '1 day') ORDER BY day),
	array_agg((SELECT count(*) FROM appt.appointment WHERE application_id = few.id AND state = 'ACTIVATED'
	AND start_at < day + interval '24 hours' AND end_at > day) ORDER BY day),
		format('%s long ones are counted right', n))
	FROM few, generate_series('2031-01-01 00:00+00'::timestamptz, '2031-02-10 00:00+00', '24 hours') day GROUP BY n;

-- Random appointments from a second to 200 days, most of them short; random windows, of days too, where days have 23 and 25 hours.
SET timezone = 'Europe/Athens';
SELECT setseed(0.42) AS ignored \gset
INSERT INTO appt.appointment (application_id, organizer_id, state, start_at, end_at, timezone, locale, notifications_active)
	SELECT application_id, 'a', (ARRAY['SCHEDULED', 'ACTIVATED', 'ACTIVATED', 'ENDED', 'CANCELLED'])[1 + floor(5 * random())], start_at,
		start_at + make_interval(secs => CASE WHEN random() < 0.1 THEN ceil(exp(random() * ln(17280000)))
			ELSE 300 * ceil(random() * 12) END), 'UTC', 'en', true
	FROM (SELECT (ARRAY[:'application', :'other'])[1 + floor(2 * random())]::uuid AS application_id,
		'2032-01-01'::timestamptz + make_interval(mins => (5 * floor(random() * 30000))::int) AS start_at
			FROM generate_series(1, 4000)) random_starts;
ANALYZE appt.appointment;
CREATE TEMPORARY TABLE windows AS SELECT (ARRAY[:'application', :'other'])[1 + floor(2 * random())]::uuid AS application_id,
	'2032-01-01'::timestamptz + make_interval(mins => (5 * floor(random() * 30000))::int) AS start_at,
		make_interval(secs => ceil(exp(random() * ln(7776000)))) AS duration FROM generate_series(1, 10000);
UPDATE windows SET start_at = (ARRAY['2032-03-27', '2032-03-28', '2032-10-30',
	'2032-10-31'])[1 + floor(random() * 4)]::timestamptz + make_interval(mins => (5 * floor(random() * 600))::int) WHERE random() < 0.3;
CREATE TEMPORARY TABLE open AS SELECT application_id, start_at, end_at FROM appt.appointment WHERE state IN ('SCHEDULED', 'ACTIVATED');
ANALYZE open;
SELECT is(count(*) FILTER (WHERE counted > 0) > 5000, true,
	'most windows have some') || E'\n' || is(count(*) FILTER (WHERE counted <> one_by_one), 0::bigint,
	'and as many as counting one by one finds')
	FROM windows w, LATERAL (SELECT appt.count_overlapping(w.application_id, w.start_at, justify_hours(w.duration)) AS counted,
		(SELECT count(*) FROM open o WHERE o.application_id = w.application_id AND o.start_at < w.start_at + w.duration
			AND o.end_at > w.start_at) AS one_by_one OFFSET 0) counts;
-- Classes begin where a search by them expects it.
SELECT is(appt.duration_class(start_at, start_at + duration::interval), class::smallint, format('%s is of class %s', duration, class))
	FROM (VALUES ('1 microsecond', 0), ('1 second', 0), ('1 second 1 microsecond', 1), ('4 seconds', 1), ('16384 seconds', 7),
		('16384.000001 seconds', 8), ('262144 seconds', 9), ('200000 years', 22)) classes (duration, class),
	(SELECT '2031-01-01 00:00+00'::timestamptz) AS t (start_at);
SELECT * FROM finish();
ROLLBACK;
