/*
 * views.sql: views for users. Each runs with the rights of its reader, who sees
 * the rows that the policies allow.
 */

CREATE VIEW appt.reason WITH (security_invoker = true) AS
SELECT reason, explanation FROM appt.reasons();
COMMENT ON VIEW appt.reason IS 'Reasons why a notification can be in its state: the codes of notification.reason, each with a sentence.';
COMMENT ON COLUMN appt.reason.reason IS 'Code of the reason.';
COMMENT ON COLUMN appt.reason.explanation IS 'The reason as a sentence.';

CREATE VIEW appt.notification_type WITH (security_invoker = true) AS
SELECT type, description, audience, channels, due, first_attempt, window_length, superseded_by,
	obeys_switches, has_rules, has_offset
FROM appt.notification_types();
COMMENT ON VIEW appt.notification_type IS
'Types of notifications: their audience and channels, when they are due, and until when they may be sent.';
COMMENT ON COLUMN appt.notification_type.type IS 'Code of the type.';
COMMENT ON COLUMN appt.notification_type.description IS 'What it tells the recipient, as a sentence.';
COMMENT ON COLUMN appt.notification_type.audience IS
'CUSTOMERS of the appointment, JOINED_CUSTOMERS (those who joined the call), SUBSCRIBERS (webhooks alone) or a plain ADDRESS. Subscribers also get a webhook for the types of customers.';
COMMENT ON COLUMN appt.notification_type.channels IS 'Channels that it can be sent over.';
COMMENT ON COLUMN appt.notification_type.due IS 'When a notification of this type is due.';
COMMENT ON COLUMN appt.notification_type.first_attempt IS 'Until when the first attempt may start; after that the notification is MISSED.';
COMMENT ON COLUMN appt.notification_type.window_length IS
'Length of the window for the first attempt, from due_at; NULL if the window ends with the appointment.';
COMMENT ON COLUMN appt.notification_type.superseded_by IS
'Events that cancel it while it has not been sent, as the reason codes that they leave.';
COMMENT ON COLUMN appt.notification_type.obeys_switches IS 'True: the switches of the organization and the appointment stop it.';
COMMENT ON COLUMN appt.notification_type.has_rules IS 'True: rows of appt.rule plan it.';
COMMENT ON COLUMN appt.notification_type.has_offset IS 'True: the time_offset of a rule may differ from 0.';

/*
 * The log. A query by appointment_id, notification_id, recipient or its
 * beginning, application_id and due_at, or started_at reads only the rows it asks
 * for, whatever the size of the log: each of these columns has an index, in attempt
 * and, for notifications without attempts, in notification. The names of the
 * recipient and the response are looked up for the rows of the result alone, by
 * key, and only if they are selected.
 */
CREATE VIEW appt.notification_log WITH (security_invoker = true) AS
SELECT
	n.id AS notification_id,
	n.application_id,
	application.name AS application,
	n.appointment_id,
	n.title,
	n.start_at,
	n.type,
	n.channel,
	n.time_offset,
	n.recipient_kind,
	n.recipient_id,
	a.recipient,
	n.state,
	n.reason,
	reason.explanation,
	n.detail,
	n.due_at,
	n.next_attempt_at,
	a.attempt_number,
	a.manual,
	a.started_at,
	a.finished_at,
	a.started_at - CASE WHEN a.attempt_number = 1 THEN n.due_at ELSE a.due_at END AS lateness,
	a.outcome,
	a.status_code,
	a.error,
	a.response AS answer,
	provider.kind AS provider,
	a.provider_message_id,
	a.subject,
	n.created_at,
	n.settled_at,
	n.resent_from,
	a.segments,
	a.cost,
	a.currency,
	a.receipt,
	a.receipt_code,
	a.receipt_at,
	CASE n.recipient_kind
		WHEN 'CUSTOMER' THEN (
			SELECT coalesce(nullif(concat_ws(' ', p.first_name, p.last_name), ''), p.username)
			FROM appt.participant p
			WHERE p.application_id = n.application_id AND p.appointment_id = n.appointment_id AND p.id = n.recipient_id)
		WHEN 'USER' THEN (
			SELECT u.name FROM appt.user_profile u
			WHERE u.application_id = n.application_id AND u.id = n.recipient_id)
	END AS recipient_name,
	coalesce(
		CASE n.recipient_kind
			WHEN 'CUSTOMER' THEN (
				SELECT p.email FROM appt.participant p
				WHERE p.application_id = n.application_id AND p.appointment_id = n.appointment_id AND p.id = n.recipient_id)
			WHEN 'USER' THEN (
				SELECT u.email FROM appt.user_profile u
				WHERE u.application_id = n.application_id AND u.id = n.recipient_id)
		END,
		CASE n.channel WHEN 'EMAIL' THEN a.recipient END) AS recipient_email,
	coalesce(
		CASE n.recipient_kind
			WHEN 'CUSTOMER' THEN (
				SELECT p.phone FROM appt.participant p
				WHERE p.application_id = n.application_id AND p.appointment_id = n.appointment_id AND p.id = n.recipient_id)
			WHEN 'USER' THEN (
				SELECT coalesce(u.custom_phone, u.backup_phone) FROM appt.user_profile u
				WHERE u.application_id = n.application_id AND u.id = n.recipient_id)
		END,
		CASE n.channel WHEN 'SMS' THEN a.recipient END) AS recipient_phone,
	a.text_body,
	a.html_body,
	(SELECT r.action FROM appt.response r
		WHERE r.application_id = n.application_id AND r.notification_id = n.id ORDER BY r.created_at DESC, r.id DESC LIMIT 1) AS response,
	(SELECT r.reason FROM appt.response r
		WHERE r.application_id = n.application_id AND r.notification_id = n.id ORDER BY r.created_at DESC, r.id DESC LIMIT 1) AS response_reason,
	(SELECT r.created_at FROM appt.response r
		WHERE r.application_id = n.application_id AND r.notification_id = n.id ORDER BY r.created_at DESC, r.id DESC LIMIT 1) AS responded_at,
	n.address,
	due.first_due_at AS unsettled_due_at
FROM (
	SELECT notification_id, recipient, attempt_number, manual, due_at, started_at, finished_at,
		outcome, status_code, error, response, provider_id, provider_message_id, subject,
		segments, cost, currency, receipt, receipt_code, receipt_at, text_body, html_body
	FROM appt.attempt
	UNION ALL
	/* The same types and no condition: otherwise the planner would not use an index in each half. */
	SELECT id, address, NULL::integer, NULL::boolean, NULL::timestamptz, NULL::timestamptz, NULL::timestamptz,
		NULL::appt.outcome_code, NULL::integer, NULL::text, NULL::text, NULL::uuid, NULL::text, NULL::text,
		NULL::integer, NULL::numeric, NULL::text, NULL::appt.receipt_kind_code, NULL::text, NULL::timestamptz,
		NULL::text, NULL::text
	FROM appt.notification) a
	JOIN appt.notification n ON n.id = a.notification_id
	LEFT JOIN appt.application ON application.id = n.application_id
	LEFT JOIN appt.provider
		ON provider.application_id = n.application_id AND provider.id = a.provider_id
	LEFT JOIN appt.reasons() reason ON reason.reason = n.reason
	/* By all keys of due_application: the planner begins there if the column is compared, and removes the join if it is not asked for. */
	LEFT JOIN appt.due
		ON due.application_id = n.application_id AND due.first_due_at = n.due_at AND due.notification_id = n.id
WHERE a.attempt_number IS NOT NULL OR n.attempt_count = 0;
COMMENT ON VIEW appt.notification_log IS
'The log of notifications: one row per attempt, and one per notification without attempts. It tells what was sent to whom, when, over which channel and with which answer, and why a notification was not sent.';
COMMENT ON COLUMN appt.notification_log.notification_id IS 'Identifier of the notification, used in functions.';
COMMENT ON COLUMN appt.notification_log.application_id IS 'The application that the notification belongs to.';
COMMENT ON COLUMN appt.notification_log.application IS 'Name of the application.';
COMMENT ON COLUMN appt.notification_log.appointment_id IS
'Appointment that it is about, which may be deleted; NULL for one-time codes and test messages.';
COMMENT ON COLUMN appt.notification_log.title IS 'Title of the appointment.';
COMMENT ON COLUMN appt.notification_log.start_at IS 'Start of the appointment.';
COMMENT ON COLUMN appt.notification_log.type IS 'Type of the notification: see the view notification_type.';
COMMENT ON COLUMN appt.notification_log.channel IS 'EMAIL, SMS, WEBHOOK or IN_APP.';
COMMENT ON COLUMN appt.notification_log.time_offset IS 'Offset of its rule: how long before the start or after the end it is due.';
COMMENT ON COLUMN appt.notification_log.recipient_kind IS 'What recipient_id identifies: CUSTOMER, USER, SUBSCRIBER or ADDRESS.';
COMMENT ON COLUMN appt.notification_log.recipient_id IS 'A participant, a user, a subscription, or the address itself.';
COMMENT ON COLUMN appt.notification_log.recipient IS
'Address of this attempt; without an attempt, the address known when the notification was planned.';
COMMENT ON COLUMN appt.notification_log.state IS 'Present state of the notification.';
COMMENT ON COLUMN appt.notification_log.reason IS 'Why it is in its state: see the view reason.';
COMMENT ON COLUMN appt.notification_log.explanation IS 'The reason as a sentence.';
COMMENT ON COLUMN appt.notification_log.detail IS 'Details that the reason does not tell; NULL means none.';
COMMENT ON COLUMN appt.notification_log.due_at IS 'When its first attempt is due.';
COMMENT ON COLUMN appt.notification_log.next_attempt_at IS 'When the worker judges it next; NULL while SENDING and once settled.';
COMMENT ON COLUMN appt.notification_log.attempt_number IS 'Number of the attempt within its notification, from 1; NULL without an attempt.';
COMMENT ON COLUMN appt.notification_log.manual IS 'True: a user asked for the attempt by retry_notification.';
COMMENT ON COLUMN appt.notification_log.started_at IS 'When the attempt was recorded, before the first byte was sent.';
COMMENT ON COLUMN appt.notification_log.finished_at IS 'When the outcome was known; NULL while the attempt is under way.';
COMMENT ON COLUMN appt.notification_log.lateness IS
'Time from when the attempt was due to its start; for the first attempt, started_at - due_at. NULL if a user asked for the attempt.';
COMMENT ON COLUMN appt.notification_log.outcome IS
'DELIVERED, FAILED or INTERRUPTED; NULL while the attempt is under way and without an attempt.';
COMMENT ON COLUMN appt.notification_log.status_code IS 'HTTP status or SMTP code of the answer; NULL if there was none.';
COMMENT ON COLUMN appt.notification_log.error IS 'What went wrong; NULL if nothing did.';
COMMENT ON COLUMN appt.notification_log.answer IS
'Body of the answer, or last reply of the mail server, without secrets, cut to 4,096 bytes; NULL means none.';
COMMENT ON COLUMN appt.notification_log.provider IS 'Kind of the provider that carried the attempt; NULL for webhooks.';
COMMENT ON COLUMN appt.notification_log.provider_message_id IS
'Identifier of the message at the provider or in the mail server''s log, read from the answer; NULL means that none was found.';
COMMENT ON COLUMN appt.notification_log.subject IS 'Subject of the message as it was sent.';
COMMENT ON COLUMN appt.notification_log.created_at IS 'When the notification was planned.';
COMMENT ON COLUMN appt.notification_log.settled_at IS 'When the notification reached its final state; NULL means not yet.';
COMMENT ON COLUMN appt.notification_log.resent_from IS 'Notification that was sent again as this one; NULL means none.';
COMMENT ON COLUMN appt.notification_log.segments IS
'Number of segments of the text message that the provider took; NULL if it took none, and for other channels.';
COMMENT ON COLUMN appt.notification_log.cost IS 'Price of the message; NULL if the provider did not take it or has no price.';
COMMENT ON COLUMN appt.notification_log.currency IS 'Currency of the cost, a code of ISO 4217; NULL without a cost.';
COMMENT ON COLUMN appt.notification_log.receipt IS
'What the provider reported later: DELIVERED or UNDELIVERED; NULL means nothing yet.';
COMMENT ON COLUMN appt.notification_log.receipt_code IS 'Code that the provider gave with the receipt; NULL means none.';
COMMENT ON COLUMN appt.notification_log.receipt_at IS 'When the receipt was recorded; NULL means not yet.';
COMMENT ON COLUMN appt.notification_log.recipient_name IS
'Present name of the customer or user; NULL if there is none, the recipient was deleted, or the reader may not see it.';
COMMENT ON COLUMN appt.notification_log.recipient_email IS
'Present email address of the customer or user, otherwise the address of this email; NULL means none.';
COMMENT ON COLUMN appt.notification_log.recipient_phone IS
'Present phone number of the customer or user, otherwise the number of this text message; NULL means none.';
COMMENT ON COLUMN appt.notification_log.text_body IS 'Text of the message as it was sent, its links masked; NULL without an attempt.';
COMMENT ON COLUMN appt.notification_log.html_body IS 'HTML of the message as it was sent, its links masked; NULL means none.';
COMMENT ON COLUMN appt.notification_log.response IS
'Last response of the recipient to this notification: ACCEPT, DECLINE or RESCHEDULE; NULL means none.';
COMMENT ON COLUMN appt.notification_log.response_reason IS 'Reason that was given with it; NULL means none.';
COMMENT ON COLUMN appt.notification_log.responded_at IS 'When it was given; NULL means not yet.';
COMMENT ON COLUMN appt.notification_log.address IS
'Address of the first attempt or, without attempts, the recipient''s when the notification was planned. recipient is that of each attempt.';
COMMENT ON COLUMN appt.notification_log.unsettled_due_at IS
'due_at while the notification is PENDING, SENDING or RETRYING; NULL once it is settled.';

/*
 * A latest failure is what a retry by hand accepts: a FAILED notification such
 * that no other of the same appointment, recipient, channel and type was
 * attempted later, with or without success.
 */
CREATE VIEW appt.latest_failure WITH (security_invoker = true) AS
SELECT
	n.id AS notification_id,
	n.application_id,
	application.name AS application,
	n.appointment_id,
	n.title,
	n.start_at,
	n.type,
	n.channel,
	n.recipient_kind,
	n.recipient_id,
	coalesce(last.recipient, n.address) AS recipient,
	n.reason,
	reason.explanation,
	n.detail,
	n.due_at,
	n.attempt_count,
	first.started_at AS first_attempt_at,
	last.started_at AS last_attempt_at,
	last.outcome,
	last.status_code,
	last.error,
	last.response,
	provider.kind AS provider,
	n.settled_at,
	/* In the select list, so that a query with LIMIT judges only the rows that it returns. */
	appt.not_retriable_because(n.id) IS NULL AS retriable,
	appt.not_retriable_because(n.id) AS not_retriable_because
FROM appt.notification n
	JOIN appt.attempt first ON first.notification_id = n.id AND first.attempt_number = 1
	JOIN appt.attempt last ON last.notification_id = n.id AND last.attempt_number = n.attempt_count
	LEFT JOIN appt.application ON application.id = n.application_id
	LEFT JOIN appt.provider
		ON provider.application_id = last.application_id AND provider.id = last.provider_id
	LEFT JOIN appt.reasons() reason ON reason.reason = n.reason
/* Whatever is FAILED has a reason; saying so lets the planner find it by notification_reason. */
WHERE n.state = 'FAILED' AND n.reason IS NOT NULL
	AND NOT EXISTS (
		SELECT FROM appt.notification other
			JOIN appt.attempt other_first
				ON other_first.notification_id = other.id AND other_first.attempt_number = 1
		WHERE other.appointment_id = n.appointment_id
			AND other.recipient_kind = n.recipient_kind
			AND other.recipient_id = n.recipient_id
			AND other.channel = n.channel
			AND other.type = n.type
			AND (other_first.started_at, other.id) > (first.started_at, n.id));
COMMENT ON VIEW appt.latest_failure IS
'Present failures: for each appointment, recipient, channel and type the notification that was attempted last, if it failed, with its last attempt. If retriable is true, retry_notification can send it again.';
COMMENT ON COLUMN appt.latest_failure.notification_id IS 'Identifier of the notification, the argument of retry_notification.';
COMMENT ON COLUMN appt.latest_failure.application_id IS 'The application that the notification belongs to.';
COMMENT ON COLUMN appt.latest_failure.application IS 'Name of the application.';
COMMENT ON COLUMN appt.latest_failure.appointment_id IS
'Appointment that it is about, which may be deleted; NULL for one-time codes and test messages.';
COMMENT ON COLUMN appt.latest_failure.title IS 'Title of the appointment.';
COMMENT ON COLUMN appt.latest_failure.start_at IS 'Start of the appointment.';
COMMENT ON COLUMN appt.latest_failure.type IS 'Type of the notification: see the view notification_type.';
COMMENT ON COLUMN appt.latest_failure.channel IS 'EMAIL, SMS or WEBHOOK.';
COMMENT ON COLUMN appt.latest_failure.recipient_kind IS 'What recipient_id identifies: CUSTOMER, USER, SUBSCRIBER or ADDRESS.';
COMMENT ON COLUMN appt.latest_failure.recipient_id IS 'A participant, a user, a subscription, or the address itself.';
COMMENT ON COLUMN appt.latest_failure.recipient IS 'Address of the last attempt.';
COMMENT ON COLUMN appt.latest_failure.reason IS 'Why it failed: see the view reason.';
COMMENT ON COLUMN appt.latest_failure.explanation IS 'The reason as a sentence.';
COMMENT ON COLUMN appt.latest_failure.detail IS 'Details that the reason does not tell; NULL means none.';
COMMENT ON COLUMN appt.latest_failure.due_at IS 'When its first attempt was due.';
COMMENT ON COLUMN appt.latest_failure.attempt_count IS 'Number of attempts so far.';
COMMENT ON COLUMN appt.latest_failure.first_attempt_at IS 'Start of the first attempt.';
COMMENT ON COLUMN appt.latest_failure.last_attempt_at IS 'Start of the last attempt.';
COMMENT ON COLUMN appt.latest_failure.outcome IS 'Outcome of the last attempt: FAILED or INTERRUPTED.';
COMMENT ON COLUMN appt.latest_failure.status_code IS 'HTTP status or SMTP code of the last answer; NULL if there was none.';
COMMENT ON COLUMN appt.latest_failure.error IS 'What went wrong at the last attempt.';
COMMENT ON COLUMN appt.latest_failure.response IS
'Body of the last answer, or last reply of the mail server, without secrets, cut to 4,096 bytes; NULL means none.';
COMMENT ON COLUMN appt.latest_failure.provider IS 'Kind of the provider that carried the last attempt; NULL for webhooks.';
COMMENT ON COLUMN appt.latest_failure.settled_at IS 'When it was given up.';
COMMENT ON COLUMN appt.latest_failure.retriable IS 'True if retry_notification would send it again now.';
COMMENT ON COLUMN appt.latest_failure.not_retriable_because IS 'Why it cannot be sent again, as a sentence; NULL if it can.';

/*
 * For monitoring, so its cost must not depend on the length of the log. For each
 * application it reads what fell due within the last hour, by the index
 * notification_application_due; from the queue, what is due and waits.
 */
CREATE VIEW appt.notification_stats WITH (security_invoker = true) AS
WITH waiting AS (
	SELECT n.application_id, n.type, n.channel, count(*) AS waiting, min(due.due_at) AS oldest_due_at
	FROM appt.due_notifications() due
		JOIN appt.notification n ON n.id = due.notification_id
	WHERE n.state IN ('PENDING', 'RETRYING')
	GROUP BY 1, 2, 3
), recent AS (
	SELECT n.application_id, n.type, n.channel, n.state, n.settled_at,
		extract(epoch FROM first.started_at - n.due_at) AS lateness
	FROM appt.application
		CROSS JOIN LATERAL (
			SELECT id, application_id, type, channel, state, due_at, settled_at FROM appt.notification
			WHERE notification.application_id = application.id
				AND notification.due_at > now() - interval '1 hour' AND notification.due_at <= now()
			OFFSET 0) n
		LEFT JOIN appt.attempt first ON first.notification_id = n.id AND first.attempt_number = 1
), counted AS (
	SELECT application_id, type, channel,
		count(*) FILTER (WHERE state = 'PENDING') AS pending,
		count(*) FILTER (WHERE state = 'SENDING') AS sending,
		count(*) FILTER (WHERE state = 'SENT') AS sent,
		count(*) FILTER (WHERE state = 'RETRYING') AS retrying,
		count(*) FILTER (WHERE state = 'FAILED') AS failed,
		count(*) FILTER (WHERE state = 'SUPPRESSED') AS suppressed,
		count(*) FILTER (WHERE state = 'SKIPPED') AS skipped,
		count(*) FILTER (WHERE state = 'MISSED') AS missed,
		count(*) FILTER (WHERE state = 'CANCELLED') AS cancelled,
		avg(lateness) AS lateness_avg,
		percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY lateness) AS percentiles,
		max(lateness) AS lateness_max,
		max(settled_at) FILTER (WHERE state = 'SENT') AS last_sent_at,
		max(settled_at) FILTER (WHERE state = 'FAILED') AS last_failed_at
	FROM recent GROUP BY 1, 2, 3
)
SELECT
	application_id,
	application.name AS application,
	type,
	channel,
	coalesce(pending, 0) AS pending,
	coalesce(sending, 0) AS sending,
	coalesce(sent, 0) AS sent,
	coalesce(retrying, 0) AS retrying,
	coalesce(failed, 0) AS failed,
	coalesce(suppressed, 0) AS suppressed,
	coalesce(skipped, 0) AS skipped,
	coalesce(missed, 0) AS missed,
	coalesce(cancelled, 0) AS cancelled,
	make_interval(secs => lateness_avg::double precision) AS lateness_avg,
	make_interval(secs => percentiles[1]) AS lateness_p50,
	make_interval(secs => percentiles[2]) AS lateness_p95,
	make_interval(secs => lateness_max::double precision) AS lateness_max,
	last_sent_at,
	last_failed_at,
	coalesce(waiting, 0) AS waiting,
	oldest_due_at
FROM counted
	FULL JOIN waiting USING (application_id, type, channel)
	LEFT JOIN appt.application ON application.id = application_id;
COMMENT ON VIEW appt.notification_stats IS
'Delivery figures per application, type and channel: what fell due within the last hour and its outcome, and what waits although it is due. Cheap enough to be read every few seconds.';
COMMENT ON COLUMN appt.notification_stats.application_id IS 'The application.';
COMMENT ON COLUMN appt.notification_stats.application IS 'Name of the application.';
COMMENT ON COLUMN appt.notification_stats.type IS 'Type of the notifications: see the view notification_type.';
COMMENT ON COLUMN appt.notification_stats.channel IS 'EMAIL, SMS or WEBHOOK.';
COMMENT ON COLUMN appt.notification_stats.pending IS
'Number of notifications that fell due within the last hour and are not yet judged, or wait for activation. The next columns count those that fell due within the last hour by their present state.';
COMMENT ON COLUMN appt.notification_stats.sending IS 'Number being sent.';
COMMENT ON COLUMN appt.notification_stats.sent IS 'Number accepted by the receiving side.';
COMMENT ON COLUMN appt.notification_stats.retrying IS 'Number that will be tried again.';
COMMENT ON COLUMN appt.notification_stats.failed IS 'Number attempted and given up.';
COMMENT ON COLUMN appt.notification_stats.suppressed IS 'Number held back by a switch, a rule or a subscription.';
COMMENT ON COLUMN appt.notification_stats.skipped IS 'Number without a way to be sent.';
COMMENT ON COLUMN appt.notification_stats.missed IS 'Number that passed their window.';
COMMENT ON COLUMN appt.notification_stats.cancelled IS 'Number superseded by events.';
COMMENT ON COLUMN appt.notification_stats.lateness_avg IS
'Average time from due_at to the start of the first attempt, of those that were attempted.';
COMMENT ON COLUMN appt.notification_stats.lateness_p50 IS 'Median of the same time.';
COMMENT ON COLUMN appt.notification_stats.lateness_p95 IS '95th percentile of the same time.';
COMMENT ON COLUMN appt.notification_stats.lateness_max IS 'Maximum of the same time.';
COMMENT ON COLUMN appt.notification_stats.last_sent_at IS 'When one of them was last SENT; NULL means none within the hour.';
COMMENT ON COLUMN appt.notification_stats.last_failed_at IS 'When one of them last FAILED; NULL means none within the hour.';
COMMENT ON COLUMN appt.notification_stats.waiting IS
'Number of notifications of any age that are due now, or due for a retry, and are not being sent.';
COMMENT ON COLUMN appt.notification_stats.oldest_due_at IS 'When the oldest of the waiting ones fell due.';

/* ---- worker_status ---- */

/* Counts due entries lane by lane, from the head of each lane, so that future entries cost nothing. */
CREATE VIEW appt.worker_status WITH (security_invoker = true) AS
WITH RECURSIVE lane (lane) AS (
	(SELECT due.lane FROM appt.due ORDER BY due.lane LIMIT 1)
	UNION ALL
	SELECT (SELECT due.lane FROM appt.due WHERE due.lane > lane.lane ORDER BY due.lane LIMIT 1)
	FROM lane WHERE lane.lane IS NOT NULL
), queue AS (
	SELECT count(*) AS due_now, min(due.due_at) AS oldest_due_at
	FROM lane JOIN appt.due ON due.lane = lane.lane AND due.due_at <= now()
)
SELECT worker.slot, worker.pid, worker.started_at, worker.in_flight,
	queue.due_now, queue.oldest_due_at,
	worker.sent, worker.failed, worker.next_wake, worker.open_circuits,
	worker.last_error, worker.last_error_at, worker.why_quiet, worker.explanation,
	(SELECT count(*) FROM appt.provider WHERE enabled AND kind = 'LOG') AS log_providers
FROM appt.worker_status() worker CROSS JOIN queue;
COMMENT ON VIEW appt.worker_status IS
'Workers that serve this database, or should: one row each. For the owner, superusers and members of pg_monitor.';
COMMENT ON COLUMN appt.worker_status.slot IS 'Number of the worker, from 1 to appt.workers.';
COMMENT ON COLUMN appt.worker_status.pid IS 'Process id, as in pg_stat_activity; NULL if it does not run.';
COMMENT ON COLUMN appt.worker_status.started_at IS 'When it started.';
COMMENT ON COLUMN appt.worker_status.in_flight IS 'Number of messages being sent at this moment.';
COMMENT ON COLUMN appt.worker_status.due_now IS
'Number of messages of the whole database that are due, or due for a retry, and not settled; those in flight included.';
COMMENT ON COLUMN appt.worker_status.oldest_due_at IS 'When the oldest of them fell due.';
COMMENT ON COLUMN appt.worker_status.sent IS 'Number of messages sent since this worker started.';
COMMENT ON COLUMN appt.worker_status.failed IS 'Number of messages given up since this worker started.';
COMMENT ON COLUMN appt.worker_status.next_wake IS 'When the worker wakes if no commit wakes it sooner.';
COMMENT ON COLUMN appt.worker_status.open_circuits IS
'Number of destinations that get one message at a time because they keep failing: see the view circuit.';
COMMENT ON COLUMN appt.worker_status.last_error IS 'Last error of the worker itself; errors of messages are in notification_log.';
COMMENT ON COLUMN appt.worker_status.last_error_at IS 'When that error occurred.';
COMMENT ON COLUMN appt.worker_status.why_quiet IS
'Why it sends nothing: NOT_PRELOADED, STANDBY, EXCLUDED, HELD, NO_SLOT, AFTER_CRASH, STARTING, SLOT_TAKEN, DDL_IN_PROGRESS, VERSION_MISMATCH, NO_IDENTITY, RESTORED_COPY, DISABLED or FAILING; NULL means that it sends what is due.';
COMMENT ON COLUMN appt.worker_status.explanation IS 'The same as a sentence that says what can be done about it.';
COMMENT ON COLUMN appt.worker_status.log_providers IS
'Number of enabled providers of kind LOG in the database: their messages are written to the log and reach nobody.';

CREATE VIEW appt.circuit WITH (security_invoker = true) AS
SELECT slot, destination, application_id, channel, subscription_id, opened_at, failures, probe_at, last_error
FROM appt.open_circuits();
COMMENT ON VIEW appt.circuit IS
'Destinations that kept failing and are probed with one message at a time until they answer: one row per open circuit, at most 32 per worker. For the owner, superusers and members of pg_monitor.';
COMMENT ON COLUMN appt.circuit.slot IS 'Slot of the worker; each has its own circuits.';
COMMENT ON COLUMN appt.circuit.destination IS 'Scheme, host and port.';
COMMENT ON COLUMN appt.circuit.application_id IS
'Application whose messages are held back; NULL means all messages to the destination, because no connection can be made.';
COMMENT ON COLUMN appt.circuit.channel IS
'Channel of the application''s messages that are held back: EMAIL, SMS or WEBHOOK; NULL means all messages to the destination.';
COMMENT ON COLUMN appt.circuit.subscription_id IS 'Subscription whose webhooks are held back; NULL means none: see channel.';
COMMENT ON COLUMN appt.circuit.opened_at IS 'When the circuit opened.';
COMMENT ON COLUMN appt.circuit.failures IS 'Number of failures in a row so far.';
COMMENT ON COLUMN appt.circuit.probe_at IS 'When the next message is tried; in the past while one is under way or nothing is due.';
COMMENT ON COLUMN appt.circuit.last_error IS 'Error of the last failure.';
