/* meeting_functions.sql: meeting templates, and what a person does to an appointment beside its times and words. */

CREATE FUNCTION appt.create_meeting_template(
	application_id uuid DEFAULT NULL,
	name text DEFAULT NULL,
	sequence integer DEFAULT 10,
	active boolean DEFAULT true,
	duration interval DEFAULT NULL,
	meeting_type text DEFAULT 'TBD',
	location text DEFAULT NULL,
	video_platform text DEFAULT NULL,
	title text DEFAULT NULL,
	significant_fields text[] DEFAULT '{start_at,duration,timezone,location}',
	require_location boolean DEFAULT false,
	lead_only_reminders boolean DEFAULT false,
	reminders_need_confirmation boolean DEFAULT false,
	notify_followers boolean DEFAULT true) RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'create_meeting_template';
COMMENT ON FUNCTION appt.create_meeting_template(uuid, text, integer, boolean, interval, text, text, text, text, text[],
	boolean, boolean, boolean, boolean) IS
'Creates a meeting template with its default rules and returns its id.

The rules, all over the channel that each customer prefers: CREATE, CONFIRMATION_REQUEST, RESCHEDULE and CANCELLED are sent by hand, REMINDER by itself 1 day and 1 hour before the start. CONFIRMATION_REQUEST has the buttons ACCEPT, DECLINE and RESCHEDULE; CREATE and REMINDER have VIEW_DETAILS; RESCHEDULE has VIEW_DETAILS and ADD_TO_CALENDAR. The comments on the columns of appt.meeting_template explain the settings. 22023: a value that a setting cannot have. PT404: no such application.';

CREATE FUNCTION appt.apply_meeting_template(id uuid DEFAULT NULL, meeting_template_id uuid DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'apply_meeting_template';
COMMENT ON FUNCTION appt.apply_meeting_template(uuid, uuid) IS
'Gives an appointment a meeting template, another one in place of its own, or with null none.

What it does not say comes from the template: location and title. What has not been sent to its customers by the rules of before is CANCELLED, TEMPLATE_CHANGED; reminders are planned anew by the template''s rules. An appointment without a template before is NEW, and its customers are sent what rules of the template send by themselves from now on, or send_notification sends. One that had a template keeps what customers were told and said. Without a template it keeps the title that its customers see. The template that it has already changes nothing.

22023: the template is not active, or requires a location. PT404: no such appointment or meeting template. PT409: the appointment is CANCELLED or ENDED.';

CREATE FUNCTION appt.update_customer(id uuid DEFAULT NULL, participant_id text DEFAULT NULL, customer jsonb DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'update_customer';
COMMENT ON FUNCTION appt.update_customer(uuid, text, jsonb) IS
'Changes what is known of a customer of an appointment; subscribers are told.

customer: as for schedule_appointment. Members that are left out stay, also within name and contact; null clears. metadata is replaced as a whole. If an address or preferredChannel changes, what has not been sent to the customer is CANCELLED, CUSTOMER_CHANGED and planned anew; nothing that was sent is sent again. A reminder that is late already stays, and goes to the new address. If nothing differs, nothing changes and nothing is sent.

22023: it is malformed, or the email address is bad. PT404: no such appointment or customer. PT409: the appointment is CANCELLED or ENDED.';

CREATE FUNCTION appt.archive_appointment(id uuid DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'archive_appointment';
COMMENT ON FUNCTION appt.archive_appointment(uuid) IS
'Archives an appointment that is over: find_appointments shows it only if archived ones are asked for, and its customers can answer no more.

Archiving it again changes nothing. PT404: no such appointment. PT409: it is neither ENDED nor CANCELLED, or a notice of its cancellation is still on its way to a customer.';

CREATE FUNCTION appt.reopen_appointment(id uuid DEFAULT NULL, start_at timestamptz DEFAULT NULL, duration interval DEFAULT NULL,
	timezone text DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'reopen_appointment';
COMMENT ON FUNCTION appt.reopen_appointment(uuid, timestamptz, interval, text) IS
'Brings a cancelled appointment back, at a new time.

Duration and timezone that are null stay. It becomes SCHEDULED or ACTIVATED, with a new room, as if it were scheduled now; with a meeting template it is NEW. Responses are cleared, and messages of before cannot be answered. A notice of the cancellation that has not been sent is CANCELLED, REOPENED. Subscribers get CREATE; customers get what their rules send by themselves, and reminders; agents APPOINTMENT_CREATED and APPOINTMENT_REMINDER.

22023: malformed values, as for schedule_appointment. PT404: no such appointment. PT409: it is not CANCELLED, max_overlap is reached, or the organizer is not free, as for schedule_appointment.';

CREATE FUNCTION appt.follow_appointment(id uuid DEFAULT NULL, user_id text DEFAULT NULL, following boolean DEFAULT true) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'follow_appointment';
COMMENT ON FUNCTION appt.follow_appointment(uuid, text, boolean) IS
'Makes a user a follower of an appointment, who is told of its customers'' responses, or ends that.

user_id null is the caller. Supervisors, client services and the organizer decide for other users, too. User ids are not checked: a user without a profile is told nothing until it has one. A follower who may not read the appointment is told of the response without the customer''s data. 22023: no user. 42501: an agent names another user and is not the organizer. PT404: no such appointment. PT409: it has 100 followers.';
