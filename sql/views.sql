/*
 * views.sql: what people read. Each runs with the rights of who reads it: a
 * tenant's rows stay its own.
 */

CREATE VIEW appt.reason WITH (security_invoker = true) AS
SELECT reason, explanation FROM appt.reasons();
COMMENT ON VIEW appt.reason IS 'Why a notification can be in its state: the codes of notification.reason, each with a sentence.';
COMMENT ON COLUMN appt.reason.reason IS 'The code.';
COMMENT ON COLUMN appt.reason.explanation IS 'The reason as a sentence.';

CREATE VIEW appt.notification_type WITH (security_invoker = true) AS
SELECT type, description, audience, channels, due, first_attempt, window_length, superseded_by,
	obeys_switches, has_rules, has_offset
FROM appt.notification_types();
COMMENT ON VIEW appt.notification_type IS 'The types of notifications: whom they are for, over what, when they are due, and until when they may go out.';
COMMENT ON COLUMN appt.notification_type.audience IS
'CUSTOMERS of the appointment, JOINED_CUSTOMERS (those who joined the call), SUBSCRIBERS (webhooks alone) or the bare ADDRESS given. Subscribers get the others by webhook too.';
COMMENT ON COLUMN appt.notification_type.due IS 'When it is due.';
COMMENT ON COLUMN appt.notification_type.first_attempt IS 'Until when a first attempt may start; later it is MISSED.';
COMMENT ON COLUMN appt.notification_type.window_length IS 'Counted from when it is due; NULL where the appointment''s end decides.';
COMMENT ON COLUMN appt.notification_type.superseded_by IS 'The events that cancel it while it has not been sent, as the reasons they leave.';
COMMENT ON COLUMN appt.notification_type.obeys_switches IS 'Do the organization''s and the appointment''s switch stop it?';
COMMENT ON COLUMN appt.notification_type.has_rules IS 'Is it planned by the rows of appt.rule?';
COMMENT ON COLUMN appt.notification_type.has_offset IS 'May a rule''s time_offset differ from 0?';
COMMENT ON COLUMN appt.notification_type.type IS 'The code.';
COMMENT ON COLUMN appt.notification_type.description IS 'What it is, as a sentence.';
COMMENT ON COLUMN appt.notification_type.channels IS 'Over what it can go out.';

/*
 * The log. Narrowed by appointment_id, notification_id, recipient, by
 * application_id and due_at, or by started_at, it reads those rows alone,
 * whatever its size: each of these is a column that an index has, in attempt
 * and, for what was never attempted, in notification.
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
	a.response,
	provider.kind AS provider,
	a.provider_message_id,
	a.subject,
	n.created_at,
	n.settled_at,
	n.resent_from
FROM (
	SELECT notification_id, recipient, attempt_number, manual, due_at, started_at, finished_at,
		outcome, status_code, error, response, provider_id, provider_message_id, subject
	FROM appt.attempt
	UNION ALL
	/* Of the very same types and without a condition: else the planner would not look into each half by its index. */
	SELECT id, address, NULL::integer, NULL::boolean, NULL::timestamptz, NULL::timestamptz, NULL::timestamptz,
		NULL::appt.outcome_code, NULL::integer, NULL::text, NULL::text, NULL::uuid, NULL::text, NULL::text
	FROM appt.notification) a
	JOIN appt.notification n ON n.id = a.notification_id
	LEFT JOIN appt.application ON application.id = n.application_id
	LEFT JOIN appt.provider
		ON provider.application_id = n.application_id AND provider.id = a.provider_id
	LEFT JOIN appt.reasons() reason ON reason.reason = n.reason
WHERE a.attempt_number IS NOT NULL OR n.attempt_count = 0;
COMMENT ON VIEW appt.notification_log IS
'The log: a row per attempt, and one per notification that has none. What went to whom, when, over what, with which answer; why did this one not go?';
COMMENT ON COLUMN appt.notification_log.application IS 'The application''s name.';
COMMENT ON COLUMN appt.notification_log.recipient IS 'The address of this attempt; where there was none yet, the one known when it was planned.';
COMMENT ON COLUMN appt.notification_log.state IS 'Of the notification, as it is now.';
COMMENT ON COLUMN appt.notification_log.reason IS 'Why it is in its state, see the view reason.';
COMMENT ON COLUMN appt.notification_log.explanation IS 'The reason as a sentence.';
COMMENT ON COLUMN appt.notification_log.detail IS 'What went wrong in particular, where the reason alone does not tell.';
COMMENT ON COLUMN appt.notification_log.next_attempt_at IS 'When the worker looks at it next; NULL once it is settled or while it is being sent.';
COMMENT ON COLUMN appt.notification_log.manual IS 'Was the attempt asked for by a person?';
COMMENT ON COLUMN appt.notification_log.lateness IS
'From when the attempt was due to its start: for the first one, started_at - due_at; NULL where a person asked for it.';
COMMENT ON COLUMN appt.notification_log.outcome IS
'DELIVERED, FAILED or INTERRUPTED; NULL while the attempt is under way and where there was none.';
COMMENT ON COLUMN appt.notification_log.status_code IS 'The HTTP status or SMTP code that came back; NULL if none did.';
COMMENT ON COLUMN appt.notification_log.provider IS 'The kind of provider that carried the attempt; NULL for webhooks.';
COMMENT ON COLUMN appt.notification_log.notification_id IS 'Names the notification in functions.';
COMMENT ON COLUMN appt.notification_log.application_id IS 'The tenant it belongs to.';
COMMENT ON COLUMN appt.notification_log.appointment_id IS 'The appointment it is about, which may be gone; NULL: none.';
COMMENT ON COLUMN appt.notification_log.title IS 'The appointment''s.';
COMMENT ON COLUMN appt.notification_log.start_at IS 'The appointment''s.';
COMMENT ON COLUMN appt.notification_log.type IS 'Why it is sent: see the view notification_type.';
COMMENT ON COLUMN appt.notification_log.channel IS 'EMAIL, SMS or WEBHOOK.';
COMMENT ON COLUMN appt.notification_log.time_offset IS 'Of its rule: how long before the start or after the end it is due.';
COMMENT ON COLUMN appt.notification_log.recipient_kind IS 'Whom recipient_id names: CUSTOMER, USER, SUBSCRIBER or ADDRESS.';
COMMENT ON COLUMN appt.notification_log.recipient_id IS 'A participant, a user, a subscription, or the address itself.';
COMMENT ON COLUMN appt.notification_log.due_at IS 'When the notification is, or was, to go out.';
COMMENT ON COLUMN appt.notification_log.attempt_number IS '1 for the first; NULL: there was none.';
COMMENT ON COLUMN appt.notification_log.started_at IS 'When the attempt was opened, before a byte left.';
COMMENT ON COLUMN appt.notification_log.finished_at IS 'When its outcome was known; NULL while it is under way.';
COMMENT ON COLUMN appt.notification_log.error IS 'What went wrong.';
COMMENT ON COLUMN appt.notification_log.response IS 'What is kept of the answer.';
COMMENT ON COLUMN appt.notification_log.provider_message_id IS 'What the provider calls the message, or a mail server in its own log; NULL where it did not say.';
COMMENT ON COLUMN appt.notification_log.subject IS 'Of the message as it was sent.';
COMMENT ON COLUMN appt.notification_log.resent_from IS 'The notification that was sent again as this one; NULL: none.';
COMMENT ON COLUMN appt.notification_log.created_at IS 'When the notification was planned.';
COMMENT ON COLUMN appt.notification_log.settled_at IS 'When it came to its last state; NULL before.';

/*
 * Which notifications count as the latest failure is the rule of manual retry:
 * FAILED, and no other of the same appointment, recipient, channel and type
 * was attempted later, be it with success.
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
	/* Here the planner leaves them for last: asked for the latest few, they are judged for these few alone. */
	appt.not_retriable_because(n.id) IS NULL AS retriable,
	appt.not_retriable_because(n.id) AS not_retriable_because
FROM appt.notification n
	JOIN appt.attempt first ON first.notification_id = n.id AND first.attempt_number = 1
	JOIN appt.attempt last ON last.notification_id = n.id AND last.attempt_number = n.attempt_count
	LEFT JOIN appt.application ON application.id = n.application_id
	LEFT JOIN appt.provider
		ON provider.application_id = last.application_id AND provider.id = last.provider_id
	LEFT JOIN appt.reasons() reason ON reason.reason = n.reason
WHERE n.state = 'FAILED'
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
'What is failing: for each appointment, recipient, channel and type the notification tried last, if it failed, with its last attempt. Where retriable is true, retry_notification sends it again.';
COMMENT ON COLUMN appt.latest_failure.retriable IS 'True if retry_notification would send it again now.';
COMMENT ON COLUMN appt.latest_failure.not_retriable_because IS 'Why it can''t be sent again, as a sentence; NULL if it can.';
COMMENT ON COLUMN appt.latest_failure.application IS 'The application''s name.';
COMMENT ON COLUMN appt.latest_failure.recipient IS 'The address of the last attempt.';
COMMENT ON COLUMN appt.latest_failure.explanation IS 'The reason as a sentence.';
COMMENT ON COLUMN appt.latest_failure.error IS 'What went wrong at the last attempt.';
COMMENT ON COLUMN appt.latest_failure.response IS 'What the log keeps of the answer to the last attempt.';
COMMENT ON COLUMN appt.latest_failure.notification_id IS 'What retry_notification takes.';
COMMENT ON COLUMN appt.latest_failure.application_id IS 'The tenant it belongs to.';
COMMENT ON COLUMN appt.latest_failure.appointment_id IS 'The appointment it is about, which may be gone; NULL: none.';
COMMENT ON COLUMN appt.latest_failure.title IS 'The appointment''s.';
COMMENT ON COLUMN appt.latest_failure.start_at IS 'The appointment''s.';
COMMENT ON COLUMN appt.latest_failure.type IS 'Why it is sent: see the view notification_type.';
COMMENT ON COLUMN appt.latest_failure.channel IS 'EMAIL, SMS or WEBHOOK.';
COMMENT ON COLUMN appt.latest_failure.recipient_kind IS 'Whom recipient_id names: CUSTOMER, USER, SUBSCRIBER or ADDRESS.';
COMMENT ON COLUMN appt.latest_failure.recipient_id IS 'A participant, a user, a subscription, or the address itself.';
COMMENT ON COLUMN appt.latest_failure.reason IS 'Why it failed: see the view reason.';
COMMENT ON COLUMN appt.latest_failure.detail IS 'What went wrong in particular, where the reason alone does not tell.';
COMMENT ON COLUMN appt.latest_failure.due_at IS 'When it was to go out.';
COMMENT ON COLUMN appt.latest_failure.attempt_count IS 'Attempts made so far.';
COMMENT ON COLUMN appt.latest_failure.first_attempt_at IS 'When the first one started.';
COMMENT ON COLUMN appt.latest_failure.last_attempt_at IS 'When the last one started.';
COMMENT ON COLUMN appt.latest_failure.outcome IS 'Of the last attempt: FAILED or INTERRUPTED.';
COMMENT ON COLUMN appt.latest_failure.status_code IS 'The HTTP status or SMTP code that came back at last; NULL if none did.';
COMMENT ON COLUMN appt.latest_failure.provider IS 'The kind of provider that carried the last attempt; NULL for webhooks.';
COMMENT ON COLUMN appt.latest_failure.settled_at IS 'When it was given up.';

/*
 * For monitoring, so it must cost the same however long the log is: of
 * each application it reads what fell due within the last hour, through
 * notification_application_due; of the queue, what waits though due.
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
'How delivery is going, per application, type and channel: what fell due within the last hour and what became of it, and what waits though due. Cheap enough to be asked every few seconds.';
COMMENT ON COLUMN appt.notification_stats.application IS 'The application''s name.';
COMMENT ON COLUMN appt.notification_stats.pending IS 'Fell due within the last hour and not yet looked at, or waiting for activation. The next columns likewise, by their state now.';
COMMENT ON COLUMN appt.notification_stats.lateness_avg IS 'From due_at to the start of the first attempt, of those that were attempted.';
COMMENT ON COLUMN appt.notification_stats.lateness_p50 IS 'The median of the same.';
COMMENT ON COLUMN appt.notification_stats.lateness_p95 IS 'At most so late were 95 of 100.';
COMMENT ON COLUMN appt.notification_stats.last_sent_at IS 'When one of them was last SENT; NULL: none within the hour.';
COMMENT ON COLUMN appt.notification_stats.last_failed_at IS 'When one of them last FAILED; NULL: none within the hour.';
COMMENT ON COLUMN appt.notification_stats.waiting IS 'Due now, or due for a retry now, and not being sent, however old.';
COMMENT ON COLUMN appt.notification_stats.oldest_due_at IS 'Since when the oldest of those waits.';
COMMENT ON COLUMN appt.notification_stats.application_id IS 'The tenant.';
COMMENT ON COLUMN appt.notification_stats.type IS 'Why it is sent: see the view notification_type.';
COMMENT ON COLUMN appt.notification_stats.channel IS 'EMAIL, SMS or WEBHOOK.';
COMMENT ON COLUMN appt.notification_stats.sending IS 'Being sent.';
COMMENT ON COLUMN appt.notification_stats.sent IS 'Taken by the receiving side.';
COMMENT ON COLUMN appt.notification_stats.retrying IS 'To be tried again.';
COMMENT ON COLUMN appt.notification_stats.failed IS 'Attempted, and given up.';
COMMENT ON COLUMN appt.notification_stats.suppressed IS 'Held back by a switch, a rule or a subscription.';
COMMENT ON COLUMN appt.notification_stats.skipped IS 'Without a way to be sent.';
COMMENT ON COLUMN appt.notification_stats.missed IS 'Past their window.';
COMMENT ON COLUMN appt.notification_stats.cancelled IS 'Superseded by events.';
COMMENT ON COLUMN appt.notification_stats.lateness_max IS 'The most of the same.';

/* ---- worker_status ---- */

/* What is due is counted lane by lane, from the head of each: future entries cost nothing. */
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
	worker.last_error, worker.last_error_at, worker.why_quiet, worker.explanation
FROM appt.worker_status() worker CROSS JOIN queue;
COMMENT ON VIEW appt.worker_status IS
'The workers that serve this database, or should: a row each. For the owner, superusers and members of pg_monitor.';
COMMENT ON COLUMN appt.worker_status.slot IS '1 to appt.workers.';
COMMENT ON COLUMN appt.worker_status.pid IS 'Of the process, as in pg_stat_activity; NULL: it does not run.';
COMMENT ON COLUMN appt.worker_status.in_flight IS 'Messages being sent at this moment.';
COMMENT ON COLUMN appt.worker_status.due_now IS 'Messages of the whole database that are due, or due for a retry, and not settled; those in flight included.';
COMMENT ON COLUMN appt.worker_status.oldest_due_at IS 'Since when the oldest of them is due.';
COMMENT ON COLUMN appt.worker_status.sent IS 'Messages sent since this worker started.';
COMMENT ON COLUMN appt.worker_status.failed IS 'Messages that failed for good since this worker started.';
COMMENT ON COLUMN appt.worker_status.next_wake IS 'When it will look for work at the latest, unless a commit wakes it sooner.';
COMMENT ON COLUMN appt.worker_status.open_circuits IS 'To so many it sends one message at a time, because they keep failing: see circuit.';
COMMENT ON COLUMN appt.worker_status.last_error IS 'Of the worker itself, not of a message: see notification_log for those.';
COMMENT ON COLUMN appt.worker_status.why_quiet IS 'Why it sends nothing; NULL: it sends what is due. NOT_PRELOADED, STANDBY, EXCLUDED, HELD, NO_SLOT, AFTER_CRASH, STARTING, SLOT_TAKEN, DDL_IN_PROGRESS, VERSION_MISMATCH, NO_IDENTITY, RESTORED_COPY, DISABLED or FAILING.';
COMMENT ON COLUMN appt.worker_status.explanation IS 'The same as a sentence, with what can be done about it.';
COMMENT ON COLUMN appt.worker_status.started_at IS 'Since when it runs.';
COMMENT ON COLUMN appt.worker_status.last_error_at IS 'When that was.';

CREATE VIEW appt.circuit WITH (security_invoker = true) AS
SELECT slot, destination, application_id, channel, subscription_id, opened_at, failures, probe_at, last_error
FROM appt.open_circuits();
COMMENT ON VIEW appt.circuit IS
'Who kept failing and is probed with one message at a time until it answers: a row per open circuit, 32 a worker at most. For the owner, superusers and members of pg_monitor.';
COMMENT ON COLUMN appt.circuit.slot IS 'Of the worker; each keeps its own.';
COMMENT ON COLUMN appt.circuit.destination IS 'Scheme, host and port.';
COMMENT ON COLUMN appt.circuit.application_id IS 'Whose messages are held back; NULL: all that go there, for no connection can be made.';
COMMENT ON COLUMN appt.circuit.subscription_id IS 'The subscription whose messages are held back; NULL: see channel.';
COMMENT ON COLUMN appt.circuit.failures IS 'In a row so far.';
COMMENT ON COLUMN appt.circuit.probe_at IS 'When the next message is tried; past while one is under way or nothing is due.';
COMMENT ON COLUMN appt.circuit.last_error IS 'What went wrong last.';
COMMENT ON COLUMN appt.circuit.channel IS 'Which of the application''s messages are held back: EMAIL, SMS or WEBHOOK; NULL: all that go there.';
COMMENT ON COLUMN appt.circuit.opened_at IS 'Since when.';
