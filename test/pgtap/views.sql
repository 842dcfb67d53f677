-- The log's views: what a person asks, over rows made by hand.
BEGIN;
SELECT * FROM no_plan();

-- The vocabulary has one source: what the library lists is what the columns take.
CREATE FUNCTION pg_temp.codes_of(domain regtype) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(code[1], ' ' ORDER BY code[1] COLLATE "C")
	FROM pg_constraint, regexp_matches(pg_get_constraintdef(oid), '[ '']([A-Z_]{2,})(?=[,''])', 'g') code WHERE contypid = domain
$$;
SELECT is(string_agg(reason, ' ' ORDER BY reason COLLATE "C"), pg_temp.codes_of('appt.reason_code'), 'reasons') FROM appt.reason;
SELECT is(count(*), 0::bigint, 'each with a sentence') FROM appt.reason WHERE explanation !~ '^[A-Z].*\.$';
SELECT is(string_agg(type, ' ' ORDER BY type COLLATE "C"), pg_temp.codes_of('appt.type_code'), 'types') FROM appt.notification_type;
SELECT is(string_agg(DISTINCT channel, ' '), pg_temp.codes_of('appt.channel_code'), 'channels')
FROM appt.notification_type, unnest(channels) channel;
SELECT is(count(*), 0::bigint, 'what supersedes is a reason')
FROM appt.notification_type, unnest(superseded_by) code WHERE code NOT IN (SELECT reason FROM appt.reason);
SELECT is(t, ROW('REMINDER', t.description, 'CUSTOMERS', '{EMAIL,SMS,WEBHOOK}', 'start_at - time_offset',
	'within the window, and before the appointment''s start', '1 minute',
	'{CALL_STARTED,RESCHEDULED,ENDED,APPOINTMENT_CANCELLED,APPOINTMENT_DELETED,PARTICIPANT_REMOVED,TEMPLATE_CHANGED}', true, true,
		true)::appt.notification_type,
	'a type as people read it')
FROM appt.notification_type t WHERE type = 'REMINDER';
SELECT is(string_agg(type, ' ' ORDER BY type), 'CODE TEST', 'exempt from the switches') FROM appt.notification_type
	WHERE NOT obeys_switches;

-- A small history.
SELECT appt.create_application(appt.create_organization('Acme'), 'Sales') AS application \gset
SELECT id AS hook FROM appt.create_subscription(:'application', 'https://hooks.example/in') \gset
SELECT appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail.example', 'sales@example.com') AS provider \gset
CREATE TEMP TABLE told (id bigint, who text, what text, channel text, due interval, state text, reason text, attempts integer,
	settled interval);
INSERT INTO told VALUES
	(1, 'zoe', 'CREATE', 'EMAIL', '-30 min', 'SENT', NULL, 1, '-30 min'),
	(2, 'zoe', 'REMINDER', 'EMAIL', '-20 min', 'FAILED', 'RETRIES_EXHAUSTED', 2, '-10 min'),
	(3, 'zoe', 'REMINDER', 'EMAIL', '-15 min', 'SENT', NULL, 1, '-15 min'),
	(4, 'zoe', 'CANCELLED', 'EMAIL', '-9 min', 'FAILED', 'REJECTED', 1, '-9 min'),
	(5, 'zoe', 'CANCELLED', 'EMAIL', '-8 min', 'FAILED', 'REJECTED', 1, '-8 min'),
	(6, 'max', 'CANCELLED', 'EMAIL', '-10 min', 'FAILED', 'RETRIES_EXHAUSTED', 2, '-1 min'),
	(7, 'max', 'CREATE', 'SMS', '-25 min', 'SKIPPED', 'CHANNEL_NOT_AVAILABLE', 0, '-25 min'),
	(8, 'hook', 'UPDATE', 'WEBHOOK', '-5 min', 'RETRYING', 'WILL_RETRY', 1, NULL),
	(9, 'hook', 'UPDATE', 'WEBHOOK', '-2 min', 'PENDING', NULL, 0, NULL),
	(10, 'zoe', 'REMINDER', 'EMAIL', '1 day', 'PENDING', NULL, 0, NULL),
	(11, 'zoe', 'REMINDER', 'EMAIL', '-3 hours', 'FAILED', 'REJECTED', 1, '-3 hours'),
	(12, 'hook', 'UPDATE', 'WEBHOOK', '-4 hours', 'PENDING', NULL, 0, NULL);
INSERT INTO appt.notification (id, application_id, appointment_id, recipient_kind, recipient_id, subscription_id, type, channel,
	due_at, lane,
	state, reason, attempt_count, next_attempt_at, title, start_at, address, settled_at)
SELECT id, :'application', '00000000-0000-0000-0000-00000000000a', CASE who WHEN 'hook' THEN 'SUBSCRIBER' ELSE 'CUSTOMER' END, who,
	CASE who WHEN 'hook' THEN :'hook'::uuid END, what, channel, now() + due, CASE who WHEN 'hook' THEN 7 ELSE 9 END, state, reason,
		attempts,
	CASE state WHEN 'RETRYING' THEN now() - interval '1 min' END, 'Call', now(), CASE who WHEN 'hook'
		THEN 'https://hooks.example/in' ELSE who || '@example.com' END,
	now() + settled
FROM told;
INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at)
SELECT lane, coalesce(next_attempt_at, due_at), id, application_id, due_at FROM appt.notification WHERE settled_at IS NULL;
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, due_at, started_at, finished_at, outcome, status_code,
	error, recipient, provider_id)
SELECT application_id, id, number, due_at + (number - 1) * interval '2 min',
	due_at + (number - 1) * interval '2 min' + id * interval '10 ms',
	due_at + (number - 1) * interval '2 min' + interval '1 s', CASE WHEN state = 'SENT' THEN 'DELIVERED' ELSE 'FAILED' END,
	CASE WHEN state = 'SENT' THEN 250 ELSE 550 END, CASE WHEN state = 'SENT' THEN NULL ELSE 'no such mailbox ' || number END,
	coalesce(address, 'https://hooks.example/in'), CASE channel WHEN 'EMAIL' THEN :'provider'::uuid END
FROM appt.notification, generate_series(1, attempt_count) number;

SELECT is(count(*), 14::bigint, 'the log has a row per attempt and one per notification without any') FROM appt.notification_log;
SELECT is(to_jsonb(l) - 'created_at' - 'explanation',
	jsonb_build_object('notification_id', 2, 'application_id', :'application'::text, 'application', 'Sales',
	'appointment_id', '00000000-0000-0000-0000-00000000000a', 'title', 'Call', 'start_at', now(), 'type', 'REMINDER', 'channel', 'EMAIL',
	'time_offset', '00:00:00', 'recipient_kind', 'CUSTOMER', 'recipient_id', 'zoe', 'recipient', 'zoe@example.com',
	'state', 'FAILED', 'reason', 'RETRIES_EXHAUSTED', 'detail', NULL, 'due_at', now() - interval '20 min', 'next_attempt_at', NULL,
	'attempt_number', 2, 'manual', false, 'started_at', now() - interval '18 min' + interval '20 ms', 'finished_at',
		now() - interval '18 min' + interval '1 s',
	'lateness', '00:00:00.02', 'outcome', 'FAILED', 'status_code', 550, 'error', 'no such mailbox 2', 'answer', NULL, 'provider', 'SMTP',
	'provider_message_id', NULL, 'subject', NULL, 'settled_at', now() - interval '10 min', 'resent_from', NULL,
	'segments', NULL, 'cost', NULL, 'currency', NULL, 'receipt', NULL, 'receipt_code', NULL, 'receipt_at', NULL)
	|| jsonb_build_object('recipient_name', NULL, 'recipient_email', 'zoe@example.com', 'recipient_phone', NULL, 'text_body', NULL,
	'html_body', NULL, 'response', NULL, 'response_reason', NULL, 'responded_at', NULL,
	'address', 'zoe@example.com', 'unsettled_due_at', NULL),
		'an attempt in the log; a retry is late against its own time')
FROM appt.notification_log l WHERE notification_id = 2 AND attempt_number = 2;
SELECT ok(explanation = (SELECT explanation FROM appt.reason WHERE reason = 'CHANNEL_NOT_AVAILABLE') AND recipient = 'max@example.com'
	AND started_at IS NULL AND lateness IS NULL, 'why one did not go') FROM appt.notification_log WHERE notification_id = 7;
SELECT is(array_agg(DISTINCT notification_id ORDER BY notification_id),
	(SELECT array_agg(id ORDER BY id) FROM appt.notification WHERE settled_at IS NULL), 'what is not settled, by when it was due first')
FROM appt.notification_log WHERE unsettled_due_at = due_at;
SELECT is(recipient, 'https://hooks.example/in', 'where a webhook is to go') FROM appt.notification_log WHERE notification_id = 9;
SELECT is(array_agg(notification_id ORDER BY notification_id),
	(SELECT array_agg(id ORDER BY id) FROM told, generate_series(1, greatest(attempts, 1)) WHERE who = 'zoe'),
	'by recipient: what was tried and what was not') FROM appt.notification_log WHERE recipient = 'zoe@example.com';

-- Queries of the log use indexes, in both halves of the view.
CREATE FUNCTION pg_temp.indexes(condition text, view text DEFAULT 'notification_log') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found text[] = '{}';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) SELECT type, outcome FROM appt.' || view || ' WHERE ' || condition LOOP
		found := found || substring(line FROM '(?:using|Index Scan on) ((?:notification|attempt)_\w+)');
		found := found || substring(line FROM '(Seq Scan on (?:notification|attempt)\M)');
	END LOOP;
	RETURN (SELECT string_agg(DISTINCT name, ' ' ORDER BY name) FROM unnest(found) name);
END $$;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SELECT is(pg_temp.indexes($q$recipient = 'zoe@example.com'$q$), 'attempt_recipient notification_address notification_pkey',
	'by recipient');
SELECT is(pg_temp.indexes($q$appointment_id = '00000000-0000-0000-0000-00000000000a'$q$),
	'attempt_notification notification_appointment notification_pkey', 'by appointment');
SELECT is(pg_temp.indexes($q$error IS NOT NULL AND started_at > now() - interval '1 day'$q$), 'attempt_failed notification_pkey',
	'failed since yesterday');
SELECT is(pg_temp.indexes($q$started_at > now() - interval '1 hour'$q$), 'attempt_started notification_pkey', 'of the last hour');
SELECT is(pg_temp.indexes($q$application_id = '00000000-0000-0000-0000-00000000000a' AND due_at > now() - interval '1 day'$q$),
	'attempt_notification notification_application_due notification_pkey', 'by application and day');
SELECT is(pg_temp.indexes($q$application_id = '00000000-0000-0000-0000-00000000000a' AND due_at > now() - interval '1 day'$q$,
	'latest_failure'),
	'attempt_notification notification_appointment notification_reason', 'what is failing, by application and day');
RESET enable_seqscan;
RESET enable_hashjoin;
RESET enable_mergejoin;

UPDATE appt.attempt SET manual = true, due_at = NULL WHERE notification_id = 6 AND attempt_number = 2;
SELECT is(array_agg(lateness::text ORDER BY attempt_number), '{00:00:00.06,NULL}', 'a manual attempt is not late')
FROM appt.notification_log WHERE notification_id = 6;

SELECT is(array_agg(notification_id ORDER BY notification_id), '{5,6}',
	'failing now: what was tried last of its kind and failed, not what came right later')
FROM appt.latest_failure;
SELECT is(ROW(error, attempt_count, last_attempt_at - first_attempt_at, provider)::text, '("no such mailbox 2",2,00:02:00,SMTP)',
	'with its last attempt')
FROM appt.latest_failure WHERE notification_id = 6;

SELECT is(string_agg(concat_ws(' ', type, channel, pending, sending, sent, retrying, failed, suppressed, skipped, missed, cancelled,
	waiting), E'\n' ORDER BY type, channel),
	E'CANCELLED EMAIL 0 0 0 0 3 0 0 0 0 0\nCREATE EMAIL 0 0 1 0 0 0 0 0 0 0\nCREATE SMS 0 0 0 0 0 0 1 0 0 0\n'
	'REMINDER EMAIL 0 0 1 0 1 0 0 0 0 0\nUPDATE WEBHOOK 1 0 0 1 0 0 0 0 0 3', 'the last hour in numbers, and what waits however old')
FROM appt.notification_stats;
SELECT is(ROW(lateness_avg, lateness_p50, lateness_p95, lateness_max, last_failed_at - now(), last_sent_at)::text,
	'(00:00:00.05,00:00:00.05,00:00:00.059,00:00:00.06,-00:01:00,)', 'how late, and failed when')
FROM appt.notification_stats WHERE type = 'CANCELLED';
SELECT is(oldest_due_at, now() - interval '4 hours', 'the oldest that waits') FROM appt.notification_stats WHERE type = 'UPDATE';
DELETE FROM appt.due;
SELECT is(string_agg(waiting::text, ''), '00000', 'an empty queue is no obstacle') FROM appt.notification_stats;

SELECT * FROM finish();
ROLLBACK;
