-- max_overlap and organizer_exclusive: the limit holds at every instant, for scheduling and moving; and the locks for that.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;
SET timezone = 'UTC';

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Two places', max_overlap => 2, max_duration => '400 days') AS two \gset
SELECT appt.create_application(:'organization', 'One call each', organizer_exclusive => true,
	max_duration => '400 days') AS exclusive \gset
SELECT appt.create_application(:'organization', 'Both', max_overlap => 2, organizer_exclusive => true,
	max_duration => '400 days') AS both \gset
SELECT appt.create_application(:'organization', 'No limit', max_duration => '400 days') AS unlimited \gset
DELETE FROM appt.rule;

CREATE FUNCTION pg_temp.book(application uuid, start_at text, duration text, organizer text DEFAULT 'a') RETURNS uuid LANGUAGE sql AS
$$SELECT id FROM appt.schedule_appointment(application, ('2031-' || start_at || '+00')::timestamptz, duration::interval,
	organizer_id => organizer)$$;
CREATE FUNCTION pg_temp.move(id uuid, start_at text, duration text DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$SELECT state FROM appt.reschedule_appointment(id, ('2031-' || start_at || '+00')::timestamptz, duration::interval)$$;
CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END $$;
CREATE FUNCTION pg_temp.refused(statement text, state text, name text) RETURNS text LANGUAGE sql AS
$$SELECT is((pg_temp.refusal(statement)).state, state, name)$$;

-- Places.
SELECT pg_temp.book(:'two', '01-01 12:00', '1 hour') AS first \gset
SELECT pg_temp.book(:'two', '01-01 12:30', '1 hour') AS second \gset
SELECT is(concat_ws('; ', state, message, detail),
	concat_ws('; ', 'PT409', 'too many appointments at that time',
	'At some instant from 2031-01-01T12:45:00+00:00 to 2031-01-01T12:45:01+00:00 there are 2 already, the application''s max_overlap.'),
	'a third where two run at once is refused, in constant words')
	FROM pg_temp.refusal(format('SELECT pg_temp.book(%L, ''01-01 12:45'', ''1 second'')', :'two')) r;
SELECT pg_temp.refused(format('SELECT pg_temp.book(%L, %L, %L)', :'two', start_at, duration), state,
	format('%s for %s: %s', start_at, duration, coalesce(state, 'room')))
	FROM (VALUES ('01-01 12:30', '1 microsecond', 'PT409'), ('01-01 12:59:59.999999', '1 hour', 'PT409'),
		('01-01 12:00', '30 minutes 1 microsecond', 'PT409'), ('01-01 00:00', '300 days', 'PT409'),
		('01-01 11:00', '1 hour 30 minutes', NULL), ('01-01 13:30', '1 hour', NULL)) windows (start_at, duration, state);
SELECT lives_ok(format('SELECT pg_temp.book(%L, ''01-01 12:00'', ''1 hour'') FROM generate_series(1, 5)', :'unlimited'),
	'another application has no limit');
SELECT pg_temp.refused(format('SELECT pg_temp.book(%L, ''01-01 13:00'', ''30 minutes'')', :'two'), NULL,
	'where one ends a place is free at once');
-- By now 11:00 to 14:30 has: 11:00-12:30, 12:00-13:00, 12:30-13:30, 13:00-13:30, 13:30-14:30.
SELECT is(appt.count_overlapping(:'two', '2031-01-01 13:30+00', '1 hour'), 1::bigint, 'what follows upon another');
SELECT pg_temp.refused(format('SELECT pg_temp.book(%L, ''01-01 13:30'', ''1 day'')', :'two'), NULL,
	'the peak counts, not how many there are: a long one beside a short one');
SELECT pg_temp.refused(format('SELECT pg_temp.book(%L, ''01-01 13:00'', ''5 minutes'')', :'two'), 'PT409',
	'what this transaction booked counts as well');

SELECT pg_temp.book(:'two', '02-01 10:00', '10 minutes'), pg_temp.book(:'two', '02-01 10:10', '10 minutes'),
	pg_temp.book(:'two', '02-01 10:20', '10 minutes') \g /dev/null
SELECT pg_temp.refused(format('SELECT pg_temp.book(%L, ''02-01 10:00'', ''30 minutes'')', :'two'), NULL,
	'three that follow each other take one place');

-- Appointments that are over or deleted do not count.
SELECT pg_temp.book(:'two', '03-01 10:00', '1 hour') AS first \gset
SELECT pg_temp.book(:'two', '03-01 10:00', '1 hour') AS second \gset
SELECT state AS ignored FROM appt.cancel_appointment(:'first') \gset
SELECT pg_temp.refused(format('SELECT pg_temp.book(%L, ''03-01 10:00'', ''1 hour'')', :'two'), NULL, 'a cancelled one leaves its place');
SELECT state AS ignored FROM appt.end_appointment(:'second') \gset
SELECT pg_temp.refused(format('SELECT pg_temp.book(%L, ''03-01 10:00'', ''1 hour'')', :'two'), NULL, 'so does one that ended');
SELECT pg_temp.refused(format('SELECT pg_temp.book(%L, ''03-01 10:00'', ''1 hour'')', :'two'), 'PT409', 'two have them now');
SELECT appt.delete_appointment(id) FROM appt.appointment WHERE application_id = :'two' AND start_at = '2031-03-01 10:00+00'
	AND state = 'ACTIVATED' LIMIT 1 \g /dev/null
SELECT pg_temp.book(:'two', '03-01 10:00', '1 hour') AS kept \gset

-- Moving.
SELECT pg_temp.book(:'two', '03-01 12:00', '1 hour') AS mover \gset
SELECT pg_temp.refused(format('SELECT pg_temp.move(%L, %L, %L)', :'mover', start_at, duration), state,
	format('moved to %s for %s: %s', start_at, duration, coalesce(state, 'room')))
	FROM (VALUES ('03-01 10:30', NULL, 'PT409'), (NULL, '30 hours', NULL), ('03-01 10:59:59', NULL, 'PT409'),
		('03-01 11:00', NULL, NULL), ('03-01 11:00', '30 minutes', NULL), ('03-01 10:59', '31 minutes', 'PT409'),
		(NULL, '2 hours', NULL), ('03-01 11:30', '2 hours', NULL)) moves (start_at, duration, state);
SELECT is(start_at || ' ' || end_at, '2031-03-01 11:30:00+00 2031-03-01 13:30:00+00', 'it is where it was moved last')
	FROM appt.appointment WHERE id = :'mover';
UPDATE appt.application SET max_overlap = 1 WHERE id = :'two';
SELECT pg_temp.refused(format('SELECT pg_temp.move(%L, NULL, ''30 minutes'')', :'kept'), NULL,
	'what shrinks needs no place, however crowded it is');
SELECT pg_temp.refused(format('SELECT appt.reschedule_appointment(%L, NULL, NULL, ''Europe/Athens'', ''el'')', :'kept'), NULL,
	'nor does another timezone or locale');
SELECT pg_temp.refused(format('SELECT appt.update_appointment(%L, ''Title'')', :'kept'), NULL, 'nor another title');
SELECT pg_temp.refused(format('SELECT pg_temp.move(%L, NULL, ''45 minutes'')', :'kept'), 'PT409', 'but what grows does');
SELECT pg_temp.refused(format('SELECT pg_temp.move(%L, ''09-01 00:00'')', :'kept'), NULL, 'and away it may go');
-- A foreign or unknown appointment.
SELECT pg_temp.refused('SELECT pg_temp.move(gen_random_uuid(), ''01-01 00:00'')', 'PT404', 'an unknown one is not found');
SELECT state AS ignored FROM appt.cancel_appointment(:'kept') \gset
SELECT pg_temp.refused(format('SELECT pg_temp.move(%L, ''01-01 12:30'')', :'kept'), 'PT409', 'one that is cancelled stays');

-- Exclusive organizers.
SELECT pg_temp.book(:'exclusive', '01-01 12:00', '1 hour', 'agent-7') AS first \gset
SELECT is(concat_ws('; ', state, message, detail),
	concat_ws('; ', 'PT409', 'the organizer is not free at that time',
	'"agent-7" organizes another appointment between 2031-01-01T12:59:59+00:00 and 2031-01-01T13:59:59+00:00.'),
	'a second one of the same agent is refused, in constant words')
	FROM pg_temp.refusal(format('SELECT pg_temp.book(%L, ''01-01 12:59:59'', ''1 hour'', ''agent-7'')', :'exclusive')) r;
SELECT pg_temp.refused(format('SELECT pg_temp.book(%L, %L, %L, %L)', :'exclusive', start_at, duration, organizer), state,
	format('%s books %s for %s: %s', organizer, start_at, duration, coalesce(state, 'free')))
	FROM (VALUES ('01-01 11:00', '1 hour', 'agent-7', NULL), ('01-01 13:00', '1 hour', 'agent-7', NULL),
		('01-01 11:59', '3 hours', 'agent-7', 'PT409'), ('01-01 12:00', '1 hour', 'agent-8', NULL),
		('01-01 12:00', '1 hour', 'agent-70', NULL), ('01-01 12:00', '1 hour', 'agent-', NULL),
			('01-01 12:00', '1 hour', 'agent-8', 'PT409')) windows (start_at, duration, organizer, state);
SELECT lives_ok(format('SELECT pg_temp.book(%L, ''01-01 12:00'', ''1 hour'', ''agent-7'')', :'unlimited'),
	'in another application the same user may');
SELECT state AS ignored FROM appt.cancel_appointment(:'first') \gset
SELECT pg_temp.refused(format('SELECT pg_temp.book(%L, ''01-01 12:00'', ''1 hour'', ''agent-7'')', :'exclusive'), NULL,
	'who cancels is free again');
-- Of any length: an hour within a quarter, within three days less or more than a search looks back, and around them.
SELECT pg_temp.book(:'exclusive', '02-01 00:00', duration, duration)
	FROM unnest('{100 days, 73 hours, 72 hours 49 minutes 4 seconds, 72 hours 49 minutes 5 seconds, 71 '
	'hours}'::text[]) duration \g /dev/null
SELECT pg_temp.refused(format('SELECT appt.schedule_appointment(%L, %L, ''10 minutes'', organizer_id => %L)', :'exclusive',
	'2031-02-01 00:00+00'::timestamptz + duration::interval - before, duration), state,
		format('%s before the end of %s: %s', before, duration, coalesce(state, 'free')))
	FROM unnest('{100 days, 73 hours, 72 hours 49 minutes 4 seconds, 72 hours 49 minutes 5 seconds, 71 hours}'::text[]) duration,
	(VALUES (interval '1 microsecond', 'PT409'), ('1 hour', 'PT409'), ('70 hours', 'PT409'), ('0', NULL)) edges (before, state);
SELECT pg_temp.refused(format('SELECT pg_temp.book(%L, ''01-01 00:00'', ''390 days'', %L)', :'exclusive', duration), 'PT409',
	'around ' || duration)
	FROM unnest('{100 days, 73 hours, 71 hours}'::text[]) duration;
-- A customer organizes as many as it likes, also one whose id is an agent's.
INSERT INTO appt.appointment (application_id, organizer_id, organizer_type, state, start_at, end_at, timezone, locale,
	notifications_active)
	SELECT :'exclusive', 'agent-9', 'CUSTOMER', 'SCHEDULED', start_at::timestamptz, start_at::timestamptz + duration::interval,
		'UTC', 'en', true
	FROM (VALUES ('2031-01-05 10:00+00', '1 hour'), ('2031-01-05 10:00+00', '40 days')) customers (start_at, duration);
SELECT pg_temp.refused(format('SELECT pg_temp.book(%L, ''01-05 10:00'', ''1 hour'', ''agent-9'')', :'exclusive'), NULL,
	'what a customer organizes binds no agent');
SELECT pg_temp.move(id, '01-05 10:30') FROM appt.appointment WHERE application_id = :'exclusive' AND organizer_type = 'CUSTOMER'
	AND end_at < '2031-01-06' \g /dev/null
SELECT is(count(*), 2::bigint, 'nor is a customer bound') FROM appt.appointment WHERE application_id = :'exclusive'
	AND organizer_id = 'agent-9' AND tstzrange(start_at, end_at) && '[2031-01-05 10:30+00, 2031-01-05 11:00+00)' AND end_at < '2031-01-06';
-- Moving one's own.
SELECT pg_temp.book(:'exclusive', '06-01 10:00', '1 hour', 'mover') AS mover \gset
SELECT pg_temp.book(:'exclusive', '06-01 12:00', '1 hour', 'mover') AS other \gset
SELECT pg_temp.refused(format('SELECT pg_temp.move(%L, %L, %L)', :'mover', start_at, duration), state,
	format('own one to %s for %s: %s', start_at, duration, coalesce(state, 'free')))
	FROM (VALUES ('06-01 10:30', NULL, NULL), ('06-01 11:00', '1 hour', NULL), (NULL, '61 minutes', 'PT409'),
		('06-01 12:30', NULL, 'PT409'), ('05-01 00:00', '40 days', 'PT409'), ('06-01 13:00', '40 days', NULL)) moves (start_at,
		duration, state);
-- Handing over.
SELECT pg_temp.book(:'exclusive', '07-01 10:00', '1 hour', 'giver') AS given \gset
SELECT pg_temp.book(:'exclusive', '07-01 10:59', '1 hour', 'busy') AS ignored \gset
SELECT pg_temp.book(:'exclusive', '07-01 11:00', '1 hour', 'taker') AS ignored \gset
SELECT is((pg_temp.refusal(format('SELECT appt.reassign_appointment(%L, ''busy'')', :'given'))).message,
	'the organizer is not free at that time', 'nothing is handed over to who is busy');
SELECT pg_temp.refused(format('SELECT appt.reassign_appointment(%L, %L)', :'given', agent), NULL, 'to ' || agent || ' it is')
	FROM unnest('{taker, giver, giver}'::text[]) agent;
SELECT is((pg_temp.refusal(format('SELECT appt.reassign_appointment(%L, ''agent-9'')', id))).message,
	'the organizer is not free at that time', 'nor what a customer organizes')
	FROM appt.appointment WHERE application_id = :'exclusive' AND organizer_type = 'CUSTOMER' AND end_at < '2031-01-06';
SELECT pg_temp.book(:'two', '07-01 10:00', '1 hour', 'giver') AS given \gset
SELECT pg_temp.refused(format('SELECT appt.reassign_appointment(%L, ''giver2'')', :'given'), NULL, 'handing over takes no other place');

-- Both at once.
SELECT pg_temp.book(:'both', '01-01 12:00', '1 hour', 'x') AS ignored \gset
SELECT is((pg_temp.refusal(format('SELECT pg_temp.book(%L, ''01-01 12:00'', ''1 hour'', ''x'')', :'both'))).message,
	'the organizer is not free at that time', 'a place is left, but not for x');
SELECT pg_temp.book(:'both', '01-01 12:00', '1 hour', 'y') AS ignored \gset
SELECT is((pg_temp.refusal(format('SELECT pg_temp.book(%L, ''01-01 12:00'', ''1 hour'', ''z'')', :'both'))).message,
	'too many appointments at that time', 'z is free, but no place left');

/*
 * What is locked: nothing without a limit; with one each day, and, shared, the application and the blocks of 32 and of 1,024
 * days around it; for what touches many days, each block. 177: the application, 178: its days and blocks, 179: those of an
 * organizer, 176: the appointment that moves.
 */
CREATE FUNCTION pg_temp.locks(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	locks text;
BEGIN
	DROP TABLE IF EXISTS before;
	CREATE TEMP TABLE before AS SELECT classid, objid, objsubid, mode FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
	EXECUTE statement;
	SELECT string_agg(kind, ', ' ORDER BY kind) INTO locks FROM (
		SELECT format('%s %s of %s', count(*), mode, objsubid) AS kind FROM (
			SELECT classid, objid, objsubid, mode FROM pg_locks WHERE locktype = 'advisory'
				AND pid = pg_backend_pid() EXCEPT TABLE before) new GROUP BY objsubid, mode) kinds;
	RETURN locks;
END $$;
SELECT appt.create_application(:'organization', 'Two', max_overlap => 9, max_duration => '36500 days') AS two2,
	appt.create_application(:'organization', 'Exclusive', organizer_exclusive => true, max_duration => '400 days') AS exclusive2 \gset
SELECT is(pg_temp.locks(format('SELECT pg_temp.book(%L, %L, %L)', application, start_at, duration)), locks, name)
	FROM (VALUES (:'unlimited', '04-01 12:00', '1 hour', NULL, 'no limit: no lock'),
		(:'two2', '04-01 23:00', '1 hour', '1 ExclusiveLock of 178, 1 ShareLock of 177, 2 ShareLock of 178',
			'one day: the day, and, shared, the blocks around it and the application'),
		(:'two2', '04-02 23:00', '1 hour 1 microsecond', '2 ExclusiveLock of 178', 'two days'),
		(:'two2', '04-01 00:00', '32 days', '1 ShareLock of 178, 29 ExclusiveLock of 178', '32 days, three of them locked already'),
		(:'two2', '08-01 00:00', '32 days 1 microsecond', '2 ExclusiveLock of 178', 'more days: the blocks of 32 days'),
		(:'two2', '10-01 00:00', '1100 days', '2 ExclusiveLock of 178', 'more blocks: those of 1,024 days'),
		(:'two2', '10-01 00:00', '35000 days', '1 ExclusiveLock of 177', 'a century: the application'),
		(:'exclusive2', '04-01 12:00', '1 hour', '1 ExclusiveLock of 179, 1 ShareLock of 177, 2 ShareLock of 179',
			'exclusive organizers: the same of the organizer'),
		(:'exclusive2', '06-01 12:00', '300 days', '10 ExclusiveLock of 179',
			'for long: the blocks of the organizer')) bookings (application, start_at, duration, locks, name);
SELECT pg_temp.book(:'two2', '10-01 12:00', '1 hour') AS mover \gset
SELECT is(pg_temp.locks(format('SELECT pg_temp.move(%L, %L, %L)', :'mover', start_at, duration)), locks, name)
	FROM (VALUES (NULL, '30 minutes', '1 ExclusiveLock of 176', 'a shorter one: that it moves'),
		('10-02 12:00', NULL, '1 ExclusiveLock of 178', 'another day: that day'),
		('10-01 00:00', '300 days', '10 ExclusiveLock of 178', 'many days: their blocks')) moves (start_at, duration, locks, name);
SELECT is(pg_temp.locks(format('SELECT appt.reassign_appointment(%L, ''other'')', id)),
	'1 ExclusiveLock of 176, 1 ExclusiveLock of 179, 2 ShareLock of 179',
	'handing over: that it moves, and the other organizer''s day and blocks')
	FROM appt.appointment WHERE application_id = :'exclusive2' AND start_at < '2031-05-01';
SELECT is(pg_temp.locks(format('SELECT appt.reassign_appointment(%L, ''other'')', id)), NULL,
	'where organizers are not exclusive: nothing')
	FROM appt.appointment WHERE application_id = :'two2' AND start_at = '2031-04-01 23:00+00';
-- A transaction that books a thousand days takes the application for all others.
SELECT appt.create_application(:'organization', 'Import', organizer_exclusive => true) AS import \gset
SELECT matches(pg_temp.locks(format('SELECT pg_temp.book(%L, ''01-01 00:00'', ''1 hour'', ''agent-'' || i) FROM generate_series(1, '
	'1500) i', :'import')),
	'^1 ExclusiveLock of 177, 1 ShareLock of 177, [1-9]\d\d ExclusiveLock of 179, [1-9]\d\d ShareLock of 179$',
		'very many in one transaction take a bounded number of locks');
SELECT is(pg_temp.locks(format('SELECT appt.reschedule_appointment(id, start_at + interval ''1 day'', NULL) FROM appt.appointment '
	'WHERE application_id = %L', :'import')), NULL,
	'and when it moves them all, no more');
SELECT pg_temp.refused(format('SELECT pg_temp.book(%L, ''01-02 00:30'', ''1 hour'', ''agent-'' || %s)', :'import', i), 'PT409',
	'and are counted') FROM unnest('{1, 1500}'::int[]) i;
SELECT is((pg_temp.refusal(format('SELECT pg_advisory_xact_lock(%s, %s)', classid, objid))).state, NULL,
	'an application''s own advisory locks are others')
	FROM (SELECT classid::int8::bit(32)::int AS classid, objid::int8::bit(32)::int AS objid FROM pg_locks WHERE objsubid = 178
	LIMIT 1) day;

/*
 * Random bookings and moves, each refused if and only if counting one by one says so: within a week, from minutes to three
 * weeks long, by three organizers, where one, two or three may overlap, organizers exclusive or not.
 */
CREATE FUNCTION pg_temp.expected(tenant uuid, own uuid, organizer text, old_span tstzrange, span tstzrange) RETURNS text LANGUAGE sql AS $$
	WITH others AS MATERIALIZED (
		SELECT organizer_id, start_at, end_at FROM appt.appointment WHERE application_id = tenant AND state IN ('SCHEDULED', 'ACTIVATED')
			AND tstzrange(start_at, end_at) && span AND id IS DISTINCT FROM own)
	SELECT CASE WHEN span <@ old_span THEN NULL
		WHEN (SELECT max_overlap FROM appt.application WHERE id = tenant) <= (
			SELECT max((SELECT count(*) FROM others WHERE instant <@ tstzrange(start_at, end_at)))
			FROM (SELECT lower(span) UNION SELECT start_at FROM others WHERE start_at <@ span) instants (instant))
				THEN 'too many appointments at that time'
		WHEN (SELECT organizer_exclusive FROM appt.application WHERE id = tenant) AND EXISTS (SELECT FROM others
			WHERE organizer_id = organizer)
			THEN 'the organizer is not free at that time' END
$$;
CREATE FUNCTION pg_temp.random_bookings(cases int, OUT accepted int, OUT refused int, OUT busy int, OUT wrong text) LANGUAGE plpgsql AS $$
DECLARE
	applications uuid[] := ARRAY(SELECT appt.create_application(organization_id, 'Random', max_overlap => nullif(i, 4),
		organizer_exclusive => i <> 2, max_duration => '30 days')
		FROM (SELECT id AS organization_id FROM appt.organization) o, generate_series(1, 4) i);
	application uuid;
	present record;
	organizer text;
	start_at timestamptz;
	duration interval;
	expected text;
	refusal record;
BEGIN
	DELETE FROM appt.rule;
	accepted := 0; refused := 0; busy := 0;
	FOR i IN 1 .. cases LOOP
		application := applications[1 + floor(random() * 4)];
		organizer := 'agent-' || floor(random() * 3);
		start_at := '2032-03-20 00:00+00'::timestamptz + make_interval(mins => (15 * floor(random() * 672))::int);
		duration := make_interval(secs => CASE WHEN random() < 0.05 THEN ceil(exp(random() * ln(1814400)))
			ELSE 300 * ceil(random() * 12) END);
		IF random() < 0.4 THEN
			SELECT * INTO present FROM appt.appointment a WHERE a.application_id = application AND a.state = 'ACTIVATED'
				ORDER BY random() LIMIT 1;
			CONTINUE WHEN present IS NULL;
			IF random() < 0.3 THEN
				PERFORM appt.cancel_appointment(present.id);
				CONTINUE;
			END IF;
			start_at := CASE WHEN random() < 0.3 THEN present.start_at ELSE start_at END;
			expected := pg_temp.expected(application, present.id, present.organizer_id, tstzrange(present.start_at,
				present.end_at), tstzrange(start_at, start_at + duration));
			refusal := pg_temp.refusal(format('SELECT appt.reschedule_appointment(%L, %L, %L)', present.id, start_at, duration));
		ELSE
			expected := pg_temp.expected(application, NULL, organizer, NULL, tstzrange(start_at, start_at + duration));
			refusal := pg_temp.refusal(format('SELECT appt.schedule_appointment(%L, %L, %L, organizer_id => %L)', application,
				start_at, duration, organizer));
		END IF;
		IF expected IS DISTINCT FROM refusal.message THEN
			wrong := format('case %s: %s for %s by %s: %s instead of %s', i, start_at, duration, organizer, refusal.message, expected);
			RETURN;
		END IF;
		accepted := accepted + (expected IS NULL)::int;
		refused := refused + (expected IS NOT NULL)::int;
		busy := busy + (expected IS NOT NULL AND expected LIKE 'the organizer%')::int;
	END LOOP;
END $$;
SELECT setseed(0.42) AS ignored \gset
SELECT is(wrong, NULL, 'random bookings are refused exactly where no place is left') || E'\n' || cmp_ok(least(accepted,
	refused - busy, busy), '>', 300, format('and many are either: %s accepted, %s refused, %s because the organizer is not free',
	accepted, refused, busy))
	 FROM pg_temp.random_bookings(3000);

SELECT * FROM finish();
ROLLBACK;
