/* person_functions.sql: what was sent to a person, what is known of it, and forgetting it. */

CREATE FUNCTION appt.messages_to(address text DEFAULT NULL) RETURNS SETOF appt.notification_log
LANGUAGE C STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'messages_to';
COMMENT ON FUNCTION appt.messages_to(text) IS
'The rows of the log for one address, the latest first, whatever the notation of a phone number and the case of an email''s domain, which a user''s address must have as its profile: of a supervisor''s application, without those to other users; of all applications of an admin''s organization. 22023: no address.';

CREATE FUNCTION appt.export_person(application_id uuid DEFAULT NULL, address text DEFAULT NULL) RETURNS jsonb
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'export_person';
COMMENT ON FUNCTION appt.export_person(uuid, text) IS
'Everything that an application has of the person at an address: participants, their appointments, notifications, attempts, responses, inbound messages, one-time codes, events that users were told of, suppressions and changes, each a JSON array of rows.

The person is every customer with that address, with its other address, also one that was removed or whose appointment was deleted. Users are not meant. The call is recorded in appt.change, without the address. 22023: an argument is missing. PT404: no such application.';

CREATE FUNCTION appt.forget_person(application_id uuid DEFAULT NULL, address text DEFAULT NULL, confirmed boolean DEFAULT false)
RETURNS jsonb
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'forget_person';
COMMENT ON FUNCTION appt.forget_person(uuid, text, boolean) IS
'Blanks what an application has of the person at an address, and cancels what is still to be sent to it (CANCELLED, WITHDRAWN). Returns how many rows of each table. Unless it is confirmed, it only counts: everything is taken back.

The person is as of export_person. Addresses, names, texts and bodies become NULL or "-"; also the bodies of messages that told users and subscribers of its appointments, and the title, notes and reason to cancel of an appointment that hold a name of the person, with the messages to other customers that have such a title. Times, types and states stay, and so do locations and metadata of appointments and profiles of users. A suppression stays without the address: a forgotten address stays suppressed. "being_sent" counts messages that are on their way: a further call blanks them, and the customers and events, which stay until then. Those to the person are not tried again. Anything that is forgotten cannot be brought back. The call is recorded in appt.change, without the address. 22023: an argument is missing. PT404: no such application.';
