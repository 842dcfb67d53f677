-- Views for an incident, over rows made by hand: what fails where, who was not informed, what leaves next, how long it takes.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_application(appt.create_organization('Acme'), 'Sales') AS application \gset
SELECT id AS hook FROM appt.create_subscription(:'application', 'https://hooks.example/in?key=secret') \gset
SELECT appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail.example', 'sales@example.com') AS mail \gset
SELECT appt.set_provider(:'application', 'SMS', 'HTTP', 'https://sms.example/send') AS sms \gset

-- Appointments of one customer each, named after it, without what planning planned.
CREATE TEMP TABLE ahead (who text, starts interval);
INSERT INTO ahead VALUES ('told', '1 hour'), ('failed', '2 hours'), ('undelivered', '3 hours'), ('retried', '4 hours'), ('untold',
	'5 hours'),
	('joined', '6 hours'), ('delivered', '7 hours'), ('cancelled', '8 hours'), ('later', '2 days'), ('far', '4 days'), ('past', '-1 hour');
INSERT INTO appt.appointment (application_id, organizer_id, title, start_at, end_at, timezone, locale, notifications_active, state)
SELECT :'application', 'ann', who, now() + starts, now() + starts + '30 min', 'UTC', 'en', true,
	CASE who WHEN 'cancelled' THEN 'CANCELLED' ELSE 'SCHEDULED' END
FROM ahead;
INSERT INTO appt.participant (application_id, appointment_id, id, type, first_name, last_name, email, phone, joined_at)
SELECT application_id, id, 'c-' || title, 'CUSTOMER', 'Mx', title, title || '@example.com', '+306900000000',
	CASE title WHEN 'joined' THEN now() END
FROM appt.appointment;
INSERT INTO appt.participant (application_id, appointment_id, id, type) SELECT application_id, id, 'ann', 'AGENT' FROM appt.appointment;

-- Messages: to whom, how, when they were due, what became of them, and the outcomes of their attempts, one a minute, each taking 2 s.
CREATE TEMP TABLE message (id bigint, who text, channel text, due interval, state text, reason text, outcomes text[], receipt text);
INSERT INTO message VALUES
	(1, 'told', 'EMAIL', '-40 min', 'SENT', NULL, '{DELIVERED}', NULL),
	(2, 'told', 'EMAIL', '-30 min', 'FAILED', 'RETRIES_EXHAUSTED', '{FAILED,FAILED}', NULL),
	(3, 'failed', 'EMAIL', '-20 hours', 'FAILED', 'REJECTED', '{FAILED}', NULL),
	(4, 'failed', 'SMS', '-10 min', 'SKIPPED', 'NO_ADDRESS', '{}', NULL),
	(5, 'failed', 'EMAIL', '1 hour', 'PENDING', NULL, '{}', NULL),
	(6, 'undelivered', 'SMS', '-20 min', 'SENT', NULL, '{DELIVERED}', 'UNDELIVERED'),
	(7, 'retried', 'EMAIL', '-5 min', 'RETRYING', 'WILL_RETRY', '{INTERRUPTED}', NULL),
	(8, 'delivered', 'SMS', '-15 min', 'SENT', NULL, '{FAILED,DELIVERED}', 'DELIVERED'),
	(9, 'joined', 'EMAIL', '-2 days', 'FAILED', 'REJECTED', '{FAILED}', NULL),
	(10, 'later', 'EMAIL', '30 hours', 'PENDING', NULL, '{}', NULL),
	(11, 'hook', 'WEBHOOK', '-3 min', 'SENDING', NULL, '{FAILED,UNDER WAY}', NULL),
	(12, 'hook', 'WEBHOOK', '-26 hours', 'FAILED', 'REJECTED', '{FAILED}', NULL);
INSERT INTO appt.notification (id, application_id, appointment_id, recipient_kind, recipient_id, subscription_id, type, channel,
	due_at, lane,
	state, reason, attempt_count, next_attempt_at, title, start_at, address, settled_at, worker_slot)
SELECT m.id, :'application', a.id, CASE who WHEN 'hook' THEN 'SUBSCRIBER' ELSE 'CUSTOMER' END,
	CASE who WHEN 'hook' THEN :'hook' ELSE 'c-' || who END,
	CASE who WHEN 'hook' THEN :'hook'::uuid END, 'CREATE', channel, now() + due, 7, m.state, reason, cardinality(outcomes),
	CASE m.state WHEN 'RETRYING' THEN now() + interval '2 hours' WHEN 'PENDING' THEN now() + due END, who, a.start_at,
	CASE channel WHEN 'WEBHOOK' THEN 'https://hooks.example/in' WHEN 'SMS' THEN '+306900000000' ELSE who || '@example.com' END,
	CASE WHEN reason IS NOT NULL AND m.state <> 'RETRYING' OR m.state = 'SENT' THEN now() END, CASE m.state WHEN 'SENDING' THEN 1 END
FROM message m LEFT JOIN appt.appointment a ON a.title = m.who;
INSERT INTO appt.due SELECT lane, coalesce(next_attempt_at, due_at), id, application_id, due_at FROM appt.notification
	WHERE settled_at IS NULL;
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, due_at, started_at, finished_at, outcome, status_code,
	error, response,
	recipient, provider_id, receipt, receipt_at)
SELECT n.application_id, n.id, number, n.due_at + (number - 1) * interval '1 min',
	n.due_at + (number - 1) * interval '1 min' + n.id * interval '10 ms',
	CASE WHEN outcome <> 'UNDER WAY' THEN n.due_at + (number - 1) * interval '1 min' + n.id * interval '10 ms' + interval '2 s' END,
	nullif(outcome, 'UNDER WAY'), CASE outcome WHEN 'DELIVERED' THEN 250 WHEN 'FAILED' THEN 550 END,
		CASE outcome WHEN 'FAILED' THEN 'refused ' || number WHEN 'INTERRUPTED' THEN 'stopped' END,
	'answer ' || n.id, n.address, CASE n.channel WHEN 'EMAIL' THEN :'mail'::uuid WHEN 'SMS' THEN :'sms'::uuid END,
	CASE outcome WHEN 'DELIVERED' THEN m.receipt END, CASE WHEN outcome = 'DELIVERED' AND m.receipt IS NOT NULL THEN now() END
FROM message m JOIN appt.notification n USING (id), unnest(outcomes) WITH ORDINALITY o (outcome, number) ORDER BY n.due_at, number;

CREATE FUNCTION pg_temp.rows(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT btrim(t::text, ''()'') FROM (%s) t', query);
END $$;

-- What fails where.
SELECT results_eq($q$SELECT pg_temp.rows($$SELECT application, channel, kind, endpoint, failed_attempts, messages, retrying, given_up,
	sent_later,
		first_failed_at - now(), last_failed_at - now(), last_notification_id, last_status_code, last_error, last_answer
	FROM appt.failures_by_endpoint ORDER BY channel$$)$q$, ARRAY[
	'Sales,EMAIL,SMTP,smtp://mail.example,4,3,1,2,0,-19:59:59.97,-00:04:59.93,7,,stopped,"answer 7"',
	'Sales,SMS,HTTP,https://sms.example/send,1,1,0,0,1,-00:14:59.92,-00:14:59.92,8,550,"refused 1","answer 8"',
	'Sales,WEBHOOK,subscription,https://hooks.example/in,1,1,0,0,0,-00:02:59.89,-00:02:59.89,11,550,"refused 1","answer 11"'],
	'what failed within a day, by endpoint, and what has become of the messages');

-- Whom no message has reached.
SELECT results_eq($q$SELECT pg_temp.rows($$SELECT title, start_at - now(), participant_id, name, email, organizer_id,
	last_notification_id, last_type, last_channel,
		last_state, last_reason, next_attempt_at - now() FROM appt.uninformed_customers ORDER BY start_at$$)$q$, ARRAY[
	'failed,02:00:00,c-failed,"Mx failed",failed@example.com,ann,4,CREATE,SMS,SKIPPED,NO_ADDRESS,01:00:00',
	'undelivered,03:00:00,c-undelivered,"Mx undelivered",undelivered@example.com,ann,6,CREATE,SMS,SENT,,',
	'retried,04:00:00,c-retried,"Mx retried",retried@example.com,ann,7,CREATE,EMAIL,RETRYING,WILL_RETRY,02:00:00',
	'untold,05:00:00,c-untold,"Mx untold",untold@example.com,ann,,,,,,',
	'later,"2 days",c-later,"Mx later",later@example.com,ann,,,,,,"1 day 06:00:00"'],
	'customers with an appointment in the next days whom nothing has reached, and why');
SELECT is(last_explanation, explanation, 'as a sentence') FROM appt.uninformed_customers, appt.reason WHERE title = 'failed'
	AND reason = 'NO_ADDRESS';

-- What leaves next.
SELECT results_eq($q$SELECT pg_temp.rows($$SELECT notification_id, application, due_at - now(), next_attempt_at - now(), channel,
	title, address, state, reason,
		attempt_count FROM appt.upcoming ORDER BY due_at$$)$q$, ARRAY[
	'7,Sales,-00:05:00,02:00:00,EMAIL,retried,retried@example.com,RETRYING,WILL_RETRY,1',
	'11,Sales,-00:03:00,-00:03:00,WEBHOOK,hook,https://hooks.example/in,SENDING,,2',
	'5,Sales,01:00:00,01:00:00,EMAIL,failed,failed@example.com,PENDING,,0'], 'what is due within a day, and what is overdue');

-- How long it takes.
SELECT results_eq($q$SELECT pg_temp.rows($$SELECT channel, kind, endpoint, attempts, delivered, failed, under_way, lateness_p50,
	lateness_p95, lateness_max,
		duration_p50, duration_p95, duration_max, last_delivered_at - now() FROM appt.delivery_times ORDER BY channel$$)$q$, ARRAY[
	'EMAIL,SMTP,smtp://mail.example,4,1,3,0,00:00:00.02,00:00:00.0625,00:00:00.07,00:00:02,00:00:02,00:00:02,-00:39:57.99',
	'SMS,HTTP,https://sms.example/send,3,2,1,0,00:00:00.08,00:00:00.08,00:00:00.08,00:00:02,00:00:02,00:00:02,-00:13:57.92',
	'WEBHOOK,subscription,https://hooks.example/in,2,0,1,1,00:00:00.11,00:00:00.11,00:00:00.11,00:00:02,00:00:02,00:00:02,'],
	'attempts of the last hour: outcomes, how late, and how long');
UPDATE appt.attempt SET manual = true, due_at = NULL;
SELECT is(string_agg(concat(lateness_p50, lateness_p95, lateness_max), ''), '', 'attempts that a user asked for are not late')
	FROM appt.delivery_times;
DELETE FROM appt.provider;
SELECT is(string_agg(concat_ws(' ', channel, failed_attempts, kind, endpoint), ', ' ORDER BY channel),
	'EMAIL 4, SMS 1, WEBHOOK 1 subscription https://hooks.example/in', 'failures over a provider that is deleted stay')
		FROM appt.failures_by_endpoint;

-- By an index each, however many appointments are over.
INSERT INTO appt.appointment (application_id, organizer_id, start_at, end_at, timezone, locale, notifications_active, state)
SELECT :'application', 'agent-' || n, now() - n * interval '1 hour', now() - n * interval '1 hour' + '30 min', 'UTC', 'en', true, 'ENDED'
FROM generate_series(1, 3000) n;
ANALYZE appt.appointment;
CREATE FUNCTION pg_temp.indexes(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found text[] = '{}';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		found := found || substring(line FROM '(?:using|Index Scan on) ((?:notification|attempt|due|appointment|participant)_\w+)');
		found := found || substring(line FROM '(Seq Scan on (?:notification|attempt|due|appointment|participant)\M)');
	END LOOP;
	RETURN (SELECT string_agg(DISTINCT name, ' ' ORDER BY name) FROM unnest(found) name);
END $$;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SELECT is(pg_temp.indexes('SELECT * FROM appt.' || view), indexes, view) FROM (VALUES
	('failures_by_endpoint', 'attempt_failed attempt_pkey notification_pkey'),
	('uninformed_customers', 'appointment_start attempt_notification notification_appointment participant_pkey'),
	('upcoming', 'due_application notification_pkey'),
	('delivery_times', 'attempt_pkey attempt_started notification_pkey')) t (view, indexes);
SELECT is(pg_temp.indexes('SELECT application_id, count(*) FROM appt.upcoming GROUP BY 1'), 'due_application',
	'counts read the queue alone');

SELECT * FROM finish();
ROLLBACK;
