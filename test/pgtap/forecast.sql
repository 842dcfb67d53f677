-- forecast: what would go to whom when, by the decision of the worker, also after changes that are not committed.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('org') AS org \gset
SELECT appt.create_application(:'org', 'app', room_url => 'https://meet.example/') AS app,
	appt.create_application(:'org', 'other', auto_activate => false) AS other \gset
SELECT (appt.create_subscription(:'app', 'https://hooks.example/one?key=secret')).id AS hook \gset
SELECT appt.set_provider(:'app', 'EMAIL', 'SMTP', 'smtp://mail.example', sender => 'us@example.com') \g /dev/null
CREATE FUNCTION pg_temp.schedule(application uuid, ahead interval) RETURNS uuid LANGUAGE sql AS $$
	SELECT (appt.schedule_appointment(application, now() + ahead, '30 minutes', organizer_id => 'ann', title => 'Loan', customer =>
		'{"name": {"firstName": "Bob"}, "contact": {"primaryEmail": "bob@example.com", "primaryPhone": "+306900000000"}}')).id$$;
SELECT pg_temp.schedule(:'app', '2 days') AS a \gset
SELECT id AS bob FROM appt.participant WHERE appointment_id = :'a' AND type = 'CUSTOMER' \gset

-- What waits, each at its time.
PREPARE forecast AS
SELECT (due_at - now())::text, type, channel, address, verdict, reason, judged_at = due_at FROM appt.forecast(:'app', now() + '25 hours');
SELECT bag_eq('forecast', $$VALUES
	('00:00:00', 'CREATE', 'EMAIL', 'bob@example.com', 'SEND', NULL, true),
	('00:00:00', 'CREATE', 'SMS', '+306900000000', 'SKIPPED', 'NO_PROVIDER', true),
	('00:00:00', 'CREATE', 'WEBHOOK', 'https://hooks.example/one?********', 'SEND', NULL, true),
	('1 day', 'REMINDER', 'EMAIL', 'bob@example.com', 'SEND', NULL, true),
	('1 day', 'REMINDER', 'WEBHOOK', 'https://hooks.example/one?********', 'SEND', NULL, true)$$, 'what would go to whom when');
SELECT is(count(*), 7::bigint, 'without an end, all that waits') FROM appt.forecast(:'app');
SELECT is(count(*), 0::bigint, 'of other applications nothing') FROM appt.forecast(:'other');
SELECT results_eq(format('SELECT due_at, notification_id FROM appt.forecast(%L)', :'app'),
	format('SELECT due_at, id FROM appt.notification WHERE application_id = %L ORDER BY due_at, id', :'app'),
		'in the order in which they are due');
SELECT is_empty(format($$SELECT f.* FROM appt.forecast(%L) f, appt.notification n, appt.notification_eligibility(n.id) e
	WHERE n.id = f.notification_id AND (f.appointment_id, f.recipient_kind, f.recipient_id, f.verdict = 'SEND', f.reason)
		IS DISTINCT FROM (n.appointment_id, n.recipient_kind::text, n.recipient_id, e.eligible, e.reason)$$, :'app'),
	'notification_eligibility agrees');
SELECT is(f.explanation, r.explanation, 'with a sentence') FROM appt.forecast(:'app') f JOIN appt.reason r USING (reason)
	WHERE channel = 'SMS';
SELECT is(count(*), 3::bigint, 'at most so many') FROM appt.forecast(:'app', max => 3);

-- The clock is an argument.
SELECT results_eq(format($$SELECT DISTINCT type, verdict, reason, judged_at - now() FROM appt.forecast(%L, now() + '26 hours',
	now() + '25 hours')
	WHERE channel = 'EMAIL' ORDER BY 1$$, :'app'),
	$$VALUES ('CREATE', 'SEND', NULL, interval '25 hours'), ('REMINDER', 'MISSED', 'WINDOW_PASSED', '25 hours')$$,
	'a day later the confirmation still goes, and the reminder is missed');

-- What if? Whatever the transaction has changed counts.
CREATE FUNCTION pg_temp.what_if(change text, type text, channel text DEFAULT 'EMAIL') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE change;
	SELECT string_agg(concat_ws(' ', verdict, reason, f.address), ', ' ORDER BY due_at) INTO answer
	FROM appt.application a, appt.forecast(a.id) f WHERE a.name = 'app' AND f.type = what_if.type AND f.channel = what_if.channel;
	RAISE SQLSTATE 'ZZ000' USING MESSAGE = coalesce(answer, 'nothing');
EXCEPTION
	WHEN SQLSTATE 'ZZ000' THEN RETURN SQLERRM;
END $$;
SELECT is(pg_temp.what_if(change, type, channel), expected, change) FROM (VALUES
	('SELECT', 'REMINDER', 'EMAIL', 'SEND bob@example.com, SEND bob@example.com'),
	('UPDATE appt.rule SET enabled = false WHERE type = ''REMINDER'' AND time_offset = ''1 day''', 'REMINDER', 'EMAIL',
		'SUPPRESSED RULE_OFF bob@example.com, SEND bob@example.com'),
	('UPDATE appt.subscription SET enabled = false', 'CREATE', 'WEBHOOK',
		'SUPPRESSED SUBSCRIPTION_OFF https://hooks.example/one?********'),
	('UPDATE appt.organization SET notifications_enabled = false', 'CREATE', 'EMAIL', 'SUPPRESSED GLOBAL_OFF bob@example.com'),
	('UPDATE appt.participant SET email = ''bea@example.com''', 'CREATE', 'EMAIL', 'SEND bea@example.com'),
	('UPDATE appt.participant SET email = NULL', 'CREATE', 'EMAIL', 'SKIPPED NO_ADDRESS'),
	('UPDATE appt.provider SET enabled = false', 'CREATE', 'EMAIL', 'SKIPPED NO_PROVIDER bob@example.com'),
	('SELECT appt.suppress(id, ''EMAIL'', ''bob@example.com'') FROM appt.application WHERE name = ''app''', 'CREATE', 'EMAIL',
		'SUPPRESSED BLOCKED bob@example.com'),
	('UPDATE appt.appointment SET state = ''CANCELLED''', 'REMINDER', 'EMAIL',
		'CANCELLED APPOINTMENT_CANCELLED bob@example.com, CANCELLED APPOINTMENT_CANCELLED bob@example.com'),
	('INSERT INTO appt.rule (application_id, type, channel, time_offset) SELECT id, ''REMINDER'', ''EMAIL'', ''15 minutes'' FROM appt.application;
		SELECT appt.reschedule_appointment(id, now() + ''3 days'', ''1 hour'') FROM appt.appointment', 'REMINDER', 'EMAIL',
		'SEND bob@example.com, SEND bob@example.com, SEND bob@example.com'),
	('SELECT appt.cancel_appointment(id) FROM appt.appointment', 'REMINDER', 'EMAIL', 'nothing'),
	('UPDATE appt.notification SET state = ''SENDING'', worker_slot = 1, next_attempt_at = NULL WHERE type = ''CREATE''', 'CREATE',
		'EMAIL', 'nothing')
) t (change, type, channel, expected);

-- A retry goes when it is due; its window is that of a retry.
UPDATE appt.notification SET state = 'RETRYING', reason = 'WILL_RETRY', attempt_count = 1, next_attempt_at = now() + '5 minutes'
	WHERE application_id = :'app' AND type = 'CREATE' AND channel = 'WEBHOOK' RETURNING id AS retry \gset
UPDATE appt.due SET due_at = now() + '5 minutes' WHERE notification_id = :retry;
SELECT row_eq(format('SELECT due_at - now(), judged_at - now(), verdict FROM appt.forecast(%L) WHERE notification_id = %s', :'app',
	:retry),
	ROW(interval '0', interval '5 minutes', 'SEND'::text), 'a retry goes when it is due');
SELECT is(count(*), 0::bigint, 'not before') FROM appt.forecast(:'app', now() + '4 minutes') WHERE notification_id = :retry;

-- A link waits for the activation, as long as its window is open.
INSERT INTO appt.rule (application_id, type, channel, time_offset) VALUES (:'other', 'ROOM', 'EMAIL', '5 minutes');
SELECT pg_temp.schedule(:'other', '1 hour') AS b \gset
SELECT row_eq(format($$SELECT due_at - now(), verdict, reason, explanation, waits_until > now() + '1 hour' FROM appt.forecast(%L)
	WHERE type = 'ROOM'$$,
	:'other'), ROW(interval '55 minutes', 'WAIT'::text, 'NOT_ACTIVATED'::text, 'It waits for the appointment to be activated.'::text,
		true),
	'a link waits for the activation');

-- More than one load, and more than the budget of one: 24 MB of details.
SELECT jsonb_build_object('details', string_agg(md5(n::text), '')) AS details FROM generate_series(1, 600) n \gset
INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, subscription_id, rule_id, type, channel,
	due_at, next_attempt_at, lane, event)
SELECT :'app', :'a', 'SUBSCRIBER', :'hook', :'hook', r.id, 'UPDATE', 'WEBHOOK', now() + (1201 - n) * interval '1 s',
	now() + (1201 - n) * interval '1 s', 1, :'details'
FROM generate_series(1, 1200) n, appt.rule r WHERE r.application_id = :'app' AND r.type = 'UPDATE';
INSERT INTO appt.due SELECT lane, due_at, id, application_id, due_at FROM appt.notification WHERE type = 'UPDATE' AND state = 'PENDING';
SELECT is(string_agg(DISTINCT verdict, ' ') || count(*) || bool_and(is_later), 'SEND1200true', 'thousands are judged, in order')
FROM (SELECT verdict, due_at >= lag(due_at, 1, due_at) OVER () AS is_later FROM appt.forecast(:'app') WHERE type = 'UPDATE') f;

-- Bad arguments.
SELECT throws_ok('SELECT * FROM appt.forecast(NULL)', '22023', NULL, 'no application');
SELECT throws_ok(format('SELECT * FROM appt.forecast(%L, max => %s)', :'app', most), '22023', 'value out of range', 'max is ' || most)
FROM unnest('{0,100001}'::int[]) most;
SELECT throws_ok(format('SELECT * FROM appt.forecast(%L, at => NULL)', :'app'), '22023', NULL, 'no clock');
SELECT throws_ok('SELECT * FROM appt.forecast(gen_random_uuid())', 'PT404', 'application not found', 'no such application');
SELECT is(string_agg(DISTINCT verdict, ' '), 'MISSED', 'at the end of time') FROM appt.forecast(:'app', 'infinity', 'infinity')
	WHERE type <> 'CREATE';

-- Callers see of the forecast what they see of the log.
CREATE ROLE forecast_login LOGIN IN ROLE appt_authenticator;
UPDATE appt.application SET agent_scope = 'OWN';
SELECT pg_temp.schedule(:'app', '10 days') AS zoes \gset
UPDATE appt.appointment SET organizer_id = 'zoe' WHERE id = :'zoes';
UPDATE appt.notification SET organizer_id = 'zoe' WHERE appointment_id = :'zoes';
DELETE FROM appt.participant WHERE appointment_id = :'zoes' AND type = 'AGENT';
SELECT count(*) AS all, count(*) FILTER (WHERE appointment_id = :'zoes') AS zoes_count FROM appt.forecast(:'app') \gset
CREATE FUNCTION pg_temp.seen(role text, claims text, application uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	PERFORM set_config('request.jwt.claims', claims, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	SELECT count(*) INTO answer FROM appt.forecast(application);
	RETURN answer;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SET LOCAL SESSION AUTHORIZATION forecast_login;
SELECT is(pg_temp.seen(role, claims, application), expected, who) FROM (VALUES
	('an agent: its own', 'appt_agent', format('{"sub": "zoe", "application_id": "%s"}', :'app'), :'app'::uuid, :'zoes_count'),
	('an agent elsewhere', 'appt_agent', format('{"sub": "zoe", "application_id": "%s"}', :'other'), :'app', 'PT404'),
	('a supervisor: all', 'appt_supervisor', format('{"sub": "sue", "application_id": "%s"}', :'app'), :'app', :'all'),
	('a client service: all', 'appt_client_service', format('{"sub": "cs", "application_id": "%s"}', :'app'), :'app', :'all'),
	('an admin: all', 'appt_admin', format('{"sub": "ada", "organization_id": "%s"}', :'org'), :'app', :'all'),
	('another admin', 'appt_admin', '{"sub": "ada", "organization_id": "00000000-0000-0000-0000-000000000001"}', :'app', 'PT404'),
	('a customer', 'appt_customer', format('{"sub": "c", "application_id": "%s", "conference_id": "%1$s"}', :'app'), :'app', '42501'),
	('anybody', 'appt_anonymous', '{}', :'app', '42501')) t (who, role, claims, application, expected);
RESET SESSION AUTHORIZATION;

SELECT * FROM finish();
ROLLBACK;
