/* participant_functions.sql: participants of appointments. */

CREATE TYPE appt.participant_details AS (
	id text,
	type text,
	username text,
	name jsonb,
	contact jsonb,
	metadata jsonb
);
COMMENT ON TYPE appt.participant_details IS 'A participant as functions return it.';
COMMENT ON COLUMN appt.participant_details.id IS 'Identifier within the appointment; for an agent, its user id.';
COMMENT ON COLUMN appt.participant_details.type IS 'CUSTOMER or AGENT.';
COMMENT ON COLUMN appt.participant_details.username IS 'User name in the application; null means none.';
COMMENT ON COLUMN appt.participant_details.name IS '{"firstName", "lastName"}, each if it is known.';
COMMENT ON COLUMN appt.participant_details.contact IS '{"primaryEmail", "primaryPhone"}, each if it is known.';
COMMENT ON COLUMN appt.participant_details.metadata IS 'JSON object for the application''s own use.';

CREATE FUNCTION appt.get_participant(id uuid DEFAULT NULL, participant_id text DEFAULT NULL) RETURNS appt.participant_details
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'get_participant';
COMMENT ON FUNCTION appt.get_participant(uuid, text) IS
'Returns one participant of an appointment.

A supervisor and an agent see the participants of their application''s appointments; with agent_scope OWN, an agent sees those of appointments that it organizes or attends. A customer sees the customers of the appointment that its token''s conference_id names, until it is over. PT404: no such appointment or participant; for a customer also an agent, and an appointment that is ENDED, CANCELLED or past its end.';

CREATE FUNCTION appt.add_agent(id uuid DEFAULT NULL, user_id text DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'add_agent';
COMMENT ON FUNCTION appt.add_agent(uuid, text) IS
'Adds an agent to an appointment; subscribers are told.

With agent_scope OWN, the agent may read the appointment from then on, but only its organizer may change it. User ids are not checked. 22023: user_id is empty. PT404: no such appointment. PT409: the user takes part already, or the appointment is CANCELLED or ENDED.';

CREATE FUNCTION appt.reassign_appointment(id uuid DEFAULT NULL, user_id text DEFAULT NULL) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'reassign_appointment';
COMMENT ON FUNCTION appt.reassign_appointment(uuid, text) IS
'Hands an appointment over to another agent; subscribers are told.

The user becomes its organizer and its only agent; customers stay. If the user is already the organizer, nothing changes and nothing is sent. User ids are not checked. 22023: user_id is empty. PT404: no such appointment. PT409: the user is one of its customers, organizers are exclusive and this one organizes another appointment then, or the appointment is CANCELLED or ENDED.';
