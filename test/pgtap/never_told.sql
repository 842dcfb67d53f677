-- A customer who was never told of an appointment is not told that it is cancelled.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

-- What is done to the application before, to the messages in between, how the appointment comes to its end; and
-- whether CANCELLED then goes, by email and by SMS.
CREATE TEMP TABLE cases (name text, before text, meanwhile text, ending text DEFAULT 'SELECT appt.cancel_appointment(%1$L)',
	expected text DEFAULT 'no NEVER_TOLD');
INSERT INTO cases (name, meanwhile) VALUES
	('nothing went out yet', ''),
	('CREATE failed', 'pg_temp.settle(%1$L, ''CREATE'', ''%%'', ''FAILED'', ''REJECTED'', ''FAILED'')'),
	('CREATE waits for another attempt', 'pg_temp.settle(%1$L, ''CREATE'', ''EMAIL'', ''RETRYING'', ''WILL_RETRY'', ''FAILED'')'),
	('CREATE was skipped', 'pg_temp.settle(%1$L, ''CREATE'', ''%%'', ''SKIPPED'', ''NO_PROVIDER'')'),
	('CREATE was missed', 'pg_temp.settle(%1$L, ''CREATE'', ''%%'', ''MISSED'', ''WINDOW_PASSED'')'),
	('CREATE was suppressed', 'pg_temp.settle(%1$L, ''CREATE'', ''%%'', ''SUPPRESSED'', ''GLOBAL_OFF'')'),
	('a webhook alone told of it', 'pg_temp.settle(%1$L, ''CREATE'', ''WEBHOOK'', ''SENT'')'),
	('another customer alone was told', 'pg_temp.settle(%1$L, ''CREATE'', ''%%'', ''SENT'', whom => pg_temp.add(%1$L))'),
	('RESCHEDULE failed, too', 'appt.reschedule_appointment(%1$L, now() + interval ''3 days'', NULL), '
		'pg_temp.settle(%1$L, ''RESCHEDULE'', ''%%'', ''FAILED'', ''REJECTED'', ''FAILED'')');
INSERT INTO cases (name, meanwhile, expected) VALUES
	('CREATE was sent by email', 'pg_temp.settle(%1$L, ''CREATE'', ''EMAIL'', ''SENT'', NULL, ''DELIVERED'')', 'yes'),
	('CREATE was sent by SMS', 'pg_temp.settle(%1$L, ''CREATE'', ''SMS'', ''SENT'', NULL, ''DELIVERED'')', 'yes'),
	('CREATE is being sent', 'pg_temp.settle(%1$L, ''CREATE'', ''SMS'', ''SENDING'')', 'yes'),
	('CREATE was interrupted', 'pg_temp.settle(%1$L, ''CREATE'', ''SMS'', ''FAILED'', ''INTERRUPTED'', ''INTERRUPTED'')', 'yes'),
	('CREATE was interrupted, and waits', 'pg_temp.settle(%1$L, ''CREATE'', ''EMAIL'', ''RETRYING'', ''INTERRUPTED'', ''INTERRUPTED'')', 'yes'),
	('RESCHEDULE was sent', 'appt.reschedule_appointment(%1$L, now() + interval ''3 days'', NULL), '
		'pg_temp.settle(%1$L, ''RESCHEDULE'', ''EMAIL'', ''SENT'')', 'yes'),
	('a reminder was sent', 'pg_temp.settle(%1$L, ''REMINDER'', ''EMAIL'', ''SENT'')', 'yes'),
	('the customer has joined', 'appt.record_join(%1$L, %3$L)', 'yes'),
	('the log of that time is gone', 'pg_temp.age(%1$L)', 'yes'),
	('the CREATE is gone from the log', 'pg_temp.forget(%1$L)', 'yes'),
	('notifications are off', 'appt.set_notifications_enabled((SELECT organization_id FROM appt.application WHERE id = %2$L), '
		'false)', 'no GLOBAL_OFF');
INSERT INTO cases (name, before, meanwhile, expected) VALUES
	('there is no rule for CREATE', 'DELETE FROM appt.rule WHERE type = ''CREATE'' AND application_id = %2$L', '', 'yes'),
	('there is one by webhook', 'DELETE FROM appt.rule WHERE type = ''CREATE'' AND channel <> ''WEBHOOK'' AND application_id = '
		'%2$L', '', 'yes'),
	('those for CREATE are off', 'UPDATE appt.rule SET enabled = false WHERE type = ''CREATE'' AND application_id = %2$L', '', 'yes'),
	('one for CREATE is left', 'DELETE FROM appt.rule WHERE type = ''CREATE'' AND channel <> ''SMS'' AND application_id = %2$L', '',
		'no NEVER_TOLD'),
	('the rules of CANCELLED do not mind', 'UPDATE appt.rule SET even_if_never_told = true WHERE type = ''CANCELLED'' AND '
		'application_id = %2$L', '', 'yes'),
	('other rules do not mind', 'UPDATE appt.rule SET even_if_never_told = type <> ''CANCELLED'' WHERE application_id = %2$L', '',
		'no NEVER_TOLD'),
	('notifications were off', 'UPDATE appt.organization SET notifications_enabled = false WHERE id = (SELECT organization_id FROM '
		'appt.application WHERE id = %2$L)',
		'appt.set_notifications_enabled((SELECT organization_id FROM appt.application WHERE id = %2$L), true)', 'no APPOINTMENT_OFF');
-- A rule of CREATE that came after the appointment: how its customers were told, appt does not know.
INSERT INTO cases (name, before, meanwhile, expected) VALUES
	('the rule for CREATE is younger', 'DELETE FROM appt.rule WHERE type = ''CREATE'' AND application_id = %2$L',
		'pg_temp.add_rule(%2$L)', 'yes');
INSERT INTO cases
	SELECT c.name || ', ' || e.name, c.before, c.meanwhile, e.ending, c.expected
	  FROM cases c, (VALUES ('and it is deleted', 'SELECT appt.delete_appointment(%1$L)'),
		('and the customer is removed', 'SELECT appt.remove_participant(%1$L, %3$L)')) e (name, ending);

CREATE FUNCTION pg_temp.settle(appointment uuid, kind text, over text, new_state text, because text DEFAULT NULL,
	what_came text DEFAULT NULL,
	whom text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	DELETE FROM appt.due d USING appt.notification n WHERE n.id = d.notification_id AND appointment_id = appointment
		AND type = kind AND channel LIKE over
		AND coalesce(recipient_id = whom, true) AND new_state NOT IN ('RETRYING', 'SENDING');
	WITH settled AS (
		UPDATE appt.notification SET state = new_state, reason = because, attempt_count = (what_came IS NOT NULL)::int,
			settled_at = CASE WHEN new_state NOT IN ('RETRYING', 'SENDING') THEN now() END,
			next_attempt_at = CASE WHEN new_state = 'RETRYING' THEN due_at END
		WHERE appointment_id = appointment AND type = kind AND channel LIKE over AND coalesce(recipient_id = whom, true)
			RETURNING id, application_id)
	INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome)
	SELECT application_id, id, 1, now(), now(), what_came FROM settled WHERE what_came IS NOT NULL $$;
CREATE FUNCTION pg_temp.age(appointment uuid) RETURNS void LANGUAGE sql AS $$
	UPDATE appt.notification SET created_at = now() - interval '91 days' WHERE appointment_id = appointment $$;
CREATE FUNCTION pg_temp.forget(appointment uuid) RETURNS void LANGUAGE sql AS $$
	SELECT pg_temp.settle(appointment, 'CREATE', '%', 'FAILED', 'REJECTED');
	DELETE FROM appt.notification WHERE appointment_id = appointment AND type = 'CREATE' $$;
CREATE FUNCTION pg_temp.add_rule(application uuid) RETURNS void LANGUAGE sql AS $$
	INSERT INTO appt.rule (application_id, type, channel) VALUES (application, 'CREATE', 'EMAIL') $$;
CREATE FUNCTION pg_temp.application() RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
	application uuid := appt.create_application(appt.create_organization('org'), 'app');
BEGIN
	PERFORM appt.set_provider(application, 'EMAIL', 'SMTP', 'smtp://mail.example', sender => 'us@example.com'),
		appt.set_provider(application, 'SMS', 'HTTP', 'https://sms.example', sender => '+302100000000',
			settings => '{"body": "{\"text\": \"{{text}}\"}"}'),
		appt.create_subscription(application, 'https://hooks.example/one');
	RETURN application;
END$$;
CREATE FUNCTION pg_temp.customer() RETURNS jsonb LANGUAGE sql AS
$$SELECT '{"contact": {"primaryEmail": "bob@example.com", "primaryPhone": "+306900000000"}}'::jsonb$$;
CREATE FUNCTION pg_temp.schedule(application uuid) RETURNS uuid LANGUAGE sql AS
$$SELECT (appt.schedule_appointment(application, now() + interval '2 days', '30 minutes', pg_temp.customer(), organizer_id => 'ann')).id$$;
-- Another customer; its id.
CREATE FUNCTION pg_temp.add(appointment uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	known text[] := ARRAY(SELECT id FROM appt.participant WHERE appointment_id = appointment);
BEGIN
	PERFORM appt.add_customer(appointment, pg_temp.customer());
	RETURN (SELECT id FROM appt.participant WHERE appointment_id = appointment AND id <> ALL (known));
END$$;
-- The outcome of a type of message for each recipient, without repetition.
CREATE FUNCTION pg_temp.goes(appointment uuid, kind text, whom text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(DISTINCT concat_ws(' ', CASE WHEN e.eligible THEN 'yes' ELSE 'no' END, e.reason), ', ')
	  FROM appt.notification n, appt.notification_eligibility(n.id) e WHERE appointment_id = appointment AND type = kind
	  	AND recipient_id = whom $$;
CREATE FUNCTION pg_temp.outcome(c cases) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	application uuid := pg_temp.application();
	appointment uuid;
	customer text;
BEGIN
	EXECUTE format(coalesce(c.before, 'SELECT'), NULL, application);
	appointment := pg_temp.schedule(application);
	customer := (SELECT id FROM appt.participant WHERE appointment_id = appointment AND type = 'CUSTOMER');
	EXECUTE format('SELECT ' || c.meanwhile, appointment, application, customer);
	EXECUTE format(c.ending, appointment, application, customer);
	RETURN pg_temp.goes(appointment, 'CANCELLED', customer);
END$$;
SELECT is(pg_temp.outcome(c), c.expected, c.name) FROM cases c;

-- In words, and in the log.
SELECT pg_temp.application() AS app \gset
SELECT pg_temp.schedule(:'app') AS a \gset
SELECT id AS bob FROM appt.participant WHERE appointment_id = :'a' AND type = 'CUSTOMER' \gset
SELECT appt.cancel_appointment(:'a');
SELECT is(e.explanation, r.explanation, 'notification_eligibility explains it') FROM appt.reason r, appt.notification n,
	appt.notification_eligibility(n.id) e
	WHERE r.reason = 'NEVER_TOLD' AND n.appointment_id = :'a' AND n.type = 'CANCELLED' AND n.channel = 'EMAIL';
SELECT is(e.eligible, true, 'subscribers are told of every cancellation') FROM appt.notification n, appt.notification_eligibility(n.id) e
	WHERE n.appointment_id = :'a' AND n.type = 'CANCELLED' AND n.channel = 'WEBHOOK';
SELECT bag_eq(format('SELECT type, channel, never_told FROM appt.notification WHERE appointment_id = %L AND never_told', :'a'),
	$$VALUES ('CANCELLED', 'EMAIL', true), ('CANCELLED', 'SMS', true)$$, 'it is a matter of CANCELLED to customers');
UPDATE appt.rule SET even_if_never_told = true WHERE application_id = :'app' AND type = 'CANCELLED' AND channel = 'SMS';
SELECT bag_eq(format($$SELECT channel, e.eligible, e.reason FROM appt.notification n, appt.notification_eligibility(n.id) e
	WHERE appointment_id = %L AND type = 'CANCELLED' AND never_told$$, :'a'),
	$$VALUES ('EMAIL', false, 'NEVER_TOLD'), ('SMS', true, NULL)$$, 'each rule decides for itself, at the time when it is due');
UPDATE appt.rule SET enabled = false WHERE application_id = :'app' AND type = 'CANCELLED' AND channel = 'EMAIL';
SELECT is(e.reason, 'RULE_OFF', 'a rule that is off comes first') FROM appt.notification n, appt.notification_eligibility(n.id) e
	WHERE n.appointment_id = :'a' AND n.type = 'CANCELLED' AND n.channel = 'EMAIL';
UPDATE appt.rule SET enabled = true, even_if_never_told = false WHERE application_id = :'app';
SELECT pg_temp.settle(:'a', 'CANCELLED', 'EMAIL', 'FAILED', 'REJECTED', 'FAILED');
SELECT is((appt.retry_notification(id)).state, 'RETRYING', 'what has failed a person sends all the same') FROM appt.notification
	WHERE appointment_id = :'a' AND type = 'CANCELLED' AND channel = 'EMAIL';

-- One appointment, several customers.
SELECT pg_temp.schedule(:'app') AS b \gset
SELECT id AS told FROM appt.participant WHERE appointment_id = :'b' AND type = 'CUSTOMER' \gset
SELECT pg_temp.settle(:'b', 'CREATE', 'EMAIL', 'SENT');
SELECT pg_temp.add(:'b') AS later \gset
SELECT appt.cancel_appointment(:'b');
SELECT is(pg_temp.goes(:'b', 'CANCELLED', :'told'), 'yes', 'who was told is told');
SELECT is(pg_temp.goes(:'b', 'CANCELLED', :'later'), 'no NEVER_TOLD', 'who was added later, and not told, is not');
SELECT pg_temp.schedule(:'app') AS c \gset
SELECT pg_temp.add(:'c') AS later \gset
SELECT pg_temp.settle(:'c', 'CREATE', 'SMS', 'SENT', whom => :'later');
SELECT appt.remove_participant(:'c', :'later');
SELECT is(pg_temp.goes(:'c', 'CANCELLED', :'later'), 'yes', 'who was added later, told and removed, is told');

-- A customer who booked knows of the appointment.
SELECT pg_temp.schedule(:'app') AS d \gset
UPDATE appt.participant SET verified_channel = 'EMAIL' WHERE appointment_id = :'d' AND type = 'CUSTOMER' RETURNING id AS self \gset
SELECT appt.cancel_appointment(:'d');
SELECT is(pg_temp.goes(:'d', 'CANCELLED', :'self'), 'yes', 'who booked by itself is told');

-- A copied appointment, whose customers were told elsewhere.
INSERT INTO appt.appointment (application_id, organizer_id, start_at, end_at, timezone, locale, notifications_active)
	VALUES (:'app', 'ann', now() + interval '2 days', now() + interval '2 days 30 minutes', 'UTC', 'en', true) RETURNING id AS e \gset
INSERT INTO appt.participant (application_id, appointment_id, id, type, email, phone)
	VALUES (:'app', :'e', 'old', 'CUSTOMER', 'bob@example.com', '+306900000000');
SELECT appt.cancel_appointment(:'e');
SELECT is(pg_temp.goes(:'e', 'CANCELLED', 'old'), 'yes', 'who was told before the appointment came here is told');

-- An admin may choose to send it anyway.
SELECT ok(has_column_privilege('appt_admin', 'appt.rule', 'even_if_never_told', privilege), 'an admin may ' || privilege || ' it')
	FROM unnest('{INSERT,UPDATE}'::text[]) privilege;
SELECT is(count(*), 0::bigint, 'it is off at first') FROM appt.rule WHERE even_if_never_told AND application_id = pg_temp.application();

-- What it costs does not grow with the square of the customers: each message and each participant is looked at a few times.
CREATE FUNCTION pg_temp.looked_at() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(pg_stat_get_xact_tuples_returned(oid))::bigint FROM pg_class WHERE relnamespace = 'appt'::regnamespace
		AND relkind IN ('r', 'i') $$;
CREATE FUNCTION pg_temp.cost(application uuid, customers int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	appointment uuid := pg_temp.schedule(application);
	before bigint;
BEGIN
	PERFORM pg_temp.add(appointment) FROM generate_series(2, customers);
	before := pg_temp.looked_at();
	PERFORM appt.cancel_appointment(appointment);
	RETURN pg_temp.looked_at() - before;
END$$;
CREATE TEMP TABLE cost AS SELECT n, pg_temp.cost(:'app', n) AS cost FROM unnest('{1,20,200}'::int[]) n;
SELECT cmp_ok((SELECT cost FROM cost WHERE n = 200) - (SELECT cost FROM cost WHERE n = 20), '<',
	20 * ((SELECT cost FROM cost WHERE n = 20) - (SELECT cost FROM cost WHERE n = 1)),
	'the cost of a cancellation follows the number of customers: ' || (SELECT string_agg(n || ' ' || cost, ', ' ORDER BY n) FROM cost));

SELECT * FROM finish();
ROLLBACK;
