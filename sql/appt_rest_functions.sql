/*
 * appt_rest_functions.sql: the functions of the compatible API. Each is one call of the function of appt of that name.
 *
 * Where that API has a body, the function has one unnamed jsonb: PostgREST hands it the body as it is. Other arguments are
 * texts, since a form has nothing else, and are empty where they are absent.
 */

CREATE FUNCTION appt_rest.find_appointments(
	"applicationId" text DEFAULT NULL,
	"organizerId" text DEFAULT NULL,
	duration text DEFAULT NULL,
	range text DEFAULT NULL,
	"pageSize" text DEFAULT NULL,
	"pageNumber" text DEFAULT NULL,
	"sortOrder" text DEFAULT NULL,
	"sortField" text DEFAULT NULL) RETURNS appt_rest.appointment_page
LANGUAGE sql STABLE PARALLEL SAFE SET timezone = 'UTC'
BEGIN ATOMIC
	WITH field (name, ours) AS (VALUES ('start', 'start_at'), ('end', 'end_at'), ('organizerId', 'organizer_id'),
		('createdAt', 'created_at'), ('updatedAt', 'updated_at'))
	SELECT CASE WHEN cardinality(p.content) = 0 THEN appt_rest.nothing_found() ELSE ROW(
		ARRAY(SELECT appt_rest.listed_appointment(a) FROM unnest(p.content) AS a),
		p.page_count,
		p.page_number,
		p.page_size,
		coalesce((SELECT name FROM field WHERE ours = p.sort_field), p.sort_field),
		p.sort_order,
		p.total)::appt_rest.appointment_page END
	FROM appt.find_appointments(
		application_id => appt_rest.given("applicationId")::uuid,
		organizer_id => string_to_array(appt_rest.given("organizerId"), ','),
		duration => string_to_array(appt_rest.given(duration), ',')::interval[],
		range => ('[' || appt_rest.given(range) || ']')::tstzrange,
		page_size => appt_rest.given("pageSize")::integer,
		page_number => appt_rest.given("pageNumber")::integer,
		sort_order => appt_rest.given("sortOrder"),
		sort_field => coalesce((SELECT ours FROM field WHERE name = appt_rest.given("sortField")), appt_rest.given("sortField"))) AS p;
END;
COMMENT ON FUNCTION appt_rest.find_appointments(text, text, text, text, text, text, text, text) IS
'GET /api/appointments/: returns a page of appointments.

organizerId and duration are lists, separated by commas; range is a start and an end, the latter included. Sorted by start, end, createdAt, updatedAt, title, state, duration, organizerId or id. Otherwise as appt.find_appointments. PT404: also if the page is empty.';

CREATE FUNCTION appt_rest.schedule_appointment(jsonb) RETURNS appt_rest.appointment
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT appt_rest.appointment(a)
	FROM jsonb_populate_record(NULL::appt_rest.schedule_appointment_request, $1) AS r, LATERAL appt.schedule_appointment(
		application_id => appt_rest.given(r."applicationId")::uuid,
		start_at => appt_rest.instant(r.start, r.timezone),
		duration => appt_rest.given(r.duration)::interval,
		customer => r.customer,
		title => appt_rest.given(r.title),
		notes => appt_rest.given(r.notes),
		timezone => appt_rest.given(r.timezone),
		locale => appt_rest.given(r.locale),
		metadata => r.metadata,
		interaction => r.interaction) AS a;
END;
COMMENT ON FUNCTION appt_rest.schedule_appointment(jsonb) IS
'POST /api/appointments/: schedules an appointment.

A start without an offset is in timezone. Otherwise as appt.schedule_appointment, also with the header Idempotency-Key.';

CREATE FUNCTION appt_rest.update_appointment(jsonb) RETURNS appt_rest.appointment
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT appt_rest.appointment(a)
	FROM jsonb_populate_record(NULL::appt_rest.update_appointment_request, $1) AS r, LATERAL appt.update_appointment(
		id => appt_rest.given(r.id)::uuid,
		title => appt_rest.plain(r.title),
		notes => appt_rest.plain(r.notes),
		metadata => r.metadata) AS a;
END;
COMMENT ON FUNCTION appt_rest.update_appointment(jsonb) IS
'PUT /api/appointments/: changes title, notes and metadata of an appointment.

A member that is left out or null stays as it is; an empty one is cleared. Otherwise as appt.update_appointment.';

CREATE FUNCTION appt_rest.delete_appointment(id text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT appt.delete_appointment(appt_rest.given(id)::uuid);
END;
COMMENT ON FUNCTION appt_rest.delete_appointment(text) IS
'DELETE /api/appointments/{id}: deletes an appointment, as appt.delete_appointment does.';

CREATE FUNCTION appt_rest.get_appointment(id text DEFAULT NULL) RETURNS appt_rest.appointment
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT appt_rest.appointment(a) FROM appt.get_appointment(appt_rest.given(id)::uuid) AS a;
END;
COMMENT ON FUNCTION appt_rest.get_appointment(text) IS
'GET /api/appointments/{id}: returns one appointment, as appt.get_appointment does.';

CREATE FUNCTION appt_rest.end_appointment(id text DEFAULT NULL) RETURNS appt_rest.appointment
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT appt_rest.appointment(a) FROM appt.end_appointment(appt_rest.given(id)::uuid) AS a;
END;
COMMENT ON FUNCTION appt_rest.end_appointment(text) IS
'PUT /api/appointments/{id}/end: ends an appointment now, as appt.end_appointment does.';

CREATE FUNCTION appt_rest.remove_participant(id text DEFAULT NULL, "participantId" text DEFAULT NULL) RETURNS appt_rest.appointment
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT appt_rest.appointment(a) FROM appt.remove_participant(appt_rest.given(id)::uuid, "participantId") AS a;
END;
COMMENT ON FUNCTION appt_rest.remove_participant(text, text) IS
'DELETE /api/appointments/{id}/participants/{pid}: removes a participant, as appt.remove_participant does.';

CREATE FUNCTION appt_rest.get_participant(id text DEFAULT NULL, "participantId" text DEFAULT NULL) RETURNS appt_rest.participant
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT ROW(
		jsonb_populate_record(NULL::appt_rest.contact, p.contact),
		p.id,
		p.metadata,
		jsonb_populate_record(NULL::appt_rest.name, p.name),
		p.type,
		p.username)::appt_rest.participant
	FROM appt.get_participant(appt_rest.given(id)::uuid, "participantId") AS p;
END;
COMMENT ON FUNCTION appt_rest.get_participant(text, text) IS
'GET /api/appointments/{id}/participants/{pid}: returns one participant, as appt.get_participant does.';

CREATE FUNCTION appt_rest.activate_appointment(id text DEFAULT NULL) RETURNS appt_rest.room_access
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT appt_rest.room_access(r.expires, r.type, r.url) FROM appt.activate_appointment(appt_rest.given(id)::uuid) AS r;
END;
COMMENT ON FUNCTION appt_rest.activate_appointment(text) IS
'POST /api/appointments/activate/{id}: activates an appointment and returns its join link, as appt.activate_appointment does.';

CREATE FUNCTION appt_rest.schedule_by_basic(uuid, text, text, timestamptz, interval, jsonb, text, text, text, text, text, jsonb)
RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rest_schedule_by_basic';
COMMENT ON FUNCTION appt_rest.schedule_by_basic(uuid, text, text, timestamptz, interval, jsonb, text, text, text, text, text, jsonb) IS
'Schedules as appt.schedule_appointment_as_customer does, with contact and code of the request''s HTTP Basic authentication, which the front hands on in the header X-Gateway-Authorization.

PGRST: status 401 with WWW-Authenticate: Basic, if there is none or the code is not valid.';

CREATE FUNCTION appt_rest.schedule_appointment_as_customer(jsonb) RETURNS appt_rest.appointment
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT appt_rest.appointment(a)
	FROM jsonb_populate_record(NULL::appt_rest.schedule_appointment_as_customer_request, $1) AS r, LATERAL appt_rest.schedule_by_basic(
		appt_rest.given(r."applicationId")::uuid,
		NULL,
		NULL,
		appt_rest.instant(r.start, r.timezone),
		appt_rest.given(r.duration)::interval,
		r.customer,
		appt_rest.given(r.title),
		appt_rest.given(r.notes),
		NULL,
		appt_rest.given(r.timezone),
		appt_rest.given(r.locale),
		r.metadata) AS a;
END;
COMMENT ON FUNCTION appt_rest.schedule_appointment_as_customer(jsonb) IS
'POST /api/appointments/basic: schedules an appointment for a customer who has a one-time code.

HTTP Basic authentication: the user name is the contact that appt.request_customer_code sent the code to, the password is the code. Otherwise as appt.schedule_appointment_as_customer. PGRST: status 401 with WWW-Authenticate: Basic.';

CREATE FUNCTION appt_rest.count_appointments("applicationId" text DEFAULT NULL, start text DEFAULT NULL, "timeFrame" text DEFAULT NULL)
RETURNS SETOF appt_rest.appointment_count
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.count, appt_rest.duration_text(c.duration), appt_rest.time_text(c.end_at), appt_rest.time_text(c.start_at), c.timezone
	FROM appt.count_appointments(
		application_id => appt_rest.given("applicationId")::uuid,
		start_at => appt_rest.instant(start, NULL),
		time_frame => appt_rest.given("timeFrame")::interval) AS c;
END;
COMMENT ON FUNCTION appt_rest.count_appointments(text, text, text) IS
'GET /api/appointments/count: counts the appointments that start within a time frame, as appt.count_appointments does.';

CREATE FUNCTION appt_rest.appointments_eligible_for_activation("timeFrame" text DEFAULT NULL)
RETURNS SETOF appt_rest.listed_appointment
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT l.* FROM appt.appointments_eligible_for_activation(time_frame => appt_rest.given("timeFrame")::interval) AS a,
		LATERAL appt_rest.listed_appointment(a) AS l;
END;
COMMENT ON FUNCTION appt_rest.appointments_eligible_for_activation(text) IS
'DEPRECATED: GET /api/appointments/eligible/: returns the appointments that are not activated yet, as appt.appointments_eligible_for_activation does.';

CREATE FUNCTION appt_rest.count_overlapping("applicationId" text DEFAULT NULL, start text DEFAULT NULL, duration text DEFAULT NULL)
RETURNS appt_rest.overlap_count
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT ROW(c.count)::appt_rest.overlap_count
	FROM appt.count_overlapping(
		application_id => appt_rest.given("applicationId")::uuid,
		start_at => appt_rest.instant(start, NULL),
		duration => appt_rest.given(duration)::interval) AS c;
END;
COMMENT ON FUNCTION appt_rest.count_overlapping(text, text, text) IS
'GET /api/appointments/overlap/count: counts the appointments that overlap a time, as appt.count_overlapping does.';

CREATE FUNCTION appt_rest.add_agent(jsonb) RETURNS appt_rest.appointment
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT appt_rest.appointment(a)
	FROM jsonb_populate_record(NULL::appt_rest.add_agent_request, $1) AS r,
		LATERAL appt.add_agent(appt_rest.given(r.id)::uuid, appt_rest.plain(r."userId")) AS a;
END;
COMMENT ON FUNCTION appt_rest.add_agent(jsonb) IS
'POST /api/appointments/participants/agents/: adds an agent to an appointment. Otherwise as appt.add_agent.';

CREATE FUNCTION appt_rest.add_customer(jsonb) RETURNS appt_rest.appointment
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT appt_rest.appointment(a)
	FROM jsonb_populate_record(NULL::appt_rest.add_customer_request, $1) AS r,
		LATERAL appt.add_customer(appt_rest.given(r.id)::uuid, r.customer) AS a;
END;
COMMENT ON FUNCTION appt_rest.add_customer(jsonb) IS
'POST /api/appointments/participants/customers/: adds a customer to an appointment. Otherwise as appt.add_customer.';

CREATE FUNCTION appt_rest.reassign_appointment(jsonb) RETURNS appt_rest.appointment
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT appt_rest.appointment(a)
	FROM jsonb_populate_record(NULL::appt_rest.reassign_appointment_request, $1) AS r,
		LATERAL appt.reassign_appointment(appt_rest.given(r.id)::uuid, appt_rest.plain(r."userId")) AS a;
END;
COMMENT ON FUNCTION appt_rest.reassign_appointment(jsonb) IS
'PUT /api/appointments/reassign/: hands an appointment over to another agent. Otherwise as appt.reassign_appointment.';

CREATE FUNCTION appt_rest.reschedule_appointment(jsonb) RETURNS appt_rest.appointment
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT appt_rest.appointment(a)
	FROM jsonb_populate_record(NULL::appt_rest.reschedule_appointment_request, $1) AS r, LATERAL appt.reschedule_appointment(
		id => appt_rest.given(r.id)::uuid,
		start_at => appt_rest.instant(r.start, r.timezone),
		duration => appt_rest.given(r.duration)::interval,
		timezone => appt_rest.given(r.timezone),
		locale => appt_rest.given(r.locale)) AS a;
END;
COMMENT ON FUNCTION appt_rest.reschedule_appointment(jsonb) IS
'PUT /api/appointments/reschedule/: moves an appointment in time.

A start without an offset is in timezone, or else in UTC. Otherwise as appt.reschedule_appointment.';

CREATE FUNCTION appt_rest.google_calendar_event(id text DEFAULT NULL) RETURNS void
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT appt.google_calendar_event(appt_rest.given(id)::uuid);
END;
COMMENT ON FUNCTION appt_rest.google_calendar_event(text) IS
'GET /api/cal/events/google/{id}/event: redirects to the link that adds an appointment to a Google calendar.';

CREATE FUNCTION appt_rest.ical_event(id text DEFAULT NULL) RETURNS appt."*/*"
LANGUAGE sql STABLE PARALLEL UNSAFE
RETURN appt.ical_event(appt_rest.given(id)::uuid);
COMMENT ON FUNCTION appt_rest.ical_event(text) IS
'GET /api/cal/events/ical/{id}/event: returns an appointment as an iCalendar file.';

CREATE FUNCTION appt_rest.confirm_email_verification(jsonb) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT appt.confirm_email_verification(appt_rest.given(r."applicationId")::uuid, appt_rest.given(r.code))
	FROM jsonb_populate_record(NULL::appt_rest.confirm_email_verification_request, $1) AS r;
END;
COMMENT ON FUNCTION appt_rest.confirm_email_verification(jsonb) IS
'POST /api/notifications/emails/confirm: verifies the sender of the application''s emails by the code that was sent to it.

Otherwise as appt.confirm_email_verification.';

CREATE FUNCTION appt_rest.send_test_email(jsonb) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT appt.send_test_email(
		application_id => appt_rest.given(r."applicationId")::uuid,
		to_email => appt_rest.given(r."toEmail"),
		type => coalesce(appt_rest.given(r.type), 'REMINDER'),
		channel => coalesce(appt_rest.given(r.channel), 'EMAIL'),
		locale => appt_rest.given(r.locale),
		timezone => appt_rest.given(r.timezone),
		period => appt_rest.given(r.period)::interval,
		subject => appt_rest.given(r.subject),
		text_body => appt_rest.given(r."textBody"),
		html_body => appt_rest.given(r."htmlBody"))
	FROM jsonb_populate_record(NULL::appt_rest.send_test_email_request, $1) AS r;
END;
COMMENT ON FUNCTION appt_rest.send_test_email(jsonb) IS
'POST /api/notifications/emails/test: sends a test email about a sample appointment.

Otherwise as appt.send_test_email; the answer is empty.';

CREATE FUNCTION appt_rest.claims() RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT set_config('request.jwt.claims', (renamed.claims || given.claims)::text, true)
	FROM (SELECT coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb) AS given (claims),
		LATERAL (SELECT coalesce(jsonb_object_agg(ours, claim) FILTER (WHERE claim IS NOT NULL), '{}')
			FROM jsonb_each_text(coalesce(nullif(current_setting('app.settings.claims', true), ''), '{"application_id": "applicationId",
				"organization_id": "organizationId", "conference_id": "conferenceId"}')::jsonb) AS named (ours, theirs),
				coalesce(given.claims->theirs, given.claims #> string_to_array(theirs, '/')) AS claim) AS renamed (claims);
END;
COMMENT ON FUNCTION appt_rest.claims() IS
'Fills the claims that a token lacks from those that its issuer names otherwise, as PostgREST''s db-pre-request.

app.settings.claims is a JSON object: the name of each claim of appt, and the issuer''s name of it, or its path, separated by slashes. Without it the names are applicationId, organizationId and conferenceId. A claim that the token has under appt''s name stays as it is.';
