/*
 * incident_views.sql: views for an incident: what fails and where, who does not know
 * of an appointment, what leaves next, how long deliveries take.
 *
 * Each reads an hour or a few days, by an index, whatever the size of the log: the
 * attempts of a time by the blocks that attempt_started names, those that failed by
 * attempt_failed; of each application, what waits by due_application, and appointments
 * ahead by appointment_start.
 */

/* The failures of a day are few. Only for these are messages and endpoints looked up. */
CREATE VIEW appt.failures_by_endpoint WITH (security_invoker = true) AS
WITH endpoint AS (
	SELECT n.application_id, n.channel, a.provider_id, n.subscription_id,
		count(*) AS failed_attempts,
		count(DISTINCT n.id) AS messages,
		count(DISTINCT n.id) FILTER (WHERE n.state = 'RETRYING') AS retrying,
		count(DISTINCT n.id) FILTER (WHERE n.state = 'FAILED') AS given_up,
		count(DISTINCT n.id) FILTER (WHERE n.state = 'SENT') AS sent_later,
		min(a.started_at) AS first_failed_at,
		max(a.started_at) AS last_failed_at,
		/* The latest attempt. By time: ids of several nodes do not grow with time. */
		(max(ARRAY[(extract(epoch FROM a.started_at) * 1000000)::bigint, a.id]))[2] AS last_attempt_id
	FROM appt.attempt a
		JOIN appt.notification n ON n.id = a.notification_id
	WHERE a.started_at > now() - interval '1 day' AND a.error IS NOT NULL
	GROUP BY 1, 2, 3, 4
)
SELECT
	endpoint.application_id,
	application.name AS application,
	endpoint.channel,
	coalesce(provider.kind, CASE WHEN endpoint.subscription_id IS NOT NULL THEN 'subscription' END) AS kind,
	coalesce(provider.url, CASE WHEN endpoint.subscription_id IS NOT NULL THEN last.recipient END) AS endpoint,
	endpoint.provider_id,
	endpoint.subscription_id,
	endpoint.failed_attempts,
	endpoint.messages,
	endpoint.retrying,
	endpoint.given_up,
	endpoint.sent_later,
	endpoint.first_failed_at,
	endpoint.last_failed_at,
	last.notification_id AS last_notification_id,
	last.status_code AS last_status_code,
	last.error AS last_error,
	last.response AS last_answer
FROM endpoint
	JOIN appt.attempt last ON last.id = endpoint.last_attempt_id
	LEFT JOIN appt.application ON application.id = endpoint.application_id
	LEFT JOIN appt.provider ON provider.application_id = endpoint.application_id AND provider.id = endpoint.provider_id;
COMMENT ON VIEW appt.failures_by_endpoint IS
'Where messages fail: attempts of the last 24 hours that failed or were interrupted, by application and endpoint, and what has become of their messages.';
COMMENT ON COLUMN appt.failures_by_endpoint.application_id IS 'The application that the messages belong to.';
COMMENT ON COLUMN appt.failures_by_endpoint.application IS 'Name of the application.';
COMMENT ON COLUMN appt.failures_by_endpoint.channel IS 'EMAIL, SMS, WEBHOOK or IN_APP.';
COMMENT ON COLUMN appt.failures_by_endpoint.kind IS
'Kind of the provider, or subscription; NULL for IN_APP, for a provider that is deleted, and for readers who may not see providers.';
COMMENT ON COLUMN appt.failures_by_endpoint.endpoint IS 'URL of the provider, or of the subscription without its query; NULL as for kind, and for kind LOG.';
COMMENT ON COLUMN appt.failures_by_endpoint.provider_id IS 'Provider that carried the messages; NULL for webhooks and IN_APP.';
COMMENT ON COLUMN appt.failures_by_endpoint.subscription_id IS 'Subscription that the webhooks were sent to; NULL for other channels.';
COMMENT ON COLUMN appt.failures_by_endpoint.failed_attempts IS 'How many attempts failed.';
COMMENT ON COLUMN appt.failures_by_endpoint.messages IS 'Of how many messages.';
COMMENT ON COLUMN appt.failures_by_endpoint.retrying IS 'How many of these messages will be tried again.';
COMMENT ON COLUMN appt.failures_by_endpoint.given_up IS 'How many were given up: FAILED.';
COMMENT ON COLUMN appt.failures_by_endpoint.sent_later IS 'How many were sent by a later attempt. If all were, the endpoint works again.';
COMMENT ON COLUMN appt.failures_by_endpoint.first_failed_at IS 'Start of the first attempt that failed.';
COMMENT ON COLUMN appt.failures_by_endpoint.last_failed_at IS 'Start of the last one.';
COMMENT ON COLUMN appt.failures_by_endpoint.last_notification_id IS 'Notification of the last one, to look at in notification_log.';
COMMENT ON COLUMN appt.failures_by_endpoint.last_status_code IS 'HTTP status or SMTP code of its answer; NULL if there was none.';
COMMENT ON COLUMN appt.failures_by_endpoint.last_error IS 'What went wrong with it.';
COMMENT ON COLUMN appt.failures_by_endpoint.last_answer IS
'Body of its answer, or last reply of the mail server, without secrets, cut to 4,096 bytes; NULL means none.';

/*
 * Customers, and what reached them, are looked up by an index for each appointment of
 * the next days: as joins they might read all customers, and the whole log.
 */
CREATE VIEW appt.uninformed_customers WITH (security_invoker = true) AS
SELECT
	a.application_id,
	application.name AS application,
	a.id AS appointment_id,
	a.title,
	a.start_at,
	a.organizer_id,
	p.id AS participant_id,
	coalesce(nullif(concat_ws(' ', p.first_name, p.last_name), ''), p.username) AS name,
	p.email,
	p.phone,
	last.id AS last_notification_id,
	last.type AS last_type,
	last.channel AS last_channel,
	last.state AS last_state,
	last.reason AS last_reason,
	reason.explanation AS last_explanation,
	(SELECT min(n.next_attempt_at) FROM appt.notification n
		WHERE n.appointment_id = a.id AND n.recipient_id = p.id AND n.application_id = a.application_id
			AND n.recipient_kind = 'CUSTOMER') AS next_attempt_at
FROM appt.application
	JOIN appt.appointment a ON a.application_id = application.id
	CROSS JOIN LATERAL (
		SELECT c.id, c.first_name, c.last_name, c.username, c.email, c.phone FROM appt.participant c
		WHERE c.application_id = a.application_id AND c.appointment_id = a.id AND c.type = 'CUSTOMER' AND c.joined_at IS NULL
		OFFSET 0) p
	LEFT JOIN LATERAL (
		SELECT n.id, n.type, n.channel, n.state, n.reason FROM appt.notification n
		WHERE n.appointment_id = a.id AND n.recipient_id = p.id AND n.application_id = a.application_id
			AND n.recipient_kind = 'CUSTOMER' AND n.due_at <= now()
		/* Not by the columns themselves, in whose order an index has all messages of the application. */
		ORDER BY (n.due_at, n.id) DESC LIMIT 1) last ON true
	LEFT JOIN appt.reasons() reason ON reason.reason = last.reason
WHERE a.start_at > now() AND a.start_at < now() + interval '3 days'
	AND a.state IN ('SCHEDULED', 'ACTIVATED')
	AND (SELECT n.id FROM appt.notification n
		WHERE n.appointment_id = a.id AND n.recipient_id = p.id AND n.application_id = a.application_id
			AND n.recipient_kind = 'CUSTOMER' AND n.state = 'SENT'
			/* Looked up by the index: of NOT EXISTS the planner may read all attempts. */
			AND (n.channel <> 'SMS' OR (SELECT t.id FROM appt.attempt t
				WHERE t.notification_id = n.id AND t.attempt_number = n.attempt_count AND t.receipt = 'UNDELIVERED' LIMIT 1) IS NULL)
		LIMIT 1) IS NULL;
COMMENT ON VIEW appt.uninformed_customers IS
'Customers with an appointment in the next 3 days whom no message about it has reached: none was sent, or the provider of text messages has reported that it did not arrive. Without those who have joined the call.';
COMMENT ON COLUMN appt.uninformed_customers.application_id IS 'The application that the appointment belongs to.';
COMMENT ON COLUMN appt.uninformed_customers.application IS 'Name of the application.';
COMMENT ON COLUMN appt.uninformed_customers.appointment_id IS 'The appointment.';
COMMENT ON COLUMN appt.uninformed_customers.title IS 'Title of the appointment.';
COMMENT ON COLUMN appt.uninformed_customers.start_at IS 'Start of the appointment.';
COMMENT ON COLUMN appt.uninformed_customers.organizer_id IS 'Who organizes the appointment, and can call the customer.';
COMMENT ON COLUMN appt.uninformed_customers.participant_id IS 'The customer.';
COMMENT ON COLUMN appt.uninformed_customers.name IS 'Name of the customer; NULL means none.';
COMMENT ON COLUMN appt.uninformed_customers.email IS 'Email address of the customer; NULL means none.';
COMMENT ON COLUMN appt.uninformed_customers.phone IS 'Phone number of the customer; NULL means none.';
COMMENT ON COLUMN appt.uninformed_customers.last_notification_id IS
'The last message that was due to the customer; NULL if none was, also in the next columns.';
COMMENT ON COLUMN appt.uninformed_customers.last_type IS 'Its type.';
COMMENT ON COLUMN appt.uninformed_customers.last_channel IS 'Its channel.';
COMMENT ON COLUMN appt.uninformed_customers.last_state IS 'Its state; SENT if the provider reported later that it did not arrive.';
COMMENT ON COLUMN appt.uninformed_customers.last_reason IS 'Why it is in its state: see the view reason.';
COMMENT ON COLUMN appt.uninformed_customers.last_explanation IS 'The reason as a sentence.';
COMMENT ON COLUMN appt.uninformed_customers.next_attempt_at IS
'When the next message to the customer is due; NULL means that none is planned.';

/* A left join, so that counting what is due reads only the queue. No retry is due before the first attempt. */
CREATE VIEW appt.upcoming WITH (security_invoker = true) AS
SELECT
	due.application_id,
	application.name AS application,
	due.notification_id,
	due.first_due_at AS due_at,
	due.due_at AS next_attempt_at,
	n.type,
	n.channel,
	n.recipient_kind,
	n.recipient_id,
	n.address,
	n.appointment_id,
	n.title,
	n.start_at,
	n.state,
	n.reason,
	n.attempt_count
FROM appt.application
	JOIN appt.due ON due.application_id = application.id
	LEFT JOIN appt.notification n ON n.id = due.notification_id
WHERE due.first_due_at < now() + interval '1 day' AND due.due_at < now() + interval '1 day';
COMMENT ON VIEW appt.upcoming IS
'What leaves next: messages that are due within the next 24 hours, or overdue, and not settled, by the queue. forecast tells whether they would be sent.';
COMMENT ON COLUMN appt.upcoming.application_id IS 'The application that the message belongs to.';
COMMENT ON COLUMN appt.upcoming.application IS 'Name of the application.';
COMMENT ON COLUMN appt.upcoming.notification_id IS 'Identifier of the notification.';
COMMENT ON COLUMN appt.upcoming.due_at IS 'When its first attempt is due.';
COMMENT ON COLUMN appt.upcoming.next_attempt_at IS
'When the worker judges it next; for a message that is being sent, when that attempt was due.';
COMMENT ON COLUMN appt.upcoming.type IS 'Type of the notification: see the view notification_type.';
COMMENT ON COLUMN appt.upcoming.channel IS 'EMAIL, SMS, WEBHOOK or IN_APP.';
COMMENT ON COLUMN appt.upcoming.recipient_kind IS 'What recipient_id identifies: CUSTOMER, USER, SUBSCRIBER or ADDRESS.';
COMMENT ON COLUMN appt.upcoming.recipient_id IS 'A participant, a user, a subscription, or the address itself.';
COMMENT ON COLUMN appt.upcoming.address IS
'Address of the recipient when it was planned, or of the first attempt; the one that counts is looked up when the message is sent.';
COMMENT ON COLUMN appt.upcoming.appointment_id IS 'Appointment that it is about; NULL if it is about none.';
COMMENT ON COLUMN appt.upcoming.title IS 'Title of the appointment.';
COMMENT ON COLUMN appt.upcoming.start_at IS 'Start of the appointment.';
COMMENT ON COLUMN appt.upcoming.state IS 'PENDING, SENDING or RETRYING.';
COMMENT ON COLUMN appt.upcoming.reason IS 'WILL_RETRY for a message that has failed; otherwise NULL.';
COMMENT ON COLUMN appt.upcoming.attempt_count IS 'Number of attempts so far.';

CREATE VIEW appt.delivery_times WITH (security_invoker = true) AS
WITH endpoint AS (
	SELECT n.application_id, n.channel, a.provider_id, n.subscription_id,
		count(*) AS attempts,
		count(*) FILTER (WHERE a.outcome = 'DELIVERED') AS delivered,
		count(*) FILTER (WHERE a.outcome IN ('FAILED', 'INTERRUPTED')) AS failed,
		count(*) FILTER (WHERE a.outcome IS NULL) AS under_way,
		percentile_cont(ARRAY[0.5, 0.95, 1]) WITHIN GROUP
			(ORDER BY extract(epoch FROM a.started_at - a.due_at)::double precision) AS waited,
		percentile_cont(ARRAY[0.5, 0.95, 1]) WITHIN GROUP
			(ORDER BY extract(epoch FROM a.finished_at - a.started_at)::double precision) AS took,
		max(a.finished_at) FILTER (WHERE a.outcome = 'DELIVERED') AS last_delivered_at,
		/* The latest attempt. By time: ids of several nodes do not grow with time. */
		(max(ARRAY[(extract(epoch FROM a.started_at) * 1000000)::bigint, a.id]))[2] AS last_attempt_id
	FROM appt.attempt a
		JOIN appt.notification n ON n.id = a.notification_id
	WHERE a.started_at > now() - interval '1 hour'
	GROUP BY 1, 2, 3, 4
)
SELECT
	endpoint.application_id,
	application.name AS application,
	endpoint.channel,
	coalesce(provider.kind, CASE WHEN endpoint.subscription_id IS NOT NULL THEN 'subscription' END) AS kind,
	coalesce(provider.url, CASE WHEN endpoint.subscription_id IS NOT NULL THEN last.recipient END) AS endpoint,
	endpoint.provider_id,
	endpoint.subscription_id,
	endpoint.attempts,
	endpoint.delivered,
	endpoint.failed,
	endpoint.under_way,
	make_interval(secs => endpoint.waited[1]) AS lateness_p50,
	make_interval(secs => endpoint.waited[2]) AS lateness_p95,
	make_interval(secs => endpoint.waited[3]) AS lateness_max,
	make_interval(secs => endpoint.took[1]) AS duration_p50,
	make_interval(secs => endpoint.took[2]) AS duration_p95,
	make_interval(secs => endpoint.took[3]) AS duration_max,
	endpoint.last_delivered_at
FROM endpoint
	JOIN appt.attempt last ON last.id = endpoint.last_attempt_id
	LEFT JOIN appt.application ON application.id = endpoint.application_id
	LEFT JOIN appt.provider ON provider.application_id = endpoint.application_id AND provider.id = endpoint.provider_id;
COMMENT ON VIEW appt.delivery_times IS
'How long delivery takes: attempts of the last hour, by application and endpoint. Lateness is the time from when an attempt was due to its start, duration from there until its outcome was known.';
COMMENT ON COLUMN appt.delivery_times.application_id IS 'The application that the messages belong to.';
COMMENT ON COLUMN appt.delivery_times.application IS 'Name of the application.';
COMMENT ON COLUMN appt.delivery_times.channel IS 'EMAIL, SMS, WEBHOOK or IN_APP.';
COMMENT ON COLUMN appt.delivery_times.kind IS
'Kind of the provider, or subscription; NULL for IN_APP, for a provider that is deleted, and for readers who may not see providers.';
COMMENT ON COLUMN appt.delivery_times.endpoint IS 'URL of the provider, or of the subscription without its query; NULL as for kind, and for kind LOG.';
COMMENT ON COLUMN appt.delivery_times.provider_id IS 'Provider that carried the messages; NULL for webhooks and IN_APP.';
COMMENT ON COLUMN appt.delivery_times.subscription_id IS 'Subscription that the webhooks were sent to; NULL for other channels.';
COMMENT ON COLUMN appt.delivery_times.attempts IS 'How many attempts were started.';
COMMENT ON COLUMN appt.delivery_times.delivered IS 'How many of them delivered their message.';
COMMENT ON COLUMN appt.delivery_times.failed IS 'How many failed or were interrupted.';
COMMENT ON COLUMN appt.delivery_times.under_way IS 'How many have no outcome yet.';
COMMENT ON COLUMN appt.delivery_times.lateness_p50 IS 'Median of the lateness; attempts that a user asked for have none.';
COMMENT ON COLUMN appt.delivery_times.lateness_p95 IS '95th percentile of the same time.';
COMMENT ON COLUMN appt.delivery_times.lateness_max IS 'Maximum of the same time.';
COMMENT ON COLUMN appt.delivery_times.duration_p50 IS 'Median of the duration.';
COMMENT ON COLUMN appt.delivery_times.duration_p95 IS '95th percentile of the same time.';
COMMENT ON COLUMN appt.delivery_times.duration_max IS 'Maximum of the same time.';
COMMENT ON COLUMN appt.delivery_times.last_delivered_at IS 'When the last message was delivered; NULL means none within the hour.';
