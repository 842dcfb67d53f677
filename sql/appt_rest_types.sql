/*
 * appt_rest_types.sql: the schema of the compatible API, the values that it sends, and the functions that make them.
 *
 * The members of a composite type are those of the API's answer. Their names are quoted, and so is what PostgreSQL reserves.
 */

CREATE SCHEMA appt_rest;
COMMENT ON SCHEMA appt_rest IS 'The functions of appt by the names and shapes of the API that it is modelled on, for doc/nginx.conf.';

CREATE DOMAIN appt_rest.date_time AS text;
COMMENT ON DOMAIN appt_rest.date_time IS 'Time in ISO 8601, in UTC: 2098-01-31T19:00:00Z.';

CREATE DOMAIN appt_rest.duration AS text;
COMMENT ON DOMAIN appt_rest.duration IS 'Elapsed time in ISO 8601: PT5M.';

CREATE DOMAIN appt_rest.interaction_state AS text CONSTRAINT interaction_state_check CHECK (VALUE IN ('PENDING', 'ACTIVE', 'ENDED'));
COMMENT ON DOMAIN appt_rest.interaction_state IS 'State of a call: PENDING, ACTIVE once a customer has joined, or ENDED.';

CREATE TYPE appt_rest.reference AS (
	id text,
	type appt.participant_type_code
);
COMMENT ON TYPE appt_rest.reference IS 'A participant or organizer of an appointment.';
COMMENT ON COLUMN appt_rest.reference.id IS 'Identifier within the appointment; for an agent, its user id.';
COMMENT ON COLUMN appt_rest.reference.type IS 'CUSTOMER or AGENT.';

CREATE TYPE appt_rest.routing AS (
	properties jsonb,
	type text
);
COMMENT ON TYPE appt_rest.routing IS 'How the call reaches an agent.';
COMMENT ON COLUMN appt_rest.routing.properties IS 'What that way needs, such as deploymentId.';
COMMENT ON COLUMN appt_rest.routing.type IS 'The way, such as GENESYS_CLOUD_FLOW.';

CREATE TYPE appt_rest.interaction AS (
	"customFields" jsonb,
	routing appt_rest.routing,
	state appt_rest.interaction_state
);
COMMENT ON TYPE appt_rest.interaction IS 'The call itself.';
COMMENT ON COLUMN appt_rest.interaction."customFields" IS 'Fields of the application''s own.';
COMMENT ON COLUMN appt_rest.interaction.routing IS 'How the call reaches an agent; null means as the application does it.';
COMMENT ON COLUMN appt_rest.interaction.state IS 'State of the call.';

CREATE TYPE appt_rest.room_access AS (
	expires appt_rest.date_time,
	type text,
	url text
);
COMMENT ON TYPE appt_rest.room_access IS 'The join link of an activated appointment.';
COMMENT ON COLUMN appt_rest.room_access.expires IS 'When the link expires.';
COMMENT ON COLUMN appt_rest.room_access.type IS 'Kind of the ticket in the link: MULTI_USE_TICKET.';
COMMENT ON COLUMN appt_rest.room_access.url IS 'The link; null if the application has no room_url.';

CREATE TYPE appt_rest.listed_appointment AS (
	"applicationId" uuid,
	duration appt_rest.duration,
	"end" appt_rest.date_time,
	id uuid,
	interaction appt_rest.interaction,
	locale text,
	metadata jsonb,
	notes text,
	"notificationsActive" boolean,
	organizer appt_rest.reference,
	"participantIds" appt_rest.reference[],
	start appt_rest.date_time,
	timezone text,
	title text
);
COMMENT ON TYPE appt_rest.listed_appointment IS 'An appointment in a list.';
COMMENT ON COLUMN appt_rest.listed_appointment."applicationId" IS 'The application that the appointment belongs to.';
COMMENT ON COLUMN appt_rest.listed_appointment.duration IS 'Elapsed time from start to end.';
COMMENT ON COLUMN appt_rest.listed_appointment."end" IS 'End of the call.';
COMMENT ON COLUMN appt_rest.listed_appointment.id IS 'Identifier of the appointment.';
COMMENT ON COLUMN appt_rest.listed_appointment.interaction IS 'The call itself.';
COMMENT ON COLUMN appt_rest.listed_appointment.locale IS 'Locale of messages to the participants, unless they have their own.';
COMMENT ON COLUMN appt_rest.listed_appointment.metadata IS 'JSON object for the application''s own use.';
COMMENT ON COLUMN appt_rest.listed_appointment.notes IS 'Notes for those who prepare the call; null means none.';
COMMENT ON COLUMN appt_rest.listed_appointment."notificationsActive" IS
'The organization''s notification switch when the appointment was scheduled.';
COMMENT ON COLUMN appt_rest.listed_appointment.organizer IS 'Who organizes it.';
COMMENT ON COLUMN appt_rest.listed_appointment."participantIds" IS 'Who takes part, in the order in which they were added.';
COMMENT ON COLUMN appt_rest.listed_appointment.start IS 'Start of the call.';
COMMENT ON COLUMN appt_rest.listed_appointment.timezone IS 'Timezone of the times in messages to the participants.';
COMMENT ON COLUMN appt_rest.listed_appointment.title IS 'Title; null means none.';

CREATE TYPE appt_rest.appointment AS (
	"applicationId" uuid,
	duration appt_rest.duration,
	"end" appt_rest.date_time,
	id uuid,
	interaction appt_rest.interaction,
	locale text,
	metadata jsonb,
	notes text,
	"notificationsActive" boolean,
	organizer appt_rest.reference,
	"participantIds" appt_rest.reference[],
	start appt_rest.date_time,
	timezone text,
	title text,
	"roomAccess" appt_rest.room_access
);
COMMENT ON TYPE appt_rest.appointment IS 'An appointment.';
COMMENT ON COLUMN appt_rest.appointment."applicationId" IS 'The application that the appointment belongs to.';
COMMENT ON COLUMN appt_rest.appointment.duration IS 'Elapsed time from start to end.';
COMMENT ON COLUMN appt_rest.appointment."end" IS 'End of the call.';
COMMENT ON COLUMN appt_rest.appointment.id IS 'Identifier of the appointment.';
COMMENT ON COLUMN appt_rest.appointment.interaction IS 'The call itself.';
COMMENT ON COLUMN appt_rest.appointment.locale IS 'Locale of messages to the participants, unless they have their own.';
COMMENT ON COLUMN appt_rest.appointment.metadata IS 'JSON object for the application''s own use.';
COMMENT ON COLUMN appt_rest.appointment.notes IS 'Notes for those who prepare the call; null means none.';
COMMENT ON COLUMN appt_rest.appointment."notificationsActive" IS
'The organization''s notification switch when the appointment was scheduled.';
COMMENT ON COLUMN appt_rest.appointment.organizer IS 'Who organizes it.';
COMMENT ON COLUMN appt_rest.appointment."participantIds" IS 'Who takes part, in the order in which they were added.';
COMMENT ON COLUMN appt_rest.appointment.start IS 'Start of the call.';
COMMENT ON COLUMN appt_rest.appointment.timezone IS 'Timezone of the times in messages to the participants.';
COMMENT ON COLUMN appt_rest.appointment.title IS 'Title; null means none.';
COMMENT ON COLUMN appt_rest.appointment."roomAccess" IS 'The join link; null until the appointment is activated.';

CREATE TYPE appt_rest.appointment_page AS (
	content appt_rest.listed_appointment[],
	"pageCount" integer,
	"pageNumber" integer,
	"pageSize" integer,
	"sortField" text,
	"sortOrder" text,
	total bigint
);
COMMENT ON TYPE appt_rest.appointment_page IS 'A page of appointments, and the total number.';
COMMENT ON COLUMN appt_rest.appointment_page.content IS 'Appointments of this page, in order.';
COMMENT ON COLUMN appt_rest.appointment_page."pageCount" IS 'Number of pages of this size.';
COMMENT ON COLUMN appt_rest.appointment_page."pageNumber" IS 'Number of this page; the first is 1.';
COMMENT ON COLUMN appt_rest.appointment_page."pageSize" IS 'Maximum number of appointments on a page.';
COMMENT ON COLUMN appt_rest.appointment_page."sortField" IS 'Field that the appointments are sorted by.';
COMMENT ON COLUMN appt_rest.appointment_page."sortOrder" IS 'asc or desc.';
COMMENT ON COLUMN appt_rest.appointment_page.total IS 'Number of appointments that match, on all pages.';

CREATE TYPE appt_rest.appointment_count AS (
	count bigint,
	duration appt_rest.duration,
	"end" appt_rest.date_time,
	start appt_rest.date_time,
	timezone text
);
COMMENT ON TYPE appt_rest.appointment_count IS 'Number of appointments with the same start, end and timezone.';
COMMENT ON COLUMN appt_rest.appointment_count.count IS 'Number of appointments.';
COMMENT ON COLUMN appt_rest.appointment_count.duration IS 'Their duration.';
COMMENT ON COLUMN appt_rest.appointment_count."end" IS 'Their end.';
COMMENT ON COLUMN appt_rest.appointment_count.start IS 'Their start.';
COMMENT ON COLUMN appt_rest.appointment_count.timezone IS 'Timezone of the times in messages to their participants.';

CREATE TYPE appt_rest.overlap_count AS (
	count bigint
);
COMMENT ON TYPE appt_rest.overlap_count IS 'Number of appointments that overlap.';
COMMENT ON COLUMN appt_rest.overlap_count.count IS 'Number of appointments.';

CREATE TYPE appt_rest.contact AS (
	"primaryEmail" text,
	"primaryPhone" text
);
COMMENT ON TYPE appt_rest.contact IS 'Addresses of a participant.';
COMMENT ON COLUMN appt_rest.contact."primaryEmail" IS 'Email address; null means none.';
COMMENT ON COLUMN appt_rest.contact."primaryPhone" IS 'Phone number; null means none.';

CREATE TYPE appt_rest.name AS (
	"firstName" text,
	"lastName" text
);
COMMENT ON TYPE appt_rest.name IS 'Name of a participant.';
COMMENT ON COLUMN appt_rest.name."firstName" IS 'First name; null means none.';
COMMENT ON COLUMN appt_rest.name."lastName" IS 'Last name; null means none.';

CREATE TYPE appt_rest.participant AS (
	contact appt_rest.contact,
	id text,
	metadata jsonb,
	name appt_rest.name,
	type appt.participant_type_code,
	username text
);
COMMENT ON TYPE appt_rest.participant IS 'A participant of an appointment.';
COMMENT ON COLUMN appt_rest.participant.contact IS 'Addresses.';
COMMENT ON COLUMN appt_rest.participant.id IS 'Identifier within the appointment; for an agent, its user id.';
COMMENT ON COLUMN appt_rest.participant.metadata IS 'JSON object for the application''s own use.';
COMMENT ON COLUMN appt_rest.participant.name IS 'Name.';
COMMENT ON COLUMN appt_rest.participant.type IS 'CUSTOMER or AGENT.';
COMMENT ON COLUMN appt_rest.participant.username IS 'User name in the application; null means none.';

/*
 * The bodies of requests. Their values are texts until plain has decoded them; members that have no column are ignored.
 */

CREATE TYPE appt_rest.schedule_appointment_request AS (
	"applicationId" text,
	customer jsonb,
	duration appt_rest.duration,
	interaction jsonb,
	locale text,
	metadata jsonb,
	notes text,
	start appt_rest.date_time,
	timezone text,
	title text
);
COMMENT ON TYPE appt_rest.schedule_appointment_request IS 'A request to schedule an appointment.';
COMMENT ON COLUMN appt_rest.schedule_appointment_request."applicationId" IS 'Required. The application.';
COMMENT ON COLUMN appt_rest.schedule_appointment_request.customer IS 'A customer, who takes part.';
COMMENT ON COLUMN appt_rest.schedule_appointment_request.duration IS 'Required. Elapsed time from start to end.';
COMMENT ON COLUMN appt_rest.schedule_appointment_request.interaction IS
'How the call reaches an agent: routing, with type and properties, and customFields.';
COMMENT ON COLUMN appt_rest.schedule_appointment_request.locale IS 'Locale of messages to the participants.';
COMMENT ON COLUMN appt_rest.schedule_appointment_request.metadata IS 'JSON object for the application''s own use.';
COMMENT ON COLUMN appt_rest.schedule_appointment_request.notes IS 'Notes for those who prepare the call.';
COMMENT ON COLUMN appt_rest.schedule_appointment_request.start IS
'Required. Start of the call. Without an offset it is in timezone, or else in UTC.';
COMMENT ON COLUMN appt_rest.schedule_appointment_request.timezone IS 'Timezone of the times in messages to the participants.';
COMMENT ON COLUMN appt_rest.schedule_appointment_request.title IS 'Title.';

CREATE TYPE appt_rest.update_appointment_request AS (
	id text,
	metadata jsonb,
	notes text,
	title text
);
COMMENT ON TYPE appt_rest.update_appointment_request IS
'A request to change an appointment. A member that is left out or null stays as it is; an empty one is cleared.';
COMMENT ON COLUMN appt_rest.update_appointment_request.id IS 'Required. The appointment.';
COMMENT ON COLUMN appt_rest.update_appointment_request.metadata IS 'JSON object for the application''s own use.';
COMMENT ON COLUMN appt_rest.update_appointment_request.notes IS 'Notes for those who prepare the call.';
COMMENT ON COLUMN appt_rest.update_appointment_request.title IS 'Title.';

CREATE TYPE appt_rest.reschedule_appointment_request AS (
	duration appt_rest.duration,
	id text,
	locale text,
	start appt_rest.date_time,
	timezone text
);
COMMENT ON TYPE appt_rest.reschedule_appointment_request IS
'A request to move an appointment in time. A member that is left out or null stays as it is.';
COMMENT ON COLUMN appt_rest.reschedule_appointment_request.duration IS 'Elapsed time from start to end.';
COMMENT ON COLUMN appt_rest.reschedule_appointment_request.id IS 'Required. The appointment.';
COMMENT ON COLUMN appt_rest.reschedule_appointment_request.locale IS 'Locale of messages to the participants.';
COMMENT ON COLUMN appt_rest.reschedule_appointment_request.start IS
'Start of the call. Without an offset it is in timezone, or else in UTC.';
COMMENT ON COLUMN appt_rest.reschedule_appointment_request.timezone IS 'Timezone of the times in messages to the participants.';

CREATE TYPE appt_rest.schedule_appointment_as_customer_request AS (
	"applicationId" text,
	customer jsonb,
	duration appt_rest.duration,
	locale text,
	metadata jsonb,
	notes text,
	start appt_rest.date_time,
	timezone text,
	title text
);
COMMENT ON TYPE appt_rest.schedule_appointment_as_customer_request IS 'A request of a customer to schedule an appointment.';
COMMENT ON COLUMN appt_rest.schedule_appointment_as_customer_request."applicationId" IS 'Required. The application.';
COMMENT ON COLUMN appt_rest.schedule_appointment_as_customer_request.customer IS 'A customer, who takes part.';
COMMENT ON COLUMN appt_rest.schedule_appointment_as_customer_request.duration IS 'Required. Elapsed time from start to end.';
COMMENT ON COLUMN appt_rest.schedule_appointment_as_customer_request.locale IS 'Locale of messages to the participants.';
COMMENT ON COLUMN appt_rest.schedule_appointment_as_customer_request.metadata IS 'JSON object for the application''s own use.';
COMMENT ON COLUMN appt_rest.schedule_appointment_as_customer_request.notes IS 'Notes for those who prepare the call.';
COMMENT ON COLUMN appt_rest.schedule_appointment_as_customer_request.start IS
'Required. Start of the call. Without an offset it is in timezone, or else in UTC.';
COMMENT ON COLUMN appt_rest.schedule_appointment_as_customer_request.timezone IS 'Timezone of the times in messages to the participants.';
COMMENT ON COLUMN appt_rest.schedule_appointment_as_customer_request.title IS 'Title.';

CREATE TYPE appt_rest.add_agent_request AS (
	id text,
	"userId" text
);
COMMENT ON TYPE appt_rest.add_agent_request IS 'A request to add an agent.';
COMMENT ON COLUMN appt_rest.add_agent_request.id IS 'Required. The appointment.';
COMMENT ON COLUMN appt_rest.add_agent_request."userId" IS 'Required. The user id of the agent.';

CREATE TYPE appt_rest.add_customer_request AS (
	customer jsonb,
	id text
);
COMMENT ON TYPE appt_rest.add_customer_request IS 'A request to add a customer.';
COMMENT ON COLUMN appt_rest.add_customer_request.customer IS 'A customer, who takes part.';
COMMENT ON COLUMN appt_rest.add_customer_request.id IS 'Required. The appointment.';

CREATE TYPE appt_rest.reassign_appointment_request AS (
	id text,
	"userId" text
);
COMMENT ON TYPE appt_rest.reassign_appointment_request IS 'A request to hand an appointment over to an agent.';
COMMENT ON COLUMN appt_rest.reassign_appointment_request.id IS 'Required. The appointment.';
COMMENT ON COLUMN appt_rest.reassign_appointment_request."userId" IS 'Required. The user id of the agent.';

CREATE TYPE appt_rest.confirm_email_verification_request AS (
	"applicationId" text,
	code text
);
COMMENT ON TYPE appt_rest.confirm_email_verification_request IS 'A request to verify the address of the sender.';
COMMENT ON COLUMN appt_rest.confirm_email_verification_request."applicationId" IS 'Required. The application.';
COMMENT ON COLUMN appt_rest.confirm_email_verification_request.code IS 'Required. The one-time code that the address received.';

CREATE TYPE appt_rest.send_test_email_request AS (
	"applicationId" text,
	channel text,
	"htmlBody" text,
	locale text,
	period appt_rest.duration,
	subject text,
	"textBody" text,
	timezone text,
	"toEmail" text,
	type text
);
COMMENT ON TYPE appt_rest.send_test_email_request IS 'A request to send a test email about a sample appointment.';
COMMENT ON COLUMN appt_rest.send_test_email_request."applicationId" IS 'Required. The application.';
COMMENT ON COLUMN appt_rest.send_test_email_request.channel IS 'EMAIL.';
COMMENT ON COLUMN appt_rest.send_test_email_request."htmlBody" IS 'Template of the HTML.';
COMMENT ON COLUMN appt_rest.send_test_email_request.locale IS 'Locale of messages to the participants.';
COMMENT ON COLUMN appt_rest.send_test_email_request.period IS 'Time until the sample appointment starts; by default a day.';
COMMENT ON COLUMN appt_rest.send_test_email_request.subject IS 'Template of the subject.';
COMMENT ON COLUMN appt_rest.send_test_email_request."textBody" IS 'Template of the text.';
COMMENT ON COLUMN appt_rest.send_test_email_request.timezone IS 'Timezone of the times in messages to the participants.';
COMMENT ON COLUMN appt_rest.send_test_email_request."toEmail" IS 'Required. Address that the test is sent to.';
COMMENT ON COLUMN appt_rest.send_test_email_request.type IS 'Type of the notification; by default REMINDER.';

/* What requests say, decoded. Their arguments have no names: PostgREST could hand some a text as its body, which they would decode. */

CREATE FUNCTION appt_rest.plain(text) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rest_plain';
COMMENT ON FUNCTION appt_rest.plain(text) IS
'Returns the string that a text is as JSON, or else the text itself: clients of the API may send "\"PT5M\"" for "PT5M".';

CREATE FUNCTION appt_rest.given(text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN nullif(appt_rest.plain($1), '');
COMMENT ON FUNCTION appt_rest.given(text) IS 'Returns an argument as plain does; null if it is empty.';

CREATE FUNCTION appt_rest.instant(text, text) RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'rest_instant';
COMMENT ON FUNCTION appt_rest.instant(text, text) IS
'Returns the time that a text in ISO 8601 says. The second argument is the timezone of a time without an offset, UTC if it is null.

22023: not such a time, or an unknown timezone.';

/* What answers say. */

CREATE FUNCTION appt_rest.time_text(timestamptz) RETURNS appt_rest.date_time
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rest_time_text';
COMMENT ON FUNCTION appt_rest.time_text(timestamptz) IS 'Returns a time as answers have it, whatever the settings of the login.';

CREATE FUNCTION appt_rest.duration_text(interval) RETURNS appt_rest.duration
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'rest_duration_text';
COMMENT ON FUNCTION appt_rest.duration_text(interval) IS 'Returns a duration as answers have it, whatever the settings of the login.';

CREATE FUNCTION appt_rest.room_access(timestamptz, text, text) RETURNS appt_rest.room_access
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ROW(appt_rest.time_text($1), $2, $3)::appt_rest.room_access;
COMMENT ON FUNCTION appt_rest.room_access(timestamptz, text, text) IS 'Returns expiry, type and url of a join link as answers have them.';

CREATE FUNCTION appt_rest.listed_appointment(appt.appointment_details) RETURNS appt_rest.listed_appointment
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ROW(
	($1).application_id,
	appt_rest.duration_text(($1).duration),
	appt_rest.time_text(($1).end_at),
	($1).id,
	jsonb_populate_record(NULL::appt_rest.interaction, ($1).interaction),
	($1).locale,
	($1).metadata,
	($1).notes,
	($1).notifications_active,
	jsonb_populate_record(NULL::appt_rest.reference, ($1).organizer),
	ARRAY(SELECT r FROM jsonb_populate_recordset(NULL::appt_rest.reference, ($1).participant_ids) AS r),
	appt_rest.time_text(($1).start_at),
	($1).timezone,
	($1).title)::appt_rest.listed_appointment;
COMMENT ON FUNCTION appt_rest.listed_appointment(appt.appointment_details) IS 'Returns an appointment as lists have it.';

CREATE FUNCTION appt_rest.appointment(appt.appointment_details) RETURNS appt_rest.appointment
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT ROW(l.*, CASE WHEN ($1).room_access IS NOT NULL THEN
		appt_rest.room_access((($1).room_access->>'expires')::timestamptz, ($1).room_access->>'type', ($1).room_access->>'url')
		END)::appt_rest.appointment
	FROM appt_rest.listed_appointment($1) AS l;
END;
COMMENT ON FUNCTION appt_rest.appointment(appt.appointment_details) IS 'Returns an appointment as answers have it.';

CREATE FUNCTION appt_rest.nothing_found() RETURNS appt_rest.appointment_page
LANGUAGE C VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'rest_nothing_found';
COMMENT ON FUNCTION appt_rest.nothing_found() IS 'Raises PT404: in this API, an empty list is not found.';
