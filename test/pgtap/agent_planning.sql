-- What agents with a profile are told of their appointments: when, over which channels, and what cancels it.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_application(appt.create_organization('org'), 'app') AS app \gset
INSERT INTO appt.user_profile (application_id, id, name, email, backup_phone, channels) VALUES
	(:'app', 'ann', 'Ann', 'ann@example.com', '+306900000001', '{EMAIL,IN_APP}'),
	(:'app', 'ben', 'Ben', 'ben@example.com', '+306900000002', '{SMS}'),
	(:'app', 'cid', 'Cid', 'cid@example.com', NULL, '{}');
-- "TYPE CHANNEL whom offset due state reason" to users, due relative to now, in the order of planning
CREATE FUNCTION pg_temp.show(appointment uuid, since bigint DEFAULT 0) RETURNS SETOF text LANGUAGE sql VOLATILE AS $$
SELECT concat_ws(' ', n.type, n.channel, n.recipient_id, nullif(n.time_offset, '0')::text, nullif(n.due_at - now(), '0')::text,
		nullif(n.state, 'PENDING'), n.reason)
  FROM appt.notification n
 WHERE n.appointment_id = appointment AND n.id > since AND n.recipient_kind = 'USER' ORDER BY 1 $$;
CREATE FUNCTION pg_temp.schedule(app uuid, ahead interval, organizer text DEFAULT 'ann') RETURNS uuid LANGUAGE sql AS $$
SELECT (appt.schedule_appointment(app, now() + ahead, '30 minutes', organizer_id => organizer)).id $$;
CREATE FUNCTION pg_temp.last_id() RETURNS bigint LANGUAGE sql AS $$SELECT coalesce(max(id), 0) FROM appt.notification$$;
CREATE FUNCTION pg_temp.prefer(app uuid, user_id text, type text, enabled boolean, channel text DEFAULT NULL,
	time_offset interval DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
INSERT INTO appt.user_preference (application_id, user_id, type, enabled, channel, time_offset) VALUES ($1, $2, $3, $4, $5, $6) $$;

-- Scheduled.
SELECT pg_temp.schedule(:'app', '2 days') AS a \gset
SELECT bag_eq(format('SELECT pg_temp.show(%L)', :'a'), ARRAY[
	'APPOINTMENT_ASSIGNED EMAIL ann', 'APPOINTMENT_ASSIGNED IN_APP ann',
	'APPOINTMENT_REMINDER EMAIL ann 00:15:00 1 day 23:45:00', 'APPOINTMENT_REMINDER IN_APP ann 00:15:00 1 day 23:45:00'],
	'by default an agent is told that it was assigned, and reminded 15 minutes before, over its channels');
SELECT bag_eq(format($$SELECT DISTINCT concat_ws(' ', address, organizer_id, start_at - now(), notifications_active, rule_id,
	user_event_id) FROM appt.notification WHERE appointment_id = %L AND recipient_kind = 'USER'$$, :'a'),
	ARRAY['ann@example.com ann 2 days t', 'ann ann 2 days t'], 'with what the log needs copied onto each row');
SELECT is_empty(format('SELECT pg_temp.show(%L)', pg_temp.schedule(:'app', '2 days', 'zoe')), 'an agent without a profile is told nothing');
SELECT is_empty(format('SELECT pg_temp.show(%L)', pg_temp.schedule(:'app', '2 days', 'cid')),
	'nor is one who has switched off all channels');
SELECT bag_eq(format('SELECT pg_temp.show(%L)', pg_temp.schedule(:'app', '10 minutes')),
	ARRAY['APPOINTMENT_ASSIGNED EMAIL ann', 'APPOINTMENT_ASSIGNED IN_APP ann'], 'a reminder that is past is not planned');

-- Preferences: the most specific row wins.
SAVEPOINT preferences;
SELECT pg_temp.prefer(:'app', 'ann', 'APPOINTMENT_CREATED', true), pg_temp.prefer(:'app', 'ann', 'APPOINTMENT_ASSIGNED', false),
	pg_temp.prefer(:'app', 'ann', 'APPOINTMENT_REMINDER', true, time_offset => '1 day'),
	pg_temp.prefer(:'app', 'ann', 'APPOINTMENT_REMINDER', false, 'IN_APP', '1 day'),
	pg_temp.prefer(:'app', 'ann', 'APPOINTMENT_REMINDER', false, 'EMAIL'),
	pg_temp.prefer(:'app', 'ann', 'APPOINTMENT_REMINDER', true, 'EMAIL', '1 minute') \gset
SELECT bag_eq(format('SELECT pg_temp.show(%L)', pg_temp.schedule(:'app', '2 days')), ARRAY[
	'APPOINTMENT_CREATED EMAIL ann', 'APPOINTMENT_CREATED IN_APP ann',
	'APPOINTMENT_REMINDER EMAIL ann 24:00:00 1 day', 'APPOINTMENT_REMINDER IN_APP ann 00:15:00 1 day 23:45:00',
	'APPOINTMENT_REMINDER EMAIL ann 00:01:00 1 day 23:59:00'],
	'a row with offset and channel, then with an offset, a channel, neither; then the default');
ROLLBACK TO preferences;

-- The actor is not told what it did itself.
SELECT set_config('request.jwt.claims', json_build_object('sub', 'ann', 'application_id', :'app')::text, true) \gset
SET LOCAL SESSION AUTHORIZATION appt_authenticator;
SET LOCAL ROLE appt_agent;
SELECT (appt.schedule_appointment(:'app', now() + interval '3 days', '30 minutes')).id AS own \gset
RESET ROLE;
RESET SESSION AUTHORIZATION;
SELECT bag_eq(format('SELECT pg_temp.show(%L)', :'own'), ARRAY[
	'APPOINTMENT_REMINDER EMAIL ann 00:15:00 2 days 23:45:00', 'APPOINTMENT_REMINDER IN_APP ann 00:15:00 2 days 23:45:00'],
	'who schedules for itself is not told that it was assigned');

-- An agent more, and one less.
SELECT pg_temp.last_id() AS since \gset
SELECT appt.add_agent(:'a', 'ben') \gset
SELECT bag_eq(format('SELECT pg_temp.show(%L, %s)', :'a', :since), ARRAY[
	'APPOINTMENT_ASSIGNED SMS ben', 'APPOINTMENT_REMINDER SMS ben 00:15:00 1 day 23:45:00'],
	'an agent who is added is told and reminded, and nobody else again');
SELECT appt.remove_participant(:'a', 'ben') \gset
SELECT bag_eq(format('SELECT pg_temp.show(%L, %s)', :'a', :since), ARRAY[
	'APPOINTMENT_ASSIGNED SMS ben CANCELLED PARTICIPANT_REMOVED',
	'APPOINTMENT_REMINDER SMS ben 00:15:00 1 day 23:45:00 CANCELLED PARTICIPANT_REMOVED'],
	'what is pending to an agent who leaves is cancelled');
SELECT is((SELECT count(*) FROM pg_temp.show(:'a') WHERE show NOT LIKE '%CANCELLED%'), 4::bigint, 'and nothing of the others');

-- Moved.
SELECT pg_temp.last_id() AS since \gset
SELECT appt.reschedule_appointment(:'a', now() + interval '4 days', '30 minutes') \gset
SELECT bag_eq(format('SELECT pg_temp.show(%L, %s)', :'a', :since), ARRAY[
	'APPOINTMENT_REMINDER EMAIL ann 00:15:00 3 days 23:45:00', 'APPOINTMENT_REMINDER IN_APP ann 00:15:00 3 days 23:45:00'],
	'a move plans the reminders anew');
SELECT is((SELECT count(*) FROM appt.notification WHERE appointment_id = :'a' AND type = 'APPOINTMENT_REMINDER'
	AND recipient_id = 'ann' AND state = 'CANCELLED' AND reason = 'RESCHEDULED'), 2::bigint, 'and cancels the old ones');

-- Handed over.
SELECT pg_temp.last_id() AS since \gset
SELECT appt.reassign_appointment(:'a', 'ben') \gset
SELECT bag_eq(format('SELECT pg_temp.show(%L, %s)', :'a', :since), ARRAY[
	'APPOINTMENT_ASSIGNED SMS ben', 'APPOINTMENT_REMINDER SMS ben 00:15:00 3 days 23:45:00'], 'the new organizer is told and reminded');
SELECT is_empty(format($$SELECT id FROM appt.notification WHERE appointment_id = %L AND recipient_id = 'ann' AND state = 'PENDING'$$, :'a'),
	'and nothing is left of what was pending to the old one');

-- The end.
SELECT pg_temp.schedule(:'app', '2 days') AS b \gset
SELECT appt.cancel_appointment(:'b') \gset
SELECT is((SELECT array_agg(DISTINCT state || ' ' || reason) FROM appt.notification WHERE appointment_id = :'b' AND recipient_kind = 'USER'),
	'{CANCELLED APPOINTMENT_CANCELLED}', 'a cancelled appointment reminds nobody');
SELECT pg_temp.schedule(:'app', '2 days') AS c \gset
SELECT appt.delete_appointment(:'c') \gset
SELECT is((SELECT array_agg(DISTINCT state || ' ' || reason) FROM appt.notification WHERE appointment_id = :'c' AND recipient_kind = 'USER'),
	'{CANCELLED APPOINTMENT_DELETED}', 'nor does a deleted one');

-- The appointment's switch.
SELECT organization_id AS org FROM appt.application WHERE id = :'app' \gset
SELECT appt.set_notifications_enabled(:'org', false) \gset
SELECT pg_temp.schedule(:'app', '2 days') AS off \gset
SELECT is((SELECT bool_or(notifications_active) FROM appt.notification WHERE appointment_id = :'off' AND recipient_kind = 'USER'), false,
	'the switch of the appointment holds for its agents, too');
SELECT appt.set_notifications_enabled(:'org', true) \gset

-- Webhooks: only to endpoints that name the type.
SELECT (appt.create_subscription(:'app', 'https://hooks.example/all')).id AS plain \gset
SELECT (appt.create_subscription(:'app', 'https://hooks.example/some')).id AS choosy \gset
UPDATE appt.subscription SET types = '{APPOINTMENT_REMINDER,APPOINTMENT_ASSIGNED,CREATE}' WHERE id = :'choosy';
SELECT pg_temp.schedule(:'app', '2 days') AS d \gset
SELECT bag_eq(format($$SELECT concat_ws(' ', type, split_part(address, '/', 4), nullif(time_offset, '0')) FROM appt.notification
	WHERE appointment_id = %L AND channel = 'WEBHOOK'$$, :'d'), ARRAY['CREATE all', 'REMINDER all 24:00:00', 'REMINDER all 01:00:00',
	'CREATE some', 'APPOINTMENT_ASSIGNED some', 'APPOINTMENT_REMINDER some 00:15:00'],
	'an endpoint without types gets those with rules; one with types gets exactly these, at the offsets that are on by default');

-- The queue holds exactly what waits.
SELECT is_empty($$SELECT coalesce(n.id, d.notification_id)
  FROM (SELECT * FROM appt.notification WHERE state IN ('PENDING', 'RETRYING')) n
	FULL JOIN appt.due d ON d.notification_id = n.id AND d.lane = n.lane AND d.due_at = n.next_attempt_at
 WHERE n.id IS NULL OR d.notification_id IS NULL$$, 'all of it is in the queue');

SELECT * FROM finish();
ROLLBACK;
