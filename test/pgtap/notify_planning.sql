-- The messages that each event of an appointment plans, and those that it supersedes.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

CREATE FUNCTION pg_temp.application(platform text DEFAULT 'STANDALONE', auto_activate boolean DEFAULT true) RETURNS uuid LANGUAGE sql AS
$$SELECT appt.create_application(appt.create_organization('org'), 'app', platform, auto_activate => $2)$$;
CREATE FUNCTION pg_temp.schedule(application uuid, ahead interval, names text[] DEFAULT '{bob}') RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
	appointment uuid;
	name text;
BEGIN
	appointment := (appt.schedule_appointment(application, now() + ahead, '30 minutes', organizer_id => 'ann',
		customer => CASE WHEN names = '{}' THEN NULL ELSE pg_temp.customer(names[1]) END)).id;
	FOREACH name IN ARRAY names[2:] LOOP
		PERFORM appt.add_customer(appointment, pg_temp.customer(name));
	END LOOP;
	RETURN appointment;
END$$;
CREATE FUNCTION pg_temp.customer(name text) RETURNS jsonb LANGUAGE sql AS $$SELECT jsonb_build_object(
	'name', jsonb_build_object('firstName', name),
	'contact', jsonb_build_object('primaryEmail', name || '@example.com', 'primaryPhone', '+306900000000'))$$;
-- "TYPE CHANNEL whom offset due state reason", due relative to now, in the order of planning
CREATE FUNCTION pg_temp.show(appointment uuid, since bigint DEFAULT 0) RETURNS SETOF text LANGUAGE sql VOLATILE AS $$
SELECT concat_ws(' ', n.type, n.channel, coalesce(nullif(p.first_name, ''), split_part(s.url, '/', 4), n.recipient_id),
		nullif(n.time_offset, '0')::text, nullif(n.due_at - now(), '0')::text, nullif(n.state, 'PENDING'), n.reason)
  FROM appt.notification n LEFT JOIN appt.participant p ON p.appointment_id = n.appointment_id AND p.id = n.recipient_id
	LEFT JOIN appt.subscription s ON s.id = n.subscription_id
 WHERE n.appointment_id = appointment AND n.id > since ORDER BY 1 $$;
CREATE FUNCTION pg_temp.last_id() RETURNS bigint LANGUAGE sql AS $$SELECT coalesce(max(id), 0) FROM appt.notification$$;
-- The queue holds exactly what waits, each under its key.
CREATE FUNCTION pg_temp.queue_problems() RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
SELECT coalesce(n.id, d.notification_id)
  FROM (SELECT * FROM appt.notification WHERE state IN ('PENDING', 'RETRYING')) n
	FULL JOIN (SELECT d.* FROM appt.due d JOIN appt.notification n ON n.id = d.notification_id AND n.state <> 'SENDING') d
		ON d.notification_id = n.id AND d.lane = n.lane AND d.due_at = n.next_attempt_at AND d.application_id = n.application_id
 WHERE n.id IS NULL OR d.notification_id IS NULL
UNION ALL
SELECT id FROM appt.notification WHERE lane = 0 OR (next_attempt_at IS NULL) <> (state NOT IN ('PENDING', 'RETRYING'))$$;

-- Scheduled.
SELECT pg_temp.application() AS app \gset
SELECT (appt.create_subscription(:'app', 'https://hooks.example/one')).id AS one \gset
SELECT (appt.create_subscription(:'app', 'https://hooks.example/two')).id AS two \gset
UPDATE appt.subscription SET enabled = false WHERE id = :'two';
SELECT pg_temp.schedule(:'app', '2 days') AS a \gset
SELECT bag_eq(format('SELECT pg_temp.show(%L)', :'a'), ARRAY[
	'CREATE EMAIL bob', 'CREATE SMS bob', 'CREATE WEBHOOK one', 'CREATE WEBHOOK two',
	'REMINDER EMAIL bob 24:00:00 1 day', 'REMINDER EMAIL bob 01:00:00 1 day 23:00:00',
	'REMINDER WEBHOOK one 24:00:00 1 day', 'REMINDER WEBHOOK two 24:00:00 1 day',
	'REMINDER WEBHOOK one 01:00:00 1 day 23:00:00', 'REMINDER WEBHOOK two 01:00:00 1 day 23:00:00'],
	'scheduling owes CREATE and the reminders of the rules, by webhook one per subscription, off or not');
SELECT is_empty('SELECT pg_temp.queue_problems()', 'all of it is in the queue');
SELECT bag_eq(format($$SELECT DISTINCT concat_ws(' ', address, title, start_at - now(), end_at - start_at, organizer_id,
	notifications_active, attempt_count,
	settled_at, context) FROM appt.notification WHERE appointment_id = %L AND channel <> 'WEBHOOK'$$, :'a'),
	ARRAY['bob@example.com 2 days 00:30:00 ann t 0', '+306900000000 2 days 00:30:00 ann t 0'],
		'with what the log needs copied onto each row');
SELECT is((SELECT count(DISTINCT uid) FROM appt.notification), 10::bigint, 'each has a name of its own outside');
SELECT is(count(DISTINCT lane), 4::bigint, 'a lane for email, one for sms, one per subscription') FROM appt.notification
	WHERE appointment_id = :'a';

SELECT bag_eq(format('SELECT pg_temp.show(%L)', pg_temp.schedule(:'app', '2 hours', '{}')),
	ARRAY['CREATE WEBHOOK one', 'CREATE WEBHOOK two',
	'REMINDER WEBHOOK one 01:00:00 01:00:00', 'REMINDER WEBHOOK two 01:00:00 01:00:00'],
		'a reminder that is past is not planned; without customers only subscribers are told');
SELECT is(count(*), 2::bigint, 'one due this very moment is planned') FROM pg_temp.show(pg_temp.schedule(:'app', '1 hour', '{}')) s
	WHERE s LIKE 'REMINDER%';
SELECT is(count(*), 0::bigint, 'a microsecond later it is past')
	FROM pg_temp.show(pg_temp.schedule(:'app', '59 minutes 59.999999 seconds', '{}')) s WHERE s LIKE 'REMINDER%';

-- A day is 24 hours, on the day when clocks change too.
SET LOCAL timezone = 'Europe/Berlin';
INSERT INTO appt.rule (application_id, type, channel, time_offset) VALUES (:'app', 'REMINDER', 'SMS', '1 day 1 second');
SELECT (appt.schedule_appointment(:'app', '2027-03-28 12:00+02', '30 minutes', pg_temp.customer('bob'),
	organizer_id => 'ann')).id AS dst \gset
SELECT set_eq(format($$SELECT due_at FROM appt.notification WHERE appointment_id = %L AND channel = 'SMS' AND type = 'REMINDER'$$, :'dst'),
	$$VALUES ('2027-03-27 10:59:59+01'::timestamptz)$$, 'an offset is elapsed time');
RESET timezone;
DELETE FROM appt.rule WHERE application_id = :'app' AND time_offset = '1 day 1 second';

-- Rules.
SELECT pg_temp.application() AS quiet \gset
UPDATE appt.rule SET enabled = false WHERE application_id = :'quiet' AND NOT (type = 'CREATE' AND channel = 'EMAIL');
SELECT bag_eq(format('SELECT pg_temp.show(%L)', pg_temp.schedule(:'quiet', '2 days')), ARRAY['CREATE EMAIL bob'],
	'only enabled rules plan');
SELECT pg_temp.application('TALKDESK') AS talkdesk \gset
SELECT is_empty(format('SELECT pg_temp.show(%L)', pg_temp.schedule(:'talkdesk', '2 days')), 'Talkdesk starts with webhooks only');
INSERT INTO appt.rule (application_id, type, channel) VALUES (:'talkdesk', 'CREATE', 'EMAIL');
SELECT pg_temp.schedule(:'talkdesk', '2 days') AS t \gset
SELECT bag_eq(format('SELECT pg_temp.show(%L)', :'t'), ARRAY['CREATE EMAIL bob'], 'a rule that is stored there plans');
SELECT row_eq(format('SELECT e.eligible, e.reason FROM appt.notification n, appt.notification_eligibility(n.id) e WHERE '
	'appointment_id = %L', :'t'),
	ROW(false, 'CHANNEL_NOT_AVAILABLE'::text), 'and what it plans will not go out');
SELECT pg_temp.application() AS off \gset
UPDATE appt.organization SET notifications_enabled = false WHERE id = (SELECT organization_id FROM appt.application WHERE id = :'off');
SELECT pg_temp.schedule(:'off', '2 days') AS o \gset
UPDATE appt.organization SET notifications_enabled = true WHERE id = (SELECT organization_id FROM appt.application WHERE id = :'off');
SELECT appt.add_customer(:'o', pg_temp.customer('eve')), appt.reschedule_appointment(:'o', now() + interval '3 days', '30 minutes') \gset
SELECT is(array_agg(DISTINCT notifications_active), '{f}',
	'scheduled while off, everything is planned, and marked, also what is planned once it is on again') FROM appt.notification
	WHERE appointment_id = :'o';
UPDATE appt.organization SET notifications_enabled = false WHERE id = (SELECT organization_id FROM appt.application WHERE id = :'off');

-- Activation.
SELECT pg_temp.application(auto_activate => false) AS manual \gset
SELECT (appt.create_subscription(:'manual', 'https://hooks.example/m')).id AS m \gset
DELETE FROM appt.rule WHERE application_id = :'manual' AND channel = 'SMS' OR application_id = :'manual' AND type = 'REMINDER';
INSERT INTO appt.rule (application_id, type, channel, time_offset) VALUES (:'manual', 'ROOM', 'EMAIL', '15 minutes'),
	(:'app', 'ROOM', 'EMAIL', '15 minutes');
SELECT pg_temp.schedule(:'manual', '1 hour') AS r \gset
SELECT bag_eq(format('SELECT pg_temp.show(%L)', :'r'), ARRAY['CREATE EMAIL bob', 'CREATE WEBHOOK m', 'ROOM EMAIL bob 00:15:00 00:45:00'],
	'ROOM is planned where appointments are not activated automatically');
SELECT is_empty(format($$SELECT * FROM pg_temp.show(%L) s WHERE s ~ 'ROOM|ACTIVATE'$$, pg_temp.schedule(:'app', '1 hour')),
	'and nowhere else');
SELECT pg_temp.last_id() AS before \gset
SELECT appt.activate_appointment(:'r');
SELECT bag_eq(format('SELECT pg_temp.show(%L, %s)', :'r', :before), ARRAY['ACTIVATE WEBHOOK m'], 'explicit activation tells subscribers');
SELECT appt.activate_appointment(:'r');
SELECT is(count(*), 1::bigint, 'once') FROM appt.notification WHERE id > :before;
SELECT appt.reschedule_appointment(:'r', now() + interval '3 hours', '30 minutes');
SELECT bag_eq(format('SELECT pg_temp.show(%L)', :'r'), ARRAY['CREATE EMAIL bob', 'CREATE WEBHOOK m', 'ACTIVATE WEBHOOK m',
	'ROOM EMAIL bob 00:15:00 00:45:00 CANCELLED RESCHEDULED', 'ROOM EMAIL bob 00:15:00 02:45:00',
	'RESCHEDULE EMAIL bob', 'RESCHEDULE WEBHOOK m'], 'moved after it was activated, its ROOM is still owed');
SELECT bag_eq(format('SELECT s FROM pg_temp.show(%L) s WHERE s LIKE %L', pg_temp.schedule(:'manual', '5 minutes'), 'ROOM%'),
	ARRAY['ROOM EMAIL bob 00:15:00 -00:10:00'], 'a ROOM that is past is planned, for its window to judge');

-- A ROOM that waits for its activation.
-- (due and put off by the worker after the activating transaction began)
SELECT pg_temp.schedule(:'manual', '15 minutes 1 second') AS w \gset
UPDATE appt.notification SET next_attempt_at = due_at + interval '5 minutes' WHERE appointment_id = :'w' AND type = 'ROOM';
UPDATE appt.due SET due_at = due_at + interval '5 minutes'
	WHERE notification_id IN (SELECT id FROM appt.notification WHERE appointment_id = :'w' AND type = 'ROOM');
SELECT row_eq(format($$SELECT e.eligible, e.reason FROM appt.notification n, appt.notification_eligibility(n.id) e
	WHERE n.appointment_id = %L AND n.type = 'ROOM'$$, :'w'),
	ROW(false, 'NOT_ACTIVATED'::text), 'it waits');
SELECT appt.activate_appointment(:'w');
SELECT is(next_attempt_at, due_at, 'activation brings it to the head of the queue') FROM appt.notification
	WHERE appointment_id = :'w' AND type = 'ROOM';
SELECT is_empty('SELECT pg_temp.queue_problems()', 'the queue is whole');

-- Rules and subscriptions that come later are for what is scheduled or rescheduled after them.
SAVEPOINT rules;
SELECT pg_temp.application() AS late \gset
UPDATE appt.rule SET enabled = false WHERE application_id = :'late'
	AND NOT (type = 'REMINDER' AND channel = 'WEBHOOK' AND time_offset = '1 hour');
SELECT (appt.create_subscription(:'late', 'https://hooks.example/early')).id AS early \gset
SELECT pg_temp.schedule(:'late', '2 days') AS l \gset
SELECT (appt.create_subscription(:'late', 'https://hooks.example/new')).id AS new \gset
UPDATE appt.rule SET time_offset = '2 hours' WHERE application_id = :'late' AND enabled;
INSERT INTO appt.rule (application_id, type, channel, time_offset) VALUES (:'late', 'REMINDER', 'EMAIL', '3 hours');
SELECT bag_eq(format('SELECT pg_temp.show(%L)', :'l'), ARRAY['REMINDER WEBHOOK early 01:00:00 1 day 23:00:00'],
	'what was planned stays as it was, and nothing is added');
SELECT ok(e.eligible, 'and goes out when it was to') FROM appt.notification n, appt.notification_eligibility(n.id) e
	WHERE n.appointment_id = :'l';
SELECT appt.reschedule_appointment(:'l', now() + interval '3 days', '30 minutes') \gset
SELECT bag_eq(format('SELECT pg_temp.show(%L)', :'l'), ARRAY['REMINDER WEBHOOK early 01:00:00 1 day 23:00:00 CANCELLED RESCHEDULED',
	'REMINDER WEBHOOK early 02:00:00 2 days 22:00:00', 'REMINDER WEBHOOK new 02:00:00 2 days 22:00:00',
		'REMINDER EMAIL bob 03:00:00 2 days 21:00:00'],
	'rescheduled, all of them count');
ROLLBACK TO rules;

-- Customers who come later.
SELECT pg_temp.last_id() AS before \gset
SELECT appt.add_customer(:'a', pg_temp.customer('eve'));
SELECT bag_eq(format('SELECT pg_temp.show(%L, %s)', :'a', :before), ARRAY['CREATE EMAIL eve', 'CREATE SMS eve',
	'REMINDER EMAIL eve 24:00:00 1 day', 'REMINDER EMAIL eve 01:00:00 1 day 23:00:00', 'UPDATE WEBHOOK one', 'UPDATE WEBHOOK two'],
	'a customer added later gets what is theirs, subscribers an UPDATE');

-- Updates.
SELECT pg_temp.last_id() AS before \gset
SELECT appt.update_appointment(:'a', title => 'Loan');
SELECT bag_eq(format('SELECT pg_temp.show(%L, %s)', :'a', :before), ARRAY['UPDATE WEBHOOK one', 'UPDATE WEBHOOK two'],
	'an update tells subscribers alone');
SELECT pg_temp.last_id() AS before \gset
SELECT appt.reschedule_appointment(:'a', now() + interval '2 days', '30 minutes', locale => 'de');
SELECT bag_eq(format('SELECT pg_temp.show(%L, %s)', :'a', :before), ARRAY['UPDATE WEBHOOK one', 'UPDATE WEBHOOK two'],
	'so does a new locale');
SELECT is_empty(format($$SELECT * FROM pg_temp.show(%L) s WHERE s ~ 'CANCELLED'$$, :'a'), 'which supersedes nothing');

-- Rescheduled.
SELECT pg_temp.schedule(:'app', '2 days', '{bob}') AS b \gset
UPDATE appt.notification SET state = 'SENT', settled_at = now(), next_attempt_at = NULL WHERE appointment_id = :'b'
	AND type = 'CREATE' AND channel = 'SMS';
DELETE FROM appt.due WHERE notification_id = (SELECT id FROM appt.notification WHERE appointment_id = :'b' AND type = 'CREATE'
	AND channel = 'SMS');
UPDATE appt.notification SET state = 'RETRYING', reason = 'WILL_RETRY', attempt_count = 1 WHERE appointment_id = :'b'
	AND type = 'REMINDER' AND channel = 'EMAIL' AND time_offset = '1 hour';
UPDATE appt.notification SET state = 'SENDING', next_attempt_at = NULL WHERE appointment_id = :'b' AND type = 'REMINDER'
	AND channel = 'EMAIL' AND time_offset = '1 day';
SELECT appt.reschedule_appointment(:'b', now() + interval '3 hours', '30 minutes');
SELECT bag_eq(format($$SELECT s FROM pg_temp.show(%L) s WHERE s ~ 'EMAIL|SMS'$$, :'b'), ARRAY['CREATE EMAIL bob', 'CREATE SMS bob SENT',
	'REMINDER EMAIL bob 24:00:00 1 day SENDING', 'REMINDER EMAIL bob 01:00:00 1 day 23:00:00 CANCELLED RESCHEDULED',
	'RESCHEDULE EMAIL bob', 'RESCHEDULE SMS bob', 'REMINDER EMAIL bob 01:00:00 02:00:00'],
	'reminders are planned anew, what waits for a retry is cancelled, CREATE is not');
SELECT bag_eq(format('SELECT type, superseded_by FROM appt.notification WHERE appointment_id = %L AND superseded_by IS NOT NULL', :'b'),
	$$VALUES ('REMINDER'::appt.type_code, 'RESCHEDULED'::appt.reason_code)$$, 'what is being sent is marked');
SELECT appt.reschedule_appointment(:'b', now() + interval '4 hours', '30 minutes');
SELECT bag_eq(format($$SELECT s FROM pg_temp.show(%L) s WHERE s LIKE 'RESCHEDULE EMAIL%%'$$, :'b'),
	ARRAY['RESCHEDULE EMAIL bob CANCELLED RESCHEDULED', 'RESCHEDULE EMAIL bob'], 'an older RESCHEDULE is superseded');
SELECT pg_temp.last_id() AS before \gset
SELECT appt.reschedule_appointment(:'b', now() + interval '4 hours', '30 minutes');
SELECT is(pg_temp.last_id(), (:before)::bigint, 'the same times change nothing');
SELECT appt.reschedule_appointment(:'b', now() + interval '4 hours', '30 minutes', timezone => 'Europe/Athens');
SELECT cmp_ok(pg_temp.last_id(), '>', (:before)::bigint, 'another timezone does');
SELECT is_empty('SELECT pg_temp.queue_problems()', 'the queue is whole');

-- The call starts, and ends.
INSERT INTO appt.rule (application_id, type, channel, time_offset) VALUES (:'app', 'FOLLOW_UP', 'EMAIL', '1 hour');
SELECT pg_temp.schedule(:'app', '2 days', '{bob,eve}') AS c \gset
SELECT pg_temp.last_id() AS before \gset
SELECT appt.record_join(:'c', id) FROM appt.participant WHERE appointment_id = :'c' AND first_name = 'bob';
SELECT bag_eq(format($$SELECT DISTINCT type, state, reason FROM appt.notification WHERE appointment_id = %L$$, :'c'),
	$$VALUES ('CREATE', 'PENDING', NULL), ('UPDATE', 'PENDING', NULL), ('REMINDER', 'CANCELLED', 'CALL_STARTED')$$,
		'the first customer who joins cancels the reminders');
SELECT is(pg_temp.last_id(), (:before)::bigint, 'and plans nothing');
SELECT pg_temp.last_id() AS late \gset
SELECT appt.add_customer(:'c', pg_temp.customer('zoe'));
SELECT bag_eq(format('SELECT pg_temp.show(%L, %s)', :'c', :late),
	ARRAY['CREATE EMAIL zoe', 'CREATE SMS zoe', 'UPDATE WEBHOOK one', 'UPDATE WEBHOOK two'],
	'who is added to a call that is going on is not reminded of it');
SELECT appt.end_appointment(:'c');
SELECT bag_eq(format($$SELECT DISTINCT type, state, reason FROM appt.notification WHERE appointment_id = %L AND id <= %s$$, :'c', :late),
	$$VALUES ('CREATE', 'CANCELLED', 'ENDED'), ('UPDATE', 'PENDING', NULL), ('REMINDER', 'CANCELLED', 'CALL_STARTED')$$,
		'the end cancels what announced it');
SELECT bag_eq(format('SELECT s FROM pg_temp.show(%L, %s) s WHERE s LIKE ''FOLLOW_UP%%''', :'c', :late),
	ARRAY['FOLLOW_UP EMAIL bob 01:00:00 01:00:00', 'FOLLOW_UP WEBHOOK one', 'FOLLOW_UP WEBHOOK two'],
		'and owes a FOLLOW_UP to those who joined');
SELECT pg_temp.schedule(:'app', '2 days') AS d \gset
SELECT appt.end_appointment(:'d');
SELECT is_empty(format($$SELECT * FROM pg_temp.show(%L) s WHERE s LIKE 'FOLLOW_UP%%'$$, :'d'),
	'nobody joined, nobody is followed up, subscribers neither');
SELECT pg_temp.schedule(:'app', '2 days') AS d2 \gset
SELECT appt.record_join(:'d2', 'ann');
SELECT is_empty(format($$SELECT * FROM pg_temp.show(%L) s WHERE s LIKE '%%CALL_STARTED'$$, :'d2'), 'an agent alone starts no call');

-- Cancelled.
SELECT pg_temp.schedule(:'app', '2 days') AS e \gset
SELECT appt.update_appointment(:'e', title => 'Loan');
SELECT pg_temp.last_id() AS before \gset
SELECT appt.cancel_appointment(:'e');
SELECT bag_eq(format($$SELECT DISTINCT state, reason FROM appt.notification WHERE appointment_id = %L AND id <= %s$$, :'e', :before),
	$$VALUES ('CANCELLED', 'APPOINTMENT_CANCELLED')$$, 'cancelling supersedes everything');
SELECT bag_eq(format('SELECT pg_temp.show(%L, %s)', :'e', :before),
	ARRAY['CANCELLED EMAIL bob', 'CANCELLED SMS bob', 'CANCELLED WEBHOOK one', 'CANCELLED WEBHOOK two'], 'and is announced');
SELECT is(count(*), 0::bigint, 'none of what is settled is in the queue') FROM appt.due d
	JOIN appt.notification n ON n.id = d.notification_id WHERE n.appointment_id = :'e' AND n.id <= :before;

-- Removed participants.
SELECT pg_temp.schedule(:'app', '2 days', '{bob,eve}') AS f \gset
SELECT id AS eve FROM appt.participant WHERE appointment_id = :'f' AND first_name = 'eve' \gset
SELECT pg_temp.last_id() AS before \gset
SELECT appt.remove_participant(:'f', :'eve');
SELECT bag_eq(format($$SELECT DISTINCT state, reason FROM appt.notification WHERE appointment_id = %L AND recipient_id = %L
	AND id <= %s$$, :'f', :'eve', :before),
	$$VALUES ('CANCELLED', 'PARTICIPANT_REMOVED')$$, 'what was theirs is cancelled');
SELECT bag_eq(format('SELECT type, channel, recipient_id = %L AS theirs FROM appt.notification WHERE appointment_id = %L AND id > '
	'%s', :'eve', :'f', :before),
	$$VALUES ('CANCELLED', 'EMAIL', true), ('CANCELLED', 'SMS', true), ('UPDATE', 'WEBHOOK', false), ('UPDATE', 'WEBHOOK', false)$$,
	'they are told by email and sms, subscribers of an UPDATE');
INSERT INTO appt.participant (application_id, appointment_id, id, type) VALUES (:'app', :'f', 'zed', 'AGENT');
SELECT pg_temp.last_id() AS agent \gset
SELECT appt.remove_participant(:'f', 'zed') \gset
SELECT bag_eq(format('SELECT pg_temp.show(%L, %s)', :'f', :agent), ARRAY['UPDATE WEBHOOK one', 'UPDATE WEBHOOK two'],
	'an agent who is removed is told nothing, subscribers are');
DELETE FROM appt.due WHERE notification_id > :agent;
DELETE FROM appt.notification WHERE id > :agent;
SELECT is(count(*), 4::bigint, 'the other customer''s stay') FROM appt.notification n
	JOIN appt.participant p ON p.appointment_id = n.appointment_id AND p.id = n.recipient_id
 WHERE n.appointment_id = :'f' AND n.state = 'PENDING';
SELECT row_eq(format($$SELECT (c)[1], (c)[2], (c)[4] LIKE 'Hello eve%%' FROM appt.notification n,
	LATERAL (SELECT appt_test.composed(n.id) c OFFSET 0) m
	WHERE n.appointment_id = %L AND n.type = 'CANCELLED' AND n.channel = 'EMAIL'$$, :'f'),
	ROW('eve@example.com'::text, 'eve'::text, true), 'the message knows who it was');
UPDATE appt.rule SET even_if_never_told = true WHERE application_id = :'app' AND type = 'CANCELLED';
SELECT is(count(*), 2::bigint, 'and its sms can be judged, too') FROM appt.notification n, appt.notification_eligibility(n.id) e
 WHERE n.appointment_id = :'f' AND n.type = 'CANCELLED' AND e.reason = 'NO_PROVIDER';
UPDATE appt.rule SET even_if_never_told = false WHERE application_id = :'app' AND type = 'CANCELLED';

-- Deleted.
SELECT pg_temp.schedule(:'app', '2 days', '{bob}') AS g \gset
SELECT appt.update_appointment(:'g', title => 'Loan', metadata => '{"crm": 7}');
UPDATE appt.notification SET state = 'SENDING', next_attempt_at = NULL WHERE appointment_id = :'g' AND type = 'CREATE'
	AND channel = 'EMAIL';
SELECT pg_temp.last_id() AS before \gset
SELECT appt.delete_appointment(:'g');
SELECT is(count(*), 0::bigint, 'the row is gone') FROM appt.appointment WHERE id = :'g';
SELECT bag_eq(format($$SELECT DISTINCT state, reason, superseded_by FROM appt.notification WHERE appointment_id = %L AND id <= %s$$,
	:'g', :before),
	$$VALUES ('CANCELLED', 'APPOINTMENT_DELETED', NULL), ('SENDING', NULL, 'APPOINTMENT_DELETED')$$, 'deleting supersedes everything');
SELECT bag_eq(format('SELECT type, channel, state FROM appt.notification WHERE appointment_id = %L AND id > %s', :'g', :before),
	$$VALUES ('CANCELLED', 'EMAIL', 'PENDING'), ('CANCELLED', 'SMS', 'PENDING'), ('CANCELLED', 'WEBHOOK', 'PENDING'),
		('CANCELLED', 'WEBHOOK', 'PENDING')$$, 'and is announced');
SELECT row_eq(format($$SELECT (c)[1], (c)[2], (c)[3] LIKE '%%Loan%%' FROM appt.notification n,
	LATERAL (SELECT appt_test.composed(n.id) c OFFSET 0) m
	WHERE n.appointment_id = %L AND n.type = 'CANCELLED' AND n.channel = 'EMAIL'$$, :'g'),
	ROW('bob@example.com'::text, 'bob'::text, true), 'the message is composed from what was kept');
SELECT row_eq(format($$SELECT p->>'id' = %L, p->>'state', p->>'title', p->'metadata'->>'crm', p->'organizer'->>'id',
	jsonb_array_length(p->'participantIds'), p->'roomAccess'->>'type'
	FROM appt.notification n, LATERAL (SELECT ((appt_test.composed(n.id))[4]::jsonb->>'payload')::jsonb p OFFSET 0) m
	WHERE n.appointment_id = %L AND n.type = 'CANCELLED' AND n.subscription_id = %L$$, :'g', :'g', :'one'),
	ROW(true, 'CANCELLED'::text, 'Loan'::text, '7'::text, 'ann'::text, 2, 'MULTI_USE_TICKET'::text), 'so is the webhook');
SELECT is_empty('SELECT pg_temp.queue_problems()', 'the queue is whole');

-- No text of a deleted appointment stays readable once all its messages are settled.
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, subject, text_body, html_body)
SELECT application_id, id, 1, now(), 'Loan', 'text', 'html' FROM appt.notification WHERE appointment_id = :'g';
CREATE TEMP VIEW readable AS
SELECT n.appointment_id, count(context) AS contexts, count(t.subject) + count(t.text_body) + count(t.html_body) AS texts
  FROM appt.notification n LEFT JOIN appt.attempt t ON t.notification_id = n.id GROUP BY 1;
UPDATE appt.notification SET state = 'SENT', settled_at = now(), next_attempt_at = NULL WHERE appointment_id = :'g'
	AND state = 'PENDING' AND channel = 'WEBHOOK';
SELECT appt_test.blank_deleted();
SELECT cmp_ok(contexts, '>', 0::bigint, 'while something is owed, it stays') FROM readable WHERE appointment_id = :'g';
UPDATE appt.notification SET state = 'SENT', settled_at = now(), next_attempt_at = NULL WHERE appointment_id = :'g'
	AND state IN ('PENDING', 'SENDING');
SELECT appt_test.blank_deleted();
SELECT row_eq(format('SELECT contexts, texts FROM readable WHERE appointment_id = %L', :'g'), ROW(0::bigint, 0::bigint),
	'then it is blanked, earlier attempts too');
SELECT cmp_ok(count(*), '>', 5::bigint, 'the log itself stays') FROM appt.notification WHERE appointment_id = :'g'
	AND organizer_id = 'ann' AND address IS NOT NULL;
DELETE FROM appt.due WHERE notification_id IN (SELECT id FROM appt.notification WHERE appointment_id = :'g');

SELECT pg_temp.schedule(:'app', '2 days') AS h \gset
SELECT appt.cancel_appointment(:'h');
SELECT pg_temp.last_id() AS before \gset
SELECT appt.delete_appointment(:'h');
SELECT is(pg_temp.last_id(), (:before)::bigint, 'deleting what was cancelled plans nothing');
SELECT is(count(*), 4::bigint, 'its pending CANCELLED messages still go out, with what they need') FROM appt.notification
 WHERE appointment_id = :'h' AND type = 'CANCELLED' AND state = 'PENDING' AND context->'appointment'->>'state' = 'CANCELLED';
SELECT appt.delete_appointment(:'c');
SELECT bag_eq(format($$SELECT type, state, reason, count(*) FROM appt.notification WHERE appointment_id = %L
	AND type IN ('FOLLOW_UP', 'CANCELLED') GROUP BY 1, 2, 3$$, :'c'),
	$$VALUES ('FOLLOW_UP', 'CANCELLED', 'APPOINTMENT_DELETED', 3::bigint)$$,
		'deleting what has ended cancels its FOLLOW_UP and announces nothing');
SELECT pg_temp.schedule(:'app', '2 days') AS i \gset
UPDATE appt.appointment SET start_at = now() - interval '2 hours', end_at = now() WHERE id = :'i';
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, text_body) SELECT application_id, id, 1,
	now(), 'text' FROM appt.notification WHERE appointment_id = :'i';
SELECT appt.delete_appointment(:'i');
SELECT is(count(*), 0::bigint, 'deleting what is over announces nothing') FROM appt.notification WHERE appointment_id = :'i'
	AND type = 'CANCELLED';
SELECT row_eq(format('SELECT contexts, texts FROM readable WHERE appointment_id = %L', :'i'), ROW(0::bigint, 0::bigint),
	'and blanks at once, as nothing is owed');
SELECT is_empty('SELECT pg_temp.queue_problems()', 'the queue is whole');

-- Without an appointment.
SELECT appt.set_provider(:'off', 'EMAIL', 'SMTP', 'smtp://mail.example', sender => 'us@example.com') \gset
SELECT appt_test.plan_to_address(:'off', 'CODE', 'EMAIL', 'me@example.com', '{"purpose": "CUSTOMER"}') AS code \gset
SELECT is(concat_ws(' ', type, channel, recipient_kind, recipient_id, address, state, due_at - now(), next_attempt_at = due_at,
		lane = appt.lane(application_id, 'EMAIL', NULL), appointment_id) COLLATE "default",
	'CODE EMAIL ADDRESS me@example.com me@example.com PENDING 00:00:00 t t', 'a code is owed to a bare address')
  FROM appt.notification WHERE id = :code;
SELECT row_eq(format('SELECT eligible, reason FROM appt.notification_eligibility(%s)', :code), ROW(true, NULL::text),
	'neither switch stops it');
SELECT row_eq(format('SELECT eligible, reason FROM appt.notification_eligibility(%s, now() + interval ''121 seconds'')', :code),
	ROW(false, 'WINDOW_PASSED'::text), 'for two minutes');
SELECT is_empty('SELECT pg_temp.queue_problems()', 'the queue is whole');

SELECT * FROM finish();
ROLLBACK;
