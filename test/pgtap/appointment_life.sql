-- Changes of an appointment: the effect of every function, the messages it plans, and what the state forbids.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales', room_url => 'https://video.example/q', calling_code => '30') AS application \gset
SELECT appt.create_application(:'organization', 'By hand', auto_activate => false, room_code_length => 12) AS by_hand \gset
SELECT count(*) AS ignored FROM (VALUES (:'application'::uuid), (:'by_hand')) a (id),
	appt.create_subscription(a.id, 'https://hooks.example/a') \gset
SELECT id FROM appt.schedule_appointment(:'application', now() + '2 days', '1 hour', '{"contact": {"primaryEmail": "c@d.example"}}',
	organizer_id => 'agent') \gset
SELECT id AS other, participant_ids FROM appt.schedule_appointment(:'by_hand', now() + '2 days', '1 hour',
	'{"contact": {"primaryEmail": "c@d.example"}}', organizer_id => 'agent') \gset

-- The new notifications of an appointment since the last look: how many of each type and state.
CREATE TEMPORARY TABLE seen (id bigint);
CREATE FUNCTION pg_temp.owed(appointment uuid) RETURNS text LANGUAGE sql AS $$
	WITH fresh AS (SELECT * FROM appt.notification n WHERE n.appointment_id = $1 AND n.id NOT IN (SELECT id FROM pg_temp.seen)),
	marked AS (INSERT INTO pg_temp.seen SELECT id FROM fresh)
	SELECT coalesce(string_agg(type || ' ' || channel, ', ' ORDER BY type, channel, due_at), '') FROM fresh $$;
CREATE FUNCTION pg_temp.cancelled(appointment uuid) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(DISTINCT type || ' ' || reason, ', '), '') FROM appt.notification WHERE appointment_id = $1
		AND state = 'CANCELLED' $$;
CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL;
END $$;
SELECT is(pg_temp.owed(:'id'), 'CREATE EMAIL, CREATE SMS, CREATE WEBHOOK, REMINDER EMAIL, REMINDER EMAIL, REMINDER WEBHOOK, '
	'REMINDER WEBHOOK', 'scheduling owes what the rules say');

-- update_appointment
SELECT is(ROW(a.title, a.notes, a.location, a.metadata)::text, ROW('T', 'N', 'L', '{"a": 1}'::jsonb)::text, 'update sets what is given')
	FROM appt.update_appointment(:'id', 'T', 'N', 'L', '{"a": 1}') a;
SELECT is(pg_temp.owed(:'id'), 'UPDATE WEBHOOK', 'subscribers are told');
SELECT is(sequence, 1, 'calendars take over a new title') FROM appt.appointment WHERE id = :'id';
SELECT is(ROW(a.title, a.notes, a.location, a.metadata)::text, ROW('T', 'N2', 'L', '{"a": 1}'::jsonb)::text, 'what is left out stays')
	FROM appt.update_appointment(:'id', notes => 'N2') a;
SELECT is(sequence, 1, 'calendars have no notes') FROM appt.appointment WHERE id = :'id';
SELECT is(pg_temp.owed(:'id'), 'UPDATE WEBHOOK', 'subscribers are told of notes');
SELECT is(a.notes, 'N2', 'nothing different') FROM appt.update_appointment(:'id', 'T', 'N2', 'L', '{"a": 1.0}') a;
SELECT is(pg_temp.owed(:'id'), '', 'nothing is told');
SELECT is(ROW(a.title, a.notes, a.location, a.metadata)::text, ROW(NULL, NULL, NULL, '{}'::jsonb)::text, 'empty values clear')
	FROM appt.update_appointment(:'id', '', '', '', '{}') a;
SELECT is(pg_temp.owed(:'id'), 'UPDATE WEBHOOK', 'subscribers are told of that');
-- Each alone.
SELECT id AS alone FROM appt.schedule_appointment(:'by_hand', now() + '2 days', '1 hour', organizer_id => 'agent') \gset
SELECT pg_temp.owed(:'alone') AS ignored \gset
SELECT is(ROW(a.title, a.notes, a.location, a.metadata)::text, ROW('T', NULL, NULL, '{}'::jsonb)::text, 'the title alone')
	FROM appt.update_appointment(:'alone', title => 'T') a;
SELECT is(ROW(a.title, a.notes, a.location, a.metadata)::text, ROW('T', NULL, 'L', '{}'::jsonb)::text, 'the location alone')
	FROM appt.update_appointment(:'alone', location => 'L') a;
SELECT is(ROW(a.title, a.notes, a.location, a.metadata)::text, ROW('T', NULL, 'L', '{"a": 1}'::jsonb)::text, 'metadata alone')
	FROM appt.update_appointment(:'alone', metadata => '{"a": 1}') a;
SELECT is(ROW(a.title, a.notes, a.location, a.metadata)::text, ROW('T', 'N', 'L', '{"a": 1}'::jsonb)::text, 'notes alone')
	FROM appt.update_appointment(:'alone', notes => 'N') a;
SELECT is(pg_temp.owed(:'alone'), 'UPDATE WEBHOOK, UPDATE WEBHOOK, UPDATE WEBHOOK, UPDATE WEBHOOK', 'subscribers are told of each');
SELECT is(sequence, 2, 'calendars of title and location') FROM appt.appointment WHERE id = :'alone';
SELECT appt.delete_appointment(:'alone');
SELECT is((SELECT state FROM pg_temp.refusal(format('SELECT appt.update_appointment(%L, metadata => ''[]'')', :'id'))), '22023',
	'metadata must be an object');

-- reschedule_appointment
SELECT is(ROW(a.start_at, a.duration, a.timezone, a.locale)::text, ROW(now() + '2 days', '1 hour'::interval, 'UTC', 'en')::text,
	'null keeps')
	FROM appt.reschedule_appointment(:'id', NULL, NULL) a;
SELECT is(ROW(a.start_at, a.duration, a.timezone, a.locale)::text, ROW(now() + '2 days', '1 hour'::interval, 'UTC', 'en')::text,
	'the same is no change')
	FROM appt.reschedule_appointment(:'id', now() + '2 days', '1 hour', 'UTC', 'en') a;
SELECT is(a.timezone, 'UTC', 'in whichever case its timezone is written') FROM appt.reschedule_appointment(:'id', NULL, NULL, 'utc') a;
SELECT is(pg_temp.owed(:'id'), '', 'nothing is told of no change');
SELECT is(a.locale, 'de', 'the locale alone') FROM appt.reschedule_appointment(:'id', NULL, NULL, NULL, 'de') a;
SELECT is(pg_temp.owed(:'id'), 'UPDATE WEBHOOK', 'is an update');
SELECT is(sequence, 2, 'and nothing to calendars') FROM appt.appointment WHERE id = :'id';
SELECT room_access->>'ticket' AS ticket FROM appt.get_appointment(:'id') \gset
SELECT is(ROW(a.start_at, a.end_at, a.room_access->>'ticket', (a.room_access->>'expires')::timestamptz)::text,
	ROW(now() + '3 days', now() + '3 days 30 min', :'ticket'::text, now() + '3 days 90 min')::text,
		'start and duration move, the room''s expiry with them, its ticket stays')
	FROM appt.reschedule_appointment(:'id', now() + '3 days', '30 min') a;
SELECT is(pg_temp.owed(:'id'), 'REMINDER EMAIL, REMINDER EMAIL, REMINDER WEBHOOK, REMINDER WEBHOOK, RESCHEDULE EMAIL, RESCHEDULE '
	'SMS, RESCHEDULE WEBHOOK', 'customers are told, reminders planned anew');
SELECT is(pg_temp.cancelled(:'id'), 'REMINDER RESCHEDULED', 'the old reminders are cancelled');
SELECT is(a.timezone, 'Europe/Berlin', 'the timezone alone') FROM appt.reschedule_appointment(:'id', NULL, NULL, 'Europe/Berlin') a;
SELECT matches(pg_temp.owed(:'id'), 'RESCHEDULE EMAIL', 'is a reschedule');
SELECT is(sequence, 4, 'that calendars take over') FROM appt.appointment WHERE id = :'id';
SELECT is(r.state, '22023', said || ' is refused')
	FROM (VALUES ('a start in the past', 'now() - interval ''2 minutes'', NULL'), ('an infinite start', '''infinity'', NULL'),
	('a duration of nothing', 'NULL, ''0'''), ('months', 'NULL, ''1 month'''), ('too long a duration', 'NULL, ''25 hours'''),
	('an unknown timezone', 'NULL, NULL, ''Mars/Olympus'''), ('an unknown locale', 'NULL, NULL, NULL, ''qq''')) wrong (said, arguments),
	pg_temp.refusal(format('SELECT appt.reschedule_appointment(%L, %s)', :'id', arguments)) r;
SELECT is(ROW(a.start_at, a.end_at)::text, ROW(now() + '3 days', now() + '3 days 30 min')::text, 'and changed nothing')
	FROM appt.get_appointment(:'id') a;
SELECT is(pg_temp.owed(:'id'), '', 'nor planned anything');
SELECT is(a.end_at, '2031-03-30 12:30+00'::timestamptz, 'a day across the change to summer time is 24 hours')
	FROM appt.reschedule_appointment(:'id', '2031-03-29 13:30 Europe/Berlin', '1 day', 'Europe/Berlin') a;
SELECT is(a.end_at, '2031-10-26 12:30+00'::timestamptz, 'and to winter time')
	FROM appt.reschedule_appointment(:'id', '2031-10-25 14:30 Europe/Berlin', '1 day') a;
SELECT matches(pg_temp.owed(:'id'), 'RESCHEDULE', 'as planned');

-- add_customer, remove_participant
SELECT is(jsonb_array_length(a.participant_ids), 3, 'a customer is added')
	FROM appt.add_customer(:'id', '{"username": "late", "contact": {"primaryEmail": "late@d.example", "primaryPhone": "2102234988"}}') a;
SELECT is(pg_temp.owed(:'id'), 'CREATE EMAIL, CREATE SMS, REMINDER EMAIL, REMINDER EMAIL, UPDATE WEBHOOK', 'who is told, and subscribers');
SELECT id AS late, phone FROM appt.participant WHERE appointment_id = :'id' AND username = 'late' \gset
SELECT is(:'phone'::text, '+302102234988', 'its phone number is stored as E.164');
SELECT is((SELECT state FROM pg_temp.refusal(format('SELECT appt.add_customer(%L, %s)', :'id', said))), '22023', said || ' is no customer')
	FROM (VALUES ('NULL'), ('''1'''), ('''{"contact": {"primaryEmail": "late"}}''')) wrong (said);
SELECT sequence FROM appt.appointment WHERE id = :'id' \gset before_
SELECT is(jsonb_array_length(a.participant_ids), 2, 'and removed') FROM appt.remove_participant(:'id', :'late') a;
SELECT is(sequence, :before_sequence + 1, 'which their calendar takes over') FROM appt.appointment WHERE id = :'id';
SELECT is(pg_temp.owed(:'id'), 'CANCELLED EMAIL, CANCELLED SMS, UPDATE WEBHOOK', 'who is told, and subscribers');
SELECT is((SELECT state FROM pg_temp.refusal(format('SELECT appt.remove_participant(%L, %L)', :'id', :'late'))), 'PT404',
	'a participant who is none is not found');
SELECT is((SELECT state FROM pg_temp.refusal(format('SELECT appt.remove_participant(%L, ''agent'')', :'id'))), 'PT409',
	'the organizer stays');
SELECT is((SELECT state FROM pg_temp.refusal(format('SELECT appt.remove_participant(%L, NULL)', :'id'))), '22023', 'null is nobody');

-- activate_appointment
SELECT is(pg_temp.owed(:'other'), 'CREATE EMAIL, CREATE SMS, CREATE WEBHOOK, REMINDER EMAIL, REMINDER EMAIL, REMINDER WEBHOOK, '
	'REMINDER WEBHOOK', 'one to activate by hand');
SELECT is((SELECT state FROM pg_temp.refusal(format('SELECT appt.record_join(%L, ''agent'')', :'other'))), 'PT409',
	'nobody can join before it is activated');
SELECT is((SELECT state FROM pg_temp.refusal(format('SELECT appt.end_appointment(%L)', :'other'))), 'PT409', 'nor end it');
SELECT ticket, type, coalesce(url, 'none') AS url, expires FROM appt.activate_appointment(:'other') \gset room_
SELECT is(ROW(:'room_ticket' ~ '^[a-z]{12}$', :'room_type'::text, :'room_url'::text, :'room_expires'::timestamptz)::text,
	ROW(true, 'MULTI_USE_TICKET', 'none', now() + '2 days 2 hours')::text,
	'it gives a ticket of the application''s length; without a room_url there is no link');
SELECT is(ROW(a.state, a.room_access->>'ticket', a.room_access->'url')::text,
	ROW('ACTIVATED', :'room_ticket'::text, 'null'::jsonb)::text, 'which the details show') FROM appt.get_appointment(:'other') a;
SELECT is(pg_temp.owed(:'other'), 'ACTIVATE WEBHOOK', 'subscribers are told');
SELECT is(a.ticket, :'room_ticket'::text, 'again: the same room') FROM appt.activate_appointment(:'other') a;
SELECT is(pg_temp.owed(:'other'), '', 'and nothing is told');

-- record_join, record_leave
SELECT id AS customer FROM appt.participant WHERE appointment_id = :'other' AND type = 'CUSTOMER' \gset
SELECT appt.record_join(:'other', 'agent');
SELECT is(a.interaction->>'state', 'PENDING', 'an agent alone starts no call') FROM appt.get_appointment(:'other') a;
SELECT is(joined_at, now(), 'but is in') FROM appt.participant WHERE appointment_id = :'other' AND id = 'agent';
SELECT appt.record_join(:'other', :'customer');
SELECT is(a.interaction->>'state', 'ACTIVE', 'the first customer starts it') FROM appt.get_appointment(:'other') a;
SELECT is(pg_temp.cancelled(:'other'), 'REMINDER CALL_STARTED', 'reminders are superseded');
SELECT appt.record_leave(:'other', :'customer');
SELECT is(ROW(joined_at, left_at)::text, ROW(now(), now())::text, 'leaving is recorded') FROM appt.participant
	WHERE appointment_id = :'other' AND id = :'customer';
SELECT is(ROW(a.state, a.interaction->>'state')::text, '(ACTIVATED,ACTIVE)', 'and ends nothing') FROM appt.get_appointment(:'other') a;
SELECT appt.record_join(:'other', :'customer');
SELECT is(ROW(joined_at, left_at)::text, ROW(now(), NULL)::text, 'who comes back is in again') FROM appt.participant
	WHERE appointment_id = :'other' AND id = :'customer';
SELECT is((SELECT state FROM pg_temp.refusal(format('SELECT appt.%s(%L, %s)', function, :'other', said))), expected,
	function || ' of ' || said)
	FROM (VALUES ('record_join', '''nobody''', 'PT404'), ('record_leave', '''nobody''', 'PT404'), ('record_join', 'NULL', '22023'),
		('record_leave', '''''', '22023')) wrong (function, said, expected);
SELECT is((SELECT state FROM pg_temp.refusal(format('SELECT appt.reschedule_appointment(%L, now(), NULL)', :'other'))), 'PT409',
	'what is going on does not move');

-- end_appointment
SELECT is(ROW(a.state, a.interaction->>'state')::text, '(ENDED,ENDED)', 'an agent ends it') FROM appt.end_appointment(:'other') a;
SELECT is(ended_at, now(), 'now') FROM appt.appointment WHERE id = :'other';
SELECT is(pg_temp.owed(:'other'), 'FOLLOW_UP WEBHOOK', 'a follow-up is owed');
SELECT is(a.state, 'ENDED', 'again: the same') FROM appt.end_appointment(:'other') a;
SELECT is(pg_temp.owed(:'other'), '', 'and nothing is owed');

-- cancel_appointment
SELECT is(ROW(a.state, a.cancel_reason)::text, '(CANCELLED,"the customer is ill")', 'cancelling keeps the row and says why')
	FROM appt.cancel_appointment(:'id', 'the customer is ill') a;
SELECT is(a.cancel_reason, 'the customer is ill', 'get_appointment says it too') FROM appt.get_appointment(:'id') a;
SELECT is(c.cancel_reason, 'the customer is ill', 'and find_appointments') FROM appt.find_appointments(:'application') p,
	unnest(p.content) c WHERE c.id = :'id';
SELECT is(cancel_reason, 'the customer is ill', 'with the reason') FROM appt.appointment WHERE id = :'id';
SELECT is(pg_temp.owed(:'id'), 'CANCELLED EMAIL, CANCELLED SMS, CANCELLED WEBHOOK', 'customers are told');
SELECT is(a.state, 'CANCELLED', 'again: the same') FROM appt.cancel_appointment(:'id', 'for another reason') a;
SELECT is(cancel_reason, 'the customer is ill', 'with the first reason') FROM appt.appointment WHERE id = :'id';
SELECT is(pg_temp.owed(:'id'), '', 'and nothing is told');

-- An appointment that is over cannot change.
SELECT is(r.state, CASE WHEN function = 'cancel_appointment(%L)' AND over.id = :'id' OR function = 'end_appointment(%L)'
	AND over.id = :'other' THEN NULL ELSE 'PT409' END,
	format(function, a.state))
FROM (VALUES (:'id'), (:'other')) over (id), appt.get_appointment(over.id::uuid) a,
	(VALUES ('update_appointment(%L, ''x'')'), ('reschedule_appointment(%L, NULL, NULL)'), ('activate_appointment(%L)'),
	('cancel_appointment(%L)'),
	('end_appointment(%L)'), ('record_join(%L, ''agent'')'), ('record_leave(%L, ''agent'')'), ('add_customer(%L, ''{}'')'),
		('remove_participant(%L, ''nobody'')')) f (function),
	pg_temp.refusal('SELECT appt.' || format(function, over.id)) r;
SELECT is(pg_temp.owed(:'id') || pg_temp.owed(:'other'), '', 'and owes no more');

-- An unknown appointment, and NULL.
SELECT is(r.state, CASE said WHEN 'NULL' THEN '22023' ELSE 'PT404' END, format(function, said))
FROM (VALUES ('NULL'), ('''00000000-0000-0000-0000-000000000000''')) id (said),
	(VALUES ('update_appointment(%s, ''x'')'), ('reschedule_appointment(%s, NULL, NULL)'), ('activate_appointment(%s)'),
	('cancel_appointment(%s)'),
	('delete_appointment(%s)'), ('end_appointment(%s)'), ('record_join(%s, ''agent'')'), ('record_leave(%s, ''agent'')'),
		('add_customer(%s, ''{}'')'), ('remove_participant(%s, ''nobody'')')) f (function),
	pg_temp.refusal('SELECT appt.' || format(function, said)) r;

-- delete_appointment
SELECT id AS third FROM appt.schedule_appointment(:'application', now() + '2 days', '1 hour', '{}', organizer_id => 'agent') \gset
SELECT matches(pg_temp.owed(:'third'), 'CREATE EMAIL', 'one more');
SELECT appt.delete_appointment(d.id::uuid) FROM (VALUES (:'id'), (:'other'), (:'third')) d (id);
SELECT is(pg_temp.owed(:'third'), 'CANCELLED EMAIL, CANCELLED SMS, CANCELLED WEBHOOK', 'who was to come is told of a deletion');
SELECT is(pg_temp.owed(:'id') || pg_temp.owed(:'other'), '', 'nobody is of what was over');
SELECT is((SELECT count(*) FROM appt.appointment) + (SELECT count(*) FROM appt.participant) + (SELECT count(*)
	FROM appt.room_access), 0::bigint, 'nothing of it is left');
SELECT isnt(count(*), 0::bigint, 'but the log') FROM appt.notification WHERE appointment_id = :'third';
SELECT is((SELECT state FROM pg_temp.refusal(format('SELECT appt.get_appointment(%L)', :'third'))), 'PT404', 'it is not found any more');

SELECT * FROM finish();
ROLLBACK;
