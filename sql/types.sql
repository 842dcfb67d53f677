/* types.sql: closed lists of codes, as domains that an update script can extend in one transaction. */

/* For codes that users write into tables: the error of this function names the list, that of a plain CHECK does not. */
CREATE FUNCTION appt.code_is_valid(code text, codes text) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'code_is_valid';
COMMENT ON FUNCTION appt.code_is_valid(text, text) IS
'True if the list contains the code; otherwise raises 22023 with the list in HINT. The list separates codes by a comma and a blank.';

CREATE DOMAIN appt.platform_code AS text COLLATE "C"
	CONSTRAINT platform_code_check CHECK (appt.code_is_valid(VALUE, 'GENESYS_CLOUD, TALKDESK, STANDALONE'));
COMMENT ON DOMAIN appt.platform_code IS
'Contact centre that an application belongs to: GENESYS_CLOUD, TALKDESK (webhooks only) or STANDALONE.';

CREATE DOMAIN appt.agent_scope_code AS text COLLATE "C"
	CONSTRAINT agent_scope_code_check CHECK (appt.code_is_valid(VALUE, 'APPLICATION, OWN'));
COMMENT ON DOMAIN appt.agent_scope_code IS
'Appointments that an agent may use by id. APPLICATION: the agent reads and changes every appointment of the application. OWN: the agent reads the appointments that it organizes or attends, and changes those that it organizes.';

CREATE DOMAIN appt.appointment_state_code AS text COLLATE "C"
	CONSTRAINT appointment_state_code_check CHECK (VALUE IN ('SCHEDULED', 'ACTIVATED', 'ENDED', 'CANCELLED'));
COMMENT ON DOMAIN appt.appointment_state_code IS
'State of an appointment: SCHEDULED, then ACTIVATED, then ENDED; or CANCELLED from SCHEDULED or ACTIVATED.';

CREATE DOMAIN appt.participant_type_code AS text COLLATE "C"
	CONSTRAINT participant_type_code_check CHECK (VALUE IN ('CUSTOMER', 'AGENT'));
COMMENT ON DOMAIN appt.participant_type_code IS 'CUSTOMER or AGENT.';

CREATE DOMAIN appt.type_code AS text COLLATE "C"
	CONSTRAINT type_code_check CHECK (appt.code_is_valid(VALUE, 'CREATE, RESCHEDULE, CANCELLED, REMINDER, ROOM, FOLLOW_UP, UPDATE, ACTIVATE, CODE, TEST, '
		'CALL, TEXT_MESSAGE, VOICEMAIL, FAX, MENTION, CONTACT_ASSIGNED, REMINDER_ASSIGNED, APPOINTMENT_ASSIGNED, '
		'APPOINTMENT_CREATED, APPOINTMENT_REMINDER, BILLING_WARNING, USERS_SYNC, CONTACTS_SYNC, CONTACT_DISPOSITIONS_SYNC, '
		'CALL_DISPOSITIONS_SYNC, INTEGRATION_FAILED, IMPORT_EXPORT, DAILY_ACTIVITY, DAILY_INBOUND_SMS, DAILY_OUTBOUND_SMS, '
		'DAILY_SPENDING, WEBHOOK_FAILURES, HIGH_SMS, MESSAGE, INBOUND_MESSAGE, CONFIRMATION_REQUEST, RESPONSE, AUTO_REPLY'));
COMMENT ON DOMAIN appt.type_code IS 'Type of a notification; the view notification_type explains the codes.';

CREATE DOMAIN appt.template_type_code AS text COLLATE "C"
	CONSTRAINT template_type_code_check CHECK (VALUE = 'LAYOUT' OR VALUE::appt.type_code IS NOT NULL);
COMMENT ON DOMAIN appt.template_type_code IS 'Type of the notifications that a template is for, or LAYOUT for what stands around the texts of emails.';

CREATE DOMAIN appt.channel_code AS text COLLATE "C"
	CONSTRAINT channel_code_check CHECK (appt.code_is_valid(VALUE, 'EMAIL, SMS, WEBHOOK, IN_APP'));
COMMENT ON DOMAIN appt.channel_code IS 'EMAIL, SMS, WEBHOOK or IN_APP (the inbox of a user).';

CREATE DOMAIN appt.notification_state_code AS text COLLATE "C"
	CONSTRAINT notification_state_code_check CHECK (VALUE IN ('PENDING', 'SENDING', 'SENT', 'RETRYING', 'FAILED',
		'SUPPRESSED', 'SKIPPED', 'MISSED', 'CANCELLED'));
COMMENT ON DOMAIN appt.notification_state_code IS
'State of a notification: PENDING, then SENDING, then SENT, RETRYING (then SENDING again) or FAILED. A notification that is not sent becomes SUPPRESSED, SKIPPED, MISSED or CANCELLED.';

CREATE DOMAIN appt.reason_code AS text COLLATE "C"
	CONSTRAINT reason_code_check CHECK (VALUE IN ('GLOBAL_OFF', 'APPOINTMENT_OFF', 'NO_ADDRESS', 'BAD_ADDRESS',
		'CHANNEL_NOT_AVAILABLE', 'NO_PROVIDER', 'SENDER_NOT_VERIFIED', 'NO_TEMPLATE', 'TEMPLATE_ERROR', 'TOO_LARGE',
		'SUBSCRIPTION_OFF', 'RULE_OFF', 'WINDOW_PASSED', 'NOT_ACTIVATED', 'RESCHEDULED', 'CALL_STARTED', 'ENDED',
		'APPOINTMENT_CANCELLED', 'APPOINTMENT_DELETED', 'PARTICIPANT_REMOVED', 'WILL_RETRY', 'REJECTED',
		'RETRIES_EXHAUSTED', 'RETRY_TOO_LATE', 'INTERRUPTED', 'WORKER_CRASHED', 'BAD_CONFIGURATION',
		'ADDRESS_NOT_VERIFIED', 'ADDRESS_NOT_ALLOWED', 'NEVER_TOLD', 'USER_OFF', 'PREFERENCE_OFF', 'WITHDRAWN',
		'OPTED_OUT', 'UNDELIVERABLE', 'COMPLAINED', 'BLOCKED', 'TEMPLATE_CHANGED', 'REOPENED', 'CUSTOMER_CHANGED'));
COMMENT ON DOMAIN appt.reason_code IS 'Why a notification is in its state; the view reason explains the codes.';

CREATE DOMAIN appt.recipient_kind_code AS text COLLATE "C"
	CONSTRAINT recipient_kind_code_check CHECK (VALUE IN ('CUSTOMER', 'USER', 'SUBSCRIBER', 'ADDRESS'));
COMMENT ON DOMAIN appt.recipient_kind_code IS
'What recipient_id identifies: a CUSTOMER of the appointment, a USER, a SUBSCRIBER (a subscription) or a plain ADDRESS.';

CREATE DOMAIN appt.outcome_code AS text COLLATE "C"
	CONSTRAINT outcome_code_check CHECK (VALUE IN ('DELIVERED', 'FAILED', 'INTERRUPTED'));
COMMENT ON DOMAIN appt.outcome_code IS
'Outcome of an attempt: DELIVERED, FAILED, or INTERRUPTED if it is unknown; NULL while the attempt is under way.';

CREATE DOMAIN appt.handled_as_code AS text COLLATE "C"
	CONSTRAINT handled_as_code_check CHECK (VALUE IN ('NONE', 'RESPONSE', 'OPT_OUT', 'OPT_IN', 'HELP'));
COMMENT ON DOMAIN appt.handled_as_code IS
'What an inbound message was taken for: NONE (a message to people), RESPONSE, OPT_OUT, OPT_IN or HELP.';

CREATE DOMAIN appt.receipt_kind_code AS text COLLATE "C"
	CONSTRAINT receipt_kind_code_check CHECK (VALUE IN ('DELIVERED', 'UNDELIVERED'));
COMMENT ON DOMAIN appt.receipt_kind_code IS
'What a provider reported of a message that it had taken: DELIVERED to the recipient, or UNDELIVERED.';

CREATE DOMAIN appt.figure_subject_code AS text COLLATE "C"
	CONSTRAINT figure_subject_code_check CHECK (appt.code_is_valid(VALUE, 'EVENTS, APPOINTMENTS, MESSAGES, SPENDING, WEBHOOKS, INBOUND_SMS'));
COMMENT ON DOMAIN appt.figure_subject_code IS 'What a figure of a day counts: EVENTS, APPOINTMENTS, MESSAGES, SPENDING, WEBHOOKS or INBOUND_SMS.';

CREATE DOMAIN appt.provider_kind_code AS text COLLATE "C"
	CONSTRAINT provider_kind_code_check CHECK (appt.code_is_valid(VALUE, 'SMTP, TWILIO, GENESYS_CLOUD, HTTP, LOG'));
COMMENT ON DOMAIN appt.provider_kind_code IS 'SMTP, TWILIO, GENESYS_CLOUD, HTTP or LOG.';

CREATE DOMAIN appt.auth_code AS text COLLATE "C"
	CONSTRAINT auth_code_check CHECK (appt.code_is_valid(VALUE, 'NONE, BASIC, OAUTH2'));
COMMENT ON DOMAIN appt.auth_code IS 'How appt authenticates to the endpoint of a subscription: NONE, BASIC or OAUTH2 (client credentials).';

CREATE DOMAIN appt.token_auth_code AS text COLLATE "C"
	CONSTRAINT token_auth_code_check CHECK (appt.code_is_valid(VALUE, 'BASIC, BODY'));
COMMENT ON DOMAIN appt.token_auth_code IS
'How an OAuth2 client authenticates to the token endpoint: by BASIC authentication, or by client_id and client_secret in the BODY.';

CREATE DOMAIN appt.rule_channel_code AS text COLLATE "C"
	CONSTRAINT rule_channel_code_check CHECK (appt.code_is_valid(VALUE, 'EMAIL, SMS, WEBHOOK, PREFERRED, BOTH'));
COMMENT ON DOMAIN appt.rule_channel_code IS
'Channel of a rule: EMAIL, SMS or WEBHOOK; PREFERRED for the channel that each customer prefers (EMAIL without a preference), BOTH for EMAIL and SMS.';

CREATE DOMAIN appt.sending_code AS text COLLATE "C"
	CONSTRAINT sending_code_check CHECK (appt.code_is_valid(VALUE, 'AUTOMATIC, MANUAL'));
COMMENT ON DOMAIN appt.sending_code IS 'Whether what a rule says is sent by itself (AUTOMATIC) or by send_notification (MANUAL).';

CREATE DOMAIN appt.meeting_type_code AS text COLLATE "C"
	CONSTRAINT meeting_type_code_check CHECK (appt.code_is_valid(VALUE, 'IN_PERSON, PHONE, VIDEO, HYBRID, TBD'));
COMMENT ON DOMAIN appt.meeting_type_code IS 'How people meet: IN_PERSON, PHONE, VIDEO, HYBRID or TBD (not decided yet).';

CREATE DOMAIN appt.booking_state_code AS text COLLATE "C"
	CONSTRAINT booking_state_code_check CHECK (VALUE IN ('NEW', 'BOOKED', 'INVITED', 'CONFIRMED', 'DECLINED', 'RESCHEDULE_REQUESTED'));
COMMENT ON DOMAIN appt.booking_state_code IS
'What the customers of an appointment were told and said: NEW, BOOKED (told), INVITED (asked), CONFIRMED, DECLINED or RESCHEDULE_REQUESTED.';

CREATE DOMAIN appt.told_state_code AS text COLLATE "C"
	CONSTRAINT told_state_code_check CHECK (VALUE IN ('NONE', 'CONFIRMED', 'UPDATE_DUE'));
COMMENT ON DOMAIN appt.told_state_code IS
'Whether customers know what is so: NONE (not told yet), CONFIRMED (they know) or UPDATE_DUE (something significant has changed since).';

CREATE DOMAIN appt.action_code AS text COLLATE "C"
	CONSTRAINT action_code_check CHECK (VALUE IN ('ACCEPT', 'DECLINE', 'RESCHEDULE'));
COMMENT ON DOMAIN appt.action_code IS 'What a customer answers: ACCEPT, DECLINE or RESCHEDULE.';

CREATE DOMAIN appt.participant_response_code AS text COLLATE "C"
	CONSTRAINT participant_response_code_check CHECK (VALUE IN ('ACCEPTED', 'DECLINED', 'RESCHEDULE_REQUESTED'));
COMMENT ON DOMAIN appt.participant_response_code IS 'Last response of a customer: ACCEPTED, DECLINED or RESCHEDULE_REQUESTED.';

CREATE DOMAIN appt.response_source_code AS text COLLATE "C"
	CONSTRAINT response_source_code_check CHECK (VALUE IN ('EMAIL', 'PAGE', 'SMS', 'API'));
COMMENT ON DOMAIN appt.response_source_code IS
'How a response came in: from a link in an EMAIL, from the PAGE behind a link in a text message, as an SMS, or by the function respond (API).';

CREATE DOMAIN appt.suppression_reason_code AS text COLLATE "C"
	CONSTRAINT suppression_reason_code_check CHECK (appt.code_is_valid(VALUE, 'OPTED_OUT, UNDELIVERABLE, COMPLAINED, BLOCKED'));
COMMENT ON DOMAIN appt.suppression_reason_code IS
'Why an address must not be written to: OPTED_OUT (its owner said so), UNDELIVERABLE (there is no such mailbox or number), COMPLAINED (reported as spam) or BLOCKED (by the application).';

CREATE DOMAIN appt.elapsed_time AS interval
	CONSTRAINT elapsed_time_check CHECK (extract(year FROM VALUE) = 0 AND extract(month FROM VALUE) = 0
		AND VALUE BETWEEN '0' AND '36500 days');
COMMENT ON DOMAIN appt.elapsed_time IS 'Interval of elapsed time, up to 36,500 days (a century). A day is 24 hours; months are refused.';
