-- Functions for the worker: appointments end by themselves end_grace after their end, and sending ROOM may activate one.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Usual') AS usual \gset
SELECT appt.create_application(:'organization', 'Patient', end_grace => '1 day') AS patient \gset
SELECT appt.create_application(:'organization', 'By hand', auto_activate => false, room_activates => true) AS by_hand \gset
SELECT appt.create_application(:'organization', 'Never', auto_activate => false) AS never \gset
SELECT count(appt.create_subscription(id, 'https://hooks.example/a')) AS ignored FROM appt.application \gset
SELECT is(next, 'infinity', 'without appointments there is nothing to end, ever') FROM appt_test.end_overdue(now(), 10);

CREATE TEMPORARY TABLE booked AS SELECT s.id, s.application_id, s.end_at
	FROM (VALUES (:'usual', 1), (:'usual', 2), (:'usual', 3), (:'patient', 1), (:'never', 1)) wanted (application, hours),
		appt.schedule_appointment(application::uuid, now() + make_interval(hours => hours), '30 min', '{}', organizer_id => 'agent') s;
SELECT is(ROW(ended, next)::text, ROW(0, now() + '1 hour 45 min')::text,
	'nothing is overdue yet, the first will be 15 minutes after its end') FROM appt_test.end_overdue(now(), 10);
SELECT is(ROW(ended, next)::text, ROW(0, now() + '1 hour 45 min')::text, 'not a moment early')
	FROM appt_test.end_overdue(now() + '1 hour 45 min' - interval '1 microsecond', 10);
SELECT count(appt.record_join(p.appointment_id, p.id)) AS ignored FROM booked b JOIN appt.participant p ON p.appointment_id = b.id
	AND p.type = 'CUSTOMER' WHERE b.end_at = now() + '1 hour 30 min' AND b.application_id = :'usual' \gset
SELECT is(ended, 1, 'one is') FROM appt_test.end_overdue(now() + '1 hour 45 min', 10);
SELECT is(ROW(a.state, a.ended_at, a.interaction->>'state')::text, ROW('ENDED', a.end_at, 'ENDED')::text,
	'it ended when it should have') FROM appt.appointment a WHERE state = 'ENDED';
SELECT is(count(*), 1::bigint, 'its follow-up is planned') FROM appt.notification n
	JOIN appt.appointment a ON a.id = n.appointment_id AND a.state = 'ENDED'
	WHERE n.type = 'FOLLOW_UP' AND n.due_at = a.end_at;
SELECT is(count(*), 0::bigint, 'none where nobody came') FROM appt.notification n WHERE n.type = 'FOLLOW_UP'
	AND n.due_at <> now() + '1 hour 30 min';
SELECT is(ROW(ended, next)::text, ROW(2, now() + '25 hours 30 min')::text,
	'the others of that application, and when the patient one will be') FROM appt_test.end_overdue(now() + '10 hours', 10);
SELECT is(ended, 1, 'the patient one a day later') FROM appt_test.end_overdue(now() + '25 hours 30 min', 10);
SELECT is(string_agg(state, ' '), 'SCHEDULED', 'one that was never activated does not end') FROM appt.appointment
	WHERE application_id = :'never';

-- A batch.
SELECT count(appt.schedule_appointment(:'usual', now() + '1 hour', '30 min', organizer_id => 'agent')) AS ignored
	FROM generate_series(1, 5) \gset
SELECT is(ended, 3, 'no more than asked for at once') FROM appt_test.end_overdue(now() + '1 day', 3);
SELECT is(ended, 2, 'the rest next time') FROM appt_test.end_overdue(now() + '1 day', 3);

-- A grace of days is elapsed time, also where clocks are changed meanwhile.
SET LOCAL timezone = 'Europe/Berlin';
SELECT id AS over_night FROM appt.schedule_appointment(:'patient', '2031-03-29 12:00', '1 hour', organizer_id => 'agent') \gset
SELECT is(next, '2031-03-30 12:00+00'::timestamptz, 'a day after 12:00 UTC is 12:00 UTC')
	FROM appt_test.end_overdue('2031-03-30 11:59:59.999999+00', 10);
SELECT is(ended, 1, 'and then it ends') FROM appt_test.end_overdue('2031-03-30 12:00+00', 10);

-- The longest grace after the latest possible end: no setting of a tenant stops the worker.
SELECT appt.create_application(:'organization', 'For ever', end_grace => '36500 days') AS for_ever \gset
INSERT INTO appt.rule (application_id, type, channel, time_offset) VALUES (:'for_ever', 'FOLLOW_UP', 'WEBHOOK', '36500 days');
SELECT throws_ok(format('INSERT INTO appt.rule (application_id, type, channel, time_offset) VALUES (%L, %L, %L, %L)',
	:'for_ever', 'FOLLOW_UP', 'WEBHOOK', too_long), '23514', NULL, 'an offset of ' || too_long)
		FROM unnest(ARRAY['36501 days', '100000000 days', '2562047788 hours']) AS too_long;
SELECT id AS last FROM appt.schedule_appointment(:'for_ever', '294177-01-20 12:00+00', '1 hour', organizer_id => 'agent') \gset
SELECT lives_ok($$SELECT appt_test.end_overdue(now(), 10)$$, 'a grace that ends with time itself');
SELECT is(ended, 1, 'is over then') FROM appt_test.end_overdue('294276-12-30 12:00+00', 1);

-- ROOM activates.
SELECT id AS by_room FROM appt.schedule_appointment(:'by_hand', now() + '1 hour', '30 min', '{}', organizer_id => 'agent') \gset
SELECT ok(appt_test.activate_for_room(:'by_hand', :'by_room'), 'the worker activates');
SELECT is(a.state, 'ACTIVATED', 'what ROOM was sent for') FROM appt.get_appointment(:'by_room') a;
SELECT isnt(a.room_access, NULL, 'there is a room') FROM appt.get_appointment(:'by_room') a;
SELECT is(count(*), 0::bigint, 'nobody is told that somebody activated it') FROM appt.notification WHERE appointment_id = :'by_room'
	AND type = 'ACTIVATE';
SELECT ok(appt_test.activate_for_room(:'by_hand', :'by_room'), 'again is harmless');
SELECT appt.cancel_appointment(:'by_room') AS ignored \gset
SELECT ok(appt_test.activate_for_room(:'by_hand', :'by_room'), 'and later too');
SELECT is(a.state, 'CANCELLED', 'what is cancelled stays so') FROM appt.get_appointment(:'by_room') a;
SELECT ok(appt_test.activate_for_room(b.application_id, b.id), 'an application may not want it') FROM booked b
	WHERE application_id = :'never';
SELECT is(state, 'SCHEDULED', 'then nothing changes') FROM appt.appointment WHERE application_id = :'never';

SELECT * FROM finish();
ROLLBACK;
