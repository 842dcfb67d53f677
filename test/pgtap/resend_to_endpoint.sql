-- What an endpoint can be sent again, and what is told instead.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('org') AS org, appt.create_organization('other') AS other_org \gset
SELECT appt.create_application(:'org', 'app') AS app \gset
SELECT id AS one FROM appt.create_subscription(:'app', 'https://hooks.example/one') \gset
SELECT id AS two FROM appt.create_subscription(:'app', 'https://hooks.example/two') \gset
SELECT set_config('test.one', :'one', true) AS ignored \gset
DELETE FROM appt.rule WHERE channel <> 'WEBHOOK';

CREATE FUNCTION pg_temp.hook(appointment uuid, kind text) RETURNS bigint LANGUAGE sql AS $$
	SELECT id FROM appt.notification WHERE appointment_id = appointment AND type = kind
	   AND subscription_id = current_setting('test.one')::uuid AND resent_from IS NULL ORDER BY id LIMIT 1$$;
CREATE FUNCTION pg_temp.settle(id bigint, state text, reason text) RETURNS bigint LANGUAGE sql AS $$
	DELETE FROM appt.due WHERE notification_id = $1;
	UPDATE appt.notification SET state = $2, reason = $3, settled_at = now(), next_attempt_at = NULL WHERE id = $1 RETURNING id$$;
CREATE FUNCTION pg_temp.schedule() RETURNS uuid LANGUAGE sql AS $$
	SELECT (appt.schedule_appointment(id, now() + interval '3 days', '30 minutes', organizer_id => 'ann')).id
	  FROM appt.application WHERE name = 'app'$$;
-- Due a minute after each other, from an hour ago on, so that the range chooses.
SELECT array_agg(pg_temp.schedule()) AS made FROM generate_series(1, 8) \gset
UPDATE appt.notification n SET due_at = now() - interval '1 hour' + interval '1 minute' * (m.place - 1)
  FROM unnest(:'made'::uuid[]) WITH ORDINALITY m (appointment, place) WHERE n.appointment_id = m.appointment AND n.type = 'CREATE';
CREATE TEMP TABLE lost AS SELECT m.place, pg_temp.hook(m.appointment, 'CREATE') AS id, m.appointment
  FROM unnest(:'made'::uuid[]) WITH ORDINALITY m (appointment, place);
SELECT pg_temp.settle(l.id, s.state, s.reason) FROM lost l JOIN (VALUES (1, 'SENT', NULL), (2, 'FAILED', 'REJECTED'),
	(3, 'MISSED', 'WINDOW_PASSED'), (4, 'SUPPRESSED', 'SUBSCRIPTION_OFF'), (5, 'SKIPPED', 'TOO_LARGE'), (6, 'CANCELLED', 'ENDED'))
	s (place, state, reason) USING (place) \g /dev/null
-- 7 is PENDING; of 8 nothing is left.
SELECT pg_temp.settle(id, 'SENT', NULL) FROM lost WHERE place = 8 \g /dev/null
SELECT appt.delete_appointment(appointment) FROM lost WHERE place = 8 \g /dev/null
UPDATE appt.notification SET context = NULL WHERE id = (SELECT id FROM lost WHERE place = 8);

CREATE FUNCTION pg_temp.told(arguments text DEFAULT '') RETURNS TABLE (place bigint, resent boolean, explanation text)
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT l.place, r.resent, regexp_replace(r.explanation, ''\m'' || l.id || ''\M'', ''ID'')
		FROM appt.resend_notifications(%L, now() - interval ''1 hour''%s) r LEFT JOIN lost l ON l.id = r.notification_id',
		current_setting('test.one'), arguments);
END$$;
-- What a call would tell, undone.
CREATE FUNCTION pg_temp.would(arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	places text;
BEGIN
	SELECT string_agg(t.place::text, ',' ORDER BY t.place) INTO places FROM pg_temp.told(arguments) t WHERE resent;
	RAISE SQLSTATE 'ZZ999' USING MESSAGE = coalesce(places, '');
EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
	RETURN SQLERRM;
END $$;

-- The filters.
SELECT is(pg_temp.would(arguments), expected, arguments) FROM (VALUES
	('', '1,2,3,4,5'),
	(', failed_only => true', '2'),
	(', until => now() - interval ''58 minutes''', '1,2'),
	(', until => now() + interval ''30 days''', '1,2,3,4,5'),
	(', types => ''{CREATE}''', '1,2,3,4,5'),
	(', types => ''{UPDATE,REMINDER}''', ''),
	(', types => ''{}''', ''),
	(', max => 3', '1,2,3'),
	(', max => 1, failed_only => true', '2')) f (arguments, expected);
SELECT is(count(*), 0::bigint, 'nothing from before')
  FROM appt.resend_notifications(:'one', now() - interval '2 hours', now() - interval '1 hour');
SELECT throws_ok('SELECT appt.resend_notifications(' || replace(arguments, 'SUB', quote_literal(:'one')) || ')', state, NULL, arguments)
  FROM (VALUES ('NULL, now()', '22023'), ('SUB, NULL', '22023'), ('SUB', '22023'), ('gen_random_uuid(), now()', 'PT404'),
	('SUB, now(), max => 0', '22023'), ('SUB, now(), max => 10001', '22023'), ('SUB, now(), max => NULL', '22023'),
	('SUB, now(), failed_only => NULL', '22023'), ('SUB, now(), types => ''{PIGEON}''', '22023'),
	('SUB, now(), types => ''{NULL}''', '22023')) r (arguments, state);

-- The rows, and what is planned.
SELECT max(id) AS before FROM appt.notification \gset
SELECT results_eq('SELECT * FROM pg_temp.told() WHERE place IS NOT NULL ORDER BY place', $$VALUES
	(1::bigint, true, NULL), (2, true, NULL), (3, true, NULL), (4, true, NULL), (5, true, NULL),
	(6, false, 'Notification ID was not to be sent: The appointment ended before it was sent. (ENDED)'),
	(7, false, 'Notification ID is PENDING: it is still to be sent.'),
	(8, false, 'The appointment of notification ID was deleted, and with it what the message says.')$$,
	'a row for each, with the explanation');
SELECT is((SELECT array_agg(l.place ORDER BY n.id) FROM appt.notification n JOIN lost l ON l.id = n.resent_from WHERE n.id > :before),
	'{1,2,3,4,5}', 'those that were due first come first');
SELECT is_empty(format($$SELECT n.id FROM appt.notification n JOIN appt.notification o ON o.id = n.resent_from
	LEFT JOIN appt.due d ON d.notification_id = n.id AND d.lane = n.lane AND d.due_at = n.next_attempt_at
	WHERE n.id > %s AND (d.notification_id IS NULL OR n.uid <> o.uid OR NOT n.manual OR n.state <> 'PENDING' OR n.type <> o.type
		OR n.subscription_id <> o.subscription_id OR n.rule_id IS DISTINCT FROM o.rule_id OR n.attempt_count <> 0)$$, :before),
	'each in the queue, with the old uid');
SELECT is(string_agg(state, ',' ORDER BY place), 'SENT,FAILED,MISSED,SUPPRESSED,SKIPPED,CANCELLED,PENDING,SENT',
	'the old ones stay as they are') FROM lost JOIN appt.notification USING (id);
SELECT is(count(*), 0::bigint, 'the other endpoint gets nothing') FROM appt.notification WHERE id > :before AND subscription_id = :'two';

-- Once more: not while the copies are under way, then the same ones, and never the copies.
SELECT is(string_agg(DISTINCT regexp_replace(explanation, '\d+', 'N'), ' '), 'Notification N, which sends it again, is still to be sent.',
	'copies under way') FROM pg_temp.told() WHERE place <= 5;
SELECT pg_temp.settle(id, 'FAILED', 'REJECTED') FROM appt.notification WHERE id > :before \g /dev/null
SELECT is(pg_temp.would(', failed_only => true'), '2', 'of what failed the copy failed, too');
SELECT pg_temp.settle(id, 'SENT', NULL) FROM appt.notification WHERE id > :before \g /dev/null
SELECT is(pg_temp.would(', failed_only => true'), '', 'now the copy has arrived');
SELECT is(pg_temp.would(''), '1,2,3,4,5', 'a second time the same ones');
DELETE FROM appt.notification WHERE id = (SELECT id FROM lost WHERE place = 1);
SELECT is(count(*) FILTER (WHERE resent AND place IS NULL), 1::bigint, 'a copy whose original has left the log stands for it')
  FROM pg_temp.told();

-- An appointment that is over, and switches.
SELECT pg_temp.schedule() AS over \gset
SELECT pg_temp.settle(pg_temp.hook(:'over', 'CREATE'), 'SENT', NULL) AS over_id \gset
SELECT appt.cancel_appointment(:'over') \g /dev/null
SELECT throws_ok(format('SELECT appt.resend_notification(%s)', :over_id), 'PT409', NULL, 'resend_notification refuses what is over');
SELECT row_eq(format('SELECT resent, explanation FROM appt.resend_notifications(%L, now(), types => ''{CREATE}'')
	WHERE notification_id = %s',
	:'one', :over_id), ROW(true, NULL::text), 'an endpoint gets it again');
SELECT id AS copy FROM appt.notification WHERE resent_from = :over_id \gset
SELECT is(eligible, true, 'and the worker sends it') FROM appt.notification_eligibility(:copy, now() + interval '1 second');
SELECT is(((appt_test.composed(:copy))[4]::jsonb->>'payload')::jsonb->>'state', 'CANCELLED', 'as it is now');
SELECT is((appt_test.composed(:copy))[4]::jsonb->>'id', uid::text, 'under the old id') FROM appt.notification WHERE id = :over_id;
SELECT pg_temp.settle(:copy, 'SENT', NULL) \g /dev/null
UPDATE appt.subscription SET types = '{UPDATE}' WHERE id = :'one';
SELECT alike(explanation, '%(SUBSCRIPTION_OFF)', 'a type that the endpoint does not name any more')
  FROM appt.resend_notifications(:'one', now(), types => '{CREATE}') WHERE notification_id = :over_id;
UPDATE appt.subscription SET types = NULL WHERE id = :'one';
SELECT appt.set_notifications_enabled(:'org', false);
SELECT alike(explanation, '%(GLOBAL_OFF)', 'while notifications are off')
  FROM appt.resend_notifications(:'one', now(), types => '{CREATE}') WHERE notification_id = :over_id;
SELECT appt.set_notifications_enabled(:'org', true);

-- An event that users are told of, and a message to the endpoint by its name, have no appointment.
UPDATE appt.subscription SET types = '{MENTION}' WHERE id = :'one';
SELECT appt_test.plan_user_event(:'app', 'MENTION', '{nobody}', payload => '{"by": "Zoe"}') AS event \gset
SELECT id AS mention FROM appt.notification WHERE user_event_id = :event \gset
SELECT pg_temp.settle(:mention, 'SENT', NULL) \g /dev/null
SELECT count(*) AS ignored FROM appt.resend_notifications(:'one', now(), types => '{MENTION}') \gset
SELECT id AS mention_again FROM appt.notification WHERE resent_from = :mention \gset
SELECT is(((appt_test.composed(:mention_again))[4]::jsonb->>'payload')::jsonb->'payload', '{"by": "Zoe"}', 'it tells of the same event');
SELECT (appt.send_message(:'app', 'WEBHOOK', :'one', data => '{"order": 4711}')).id AS named \gset
SELECT pg_temp.settle(:named, 'FAILED', 'REJECTED') \g /dev/null
SELECT count(*) AS ignored FROM appt.resend_notifications(:'one', now(), types => '{MESSAGE}', failed_only => true) \gset
SELECT is(((appt_test.composed(id))[4]::jsonb->>'payload')::jsonb, '{"order": 4711}', 'and the same message goes to it')
  FROM appt.notification WHERE resent_from = :named;
UPDATE appt.subscription SET types = NULL WHERE id = :'one';

-- Whose: function_access.sql has all.
CREATE FUNCTION pg_temp.become(role text, claims json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('request.jwt.claims', claims::text, true), set_config('role', role, true);
END $$;
SELECT pg_temp.become('appt_admin', json_build_object('sub', 'ada', 'organization_id', :'other_org'));
SELECT throws_ok(format('SELECT appt.resend_notifications(%L, now())', :'one'), 'PT404', 'subscription not found',
	'of another organization');
RESET ROLE;
SELECT pg_temp.become('appt_admin', json_build_object('sub', 'ada', 'organization_id', :'org'));
SELECT ok(bool_or(resent), 'an admin of this one') FROM appt.resend_notifications(:'one', now());
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
