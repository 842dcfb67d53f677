/* appointment_functions.sql: scheduling, changing and ending appointments. */

CREATE TYPE appt.appointment_details AS (
	id uuid,
	application_id uuid,
	state text,
	title text,
	notes text,
	location text,
	start_at timestamptz,
	end_at timestamptz,
	duration interval,
	timezone text,
	locale text,
	organizer jsonb,
	participant_ids jsonb,
	interaction jsonb,
	metadata jsonb,
	notifications_active boolean,
	room_access jsonb,
	conference_id uuid,
	created_at timestamptz,
	updated_at timestamptz,
	cancel_reason text,
	meeting_template_id uuid,
	booking_state text,
	notification_state text,
	changed_fields text[],
	archived_at timestamptz
);
COMMENT ON TYPE appt.appointment_details IS 'An appointment as functions return it.';
COMMENT ON COLUMN appt.appointment_details.id IS 'Identifier, used in functions.';
COMMENT ON COLUMN appt.appointment_details.application_id IS 'The application that the appointment belongs to.';
COMMENT ON COLUMN appt.appointment_details.state IS 'SCHEDULED, ACTIVATED, ENDED or CANCELLED.';
COMMENT ON COLUMN appt.appointment_details.title IS 'Title; null means none.';
COMMENT ON COLUMN appt.appointment_details.notes IS 'Notes for those who prepare the call; null means none.';
COMMENT ON COLUMN appt.appointment_details.location IS 'Address, if people also meet in person; null means none.';
COMMENT ON COLUMN appt.appointment_details.start_at IS 'Start of the call.';
COMMENT ON COLUMN appt.appointment_details.end_at IS 'End of the call: start_at plus duration.';
COMMENT ON COLUMN appt.appointment_details.duration IS 'Elapsed time, regardless of clock changes.';
COMMENT ON COLUMN appt.appointment_details.timezone IS 'Timezone of the times in messages to the participants.';
COMMENT ON COLUMN appt.appointment_details.locale IS 'Locale of messages to the participants, unless they have their own.';
COMMENT ON COLUMN appt.appointment_details.organizer IS '{"id", "type"}; type is AGENT or CUSTOMER.';
COMMENT ON COLUMN appt.appointment_details.participant_ids IS '[{"id", "type"}], in the order in which they were added.';
COMMENT ON COLUMN appt.appointment_details.interaction IS
'State of the call: {"state": PENDING, ACTIVE or ENDED, "routing": {"type", "properties"}, "customFields"}.';
COMMENT ON COLUMN appt.appointment_details.metadata IS 'JSON object for the application''s own use.';
COMMENT ON COLUMN appt.appointment_details.notifications_active IS
'The organization''s notification switch when the appointment was scheduled.';
COMMENT ON COLUMN appt.appointment_details.room_access IS
'{"ticket", "type", "url", "expires"} once it is activated, else null. url is null if the application has no room_url.';
COMMENT ON COLUMN appt.appointment_details.conference_id IS 'Identifier of the call for the video front end; a customer''s token names it.';
COMMENT ON COLUMN appt.appointment_details.created_at IS 'When the appointment was scheduled.';
COMMENT ON COLUMN appt.appointment_details.updated_at IS 'When the appointment was last changed.';
COMMENT ON COLUMN appt.appointment_details.cancel_reason IS 'Why it was cancelled; null if no reason was given or it is not CANCELLED.';
COMMENT ON COLUMN appt.appointment_details.meeting_template_id IS 'Meeting template that it follows; null means none.';
COMMENT ON COLUMN appt.appointment_details.booking_state IS
'What its customers were told and said: NEW, BOOKED, INVITED, CONFIRMED, DECLINED or RESCHEDULE_REQUESTED; null without a meeting template.';
COMMENT ON COLUMN appt.appointment_details.notification_state IS
'Whether its customers know what is so: NONE, CONFIRMED or UPDATE_DUE; null without a meeting template.';
COMMENT ON COLUMN appt.appointment_details.changed_fields IS
'Significant fields that have changed since customers were last told; null unless UPDATE_DUE.';
COMMENT ON COLUMN appt.appointment_details.archived_at IS 'When it was archived; null means not.';

CREATE TYPE appt.room_access_details AS (
	ticket text,
	type text,
	url text,
	expires timestamptz
);
COMMENT ON TYPE appt.room_access_details IS 'The join link of an activated appointment.';
COMMENT ON COLUMN appt.room_access_details.ticket IS 'Secret code of the room: everybody who knows it may enter.';
COMMENT ON COLUMN appt.room_access_details.type IS 'Kind of the ticket: MULTI_USE_TICKET.';
COMMENT ON COLUMN appt.room_access_details.url IS
'Join link: the application''s room_url and the ticket; null if the application has no room_url.';
COMMENT ON COLUMN appt.room_access_details.expires IS 'When the ticket expires: one hour after the appointment''s end.';

CREATE FUNCTION appt.schedule_appointment(
	application_id uuid DEFAULT NULL,
	start_at timestamptz DEFAULT NULL,
	duration interval DEFAULT NULL,
	customer jsonb DEFAULT NULL,
	organizer_id text DEFAULT NULL,
	title text DEFAULT NULL,
	notes text DEFAULT NULL,
	location text DEFAULT NULL,
	timezone text DEFAULT NULL,
	locale text DEFAULT NULL,
	metadata jsonb DEFAULT NULL,
	interaction jsonb DEFAULT NULL,
	notification_headers jsonb DEFAULT NULL,
	idempotency_key text DEFAULT NULL,
	meeting_template_id uuid DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'schedule_appointment';
COMMENT ON FUNCTION appt.schedule_appointment(uuid, timestamptz, interval, jsonb, text, text, text, text, text, text, jsonb, jsonb, jsonb, text, uuid) IS
'Schedules an appointment and plans its notifications.

Returns the appointment, with room_access if the application has auto_activate. customer: {"name": {"firstName", "lastName"}, "contact": {"primaryEmail", "primaryPhone"}, "username", "metadata", "locale", "preferredChannel"}. duration is elapsed time; a day is 24 hours. The caller is the organizer; a client service may name another agent, an SQL application must name one. timezone and locale default to the application''s. Of interaction, routing and customFields are used.

meeting_template_id: the meeting template whose rules the appointment follows. Duration, location and title that are left out come from it; its title shows the booking state, which starts as NEW. Its customers are sent nothing but what rules of the template send by themselves.

idempotency_key: any text of up to 255 characters. A REST request can give it in the header Idempotency-Key. An empty key counts as none. If the same caller (the application, and the role and sub of the token, or the login) repeats the call with its key, it gets the appointment that the first call created, as it is now. Nothing is booked or planned again, and the call is not refused for what has changed since. The key is kept as long as the appointment.

22023: a start more than a minute ago or infinite, a duration of 0 or less, with months or over the application''s max_duration, an unknown timezone or locale, a bad email address, a malformed object or header, an idempotency_key that is too long or differs from the header, a meeting template that is not active, no duration, or no location where the template requires one. PT404: no such application or meeting template, or the caller may no longer read the appointment that the first call created. PT409: the application''s max_overlap is reached at some instant of the appointment, or organizers are exclusive and this one organizes another appointment then; or a call with other arguments was executed with the idempotency_key.';

CREATE FUNCTION appt.get_appointment(id uuid DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'get_appointment';
COMMENT ON FUNCTION appt.get_appointment(uuid) IS
'Returns one appointment, with room_access if it was activated.

A supervisor, a client service and an agent see the appointments of their application; with agent_scope OWN, an agent sees those that it organizes or attends. A customer sees the one that its token''s conference_id names. PT404: any other appointment.';

CREATE FUNCTION appt.cancel_appointment(id uuid DEFAULT NULL, reason text DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cancel_appointment';
COMMENT ON FUNCTION appt.cancel_appointment(uuid, text) IS
'Cancels an appointment. It stays on record as CANCELLED, and its customers are told, with the reason.

Cancelling it again changes nothing. PT404: no such appointment. PT409: it has ended.';

CREATE FUNCTION appt.reschedule_appointment(id uuid DEFAULT NULL, start_at timestamptz DEFAULT NULL, duration interval DEFAULT NULL,
	timezone text DEFAULT NULL, locale text DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'reschedule_appointment';
COMMENT ON FUNCTION appt.reschedule_appointment(uuid, timestamptz, interval, text, text) IS
'Moves an appointment in time; its customers are told.

A null argument keeps the present value. If nothing differs, nothing changes and nothing is sent; if only the locale differs, subscribers get an UPDATE. The link to the room stays the same, and its expiry moves along.

22023: malformed values, as for schedule_appointment; the start is checked if it changes. PT404: no such appointment. PT409: the call is going on, the appointment is CANCELLED or ENDED, max_overlap is reached, or the organizer is not free, as for schedule_appointment.';

CREATE FUNCTION appt.update_appointment(id uuid DEFAULT NULL, title text DEFAULT NULL, notes text DEFAULT NULL,
	location text DEFAULT NULL, metadata jsonb DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'update_appointment';
COMMENT ON FUNCTION appt.update_appointment(uuid, text, text, text, jsonb) IS
'Changes title, notes, location and metadata of an appointment; subscribers are told.

A field that is left out or null stays as it is; an empty text or {} clears it. If nothing differs, nothing changes and nothing is sent.

22023: metadata is not an object. PT404: no such appointment. PT409: it is CANCELLED or ENDED.';

CREATE FUNCTION appt.delete_appointment(id uuid DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'delete_appointment';
COMMENT ON FUNCTION appt.delete_appointment(uuid) IS
'Deletes an appointment with its participants and room.

Its customers are told that it is cancelled, unless it was over or cancelled already. The log of its notifications stays. PT404: no such appointment.';

CREATE FUNCTION appt.activate_appointment(id uuid DEFAULT NULL) RETURNS appt.room_access_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'activate_appointment';
COMMENT ON FUNCTION appt.activate_appointment(uuid) IS
'Activates an appointment and returns the link to its room.

If it is already active, the link is the same. PT404: no such appointment. PT409: it is CANCELLED or ENDED.';

CREATE FUNCTION appt.end_appointment(id uuid DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'end_appointment';
COMMENT ON FUNCTION appt.end_appointment(uuid) IS
'Ends an appointment now; follow-ups are planned for the customers who joined.

If it has already ended, it is returned unchanged. PT404: no such appointment. PT409: it was never activated, or is CANCELLED.';

CREATE FUNCTION appt.record_join(id uuid DEFAULT NULL, participant_id text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'record_join';
COMMENT ON FUNCTION appt.record_join(uuid, text) IS
'Records that a participant entered the call. The first customer who enters starts it: reminders of it are not sent any more.

A customer records itself: the sub of its token is the participant''s id. Recording it again is harmless. PT404: no such appointment or participant. PT409: the appointment is not ACTIVATED.';

CREATE FUNCTION appt.record_leave(id uuid DEFAULT NULL, participant_id text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'record_leave';
COMMENT ON FUNCTION appt.record_leave(uuid, text) IS
'Records that a participant left the call. The call goes on.

A customer records itself: the sub of its token is the participant''s id. Recording it again is harmless. PT404: no such appointment or participant. PT409: the appointment is not ACTIVATED.';

CREATE FUNCTION appt.add_customer(id uuid DEFAULT NULL, customer jsonb DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'add_customer';
COMMENT ON FUNCTION appt.add_customer(uuid, jsonb) IS
'Adds a customer to an appointment; the customer is told of it.

customer: as for schedule_appointment. 22023: it is malformed, or the email address is bad. PT404: no such appointment. PT409: it is CANCELLED or ENDED.';

CREATE FUNCTION appt.remove_participant(id uuid DEFAULT NULL, participant_id text DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'remove_participant';
COMMENT ON FUNCTION appt.remove_participant(uuid, text) IS
'Removes a participant from an appointment; a customer is told that it is cancelled.

PT404: no such appointment or participant. PT409: the participant is the organizer, or the appointment is CANCELLED or ENDED.';
