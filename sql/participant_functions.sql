/* participant_functions.sql: the agents of an appointment. */

CREATE FUNCTION appt.add_agent(id uuid, user_id text) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'add_agent';
COMMENT ON FUNCTION appt.add_agent(uuid, text) IS
'Adds an agent to an appointment; subscribers are told.

The agent may read the appointment from then on; to change it is its organizer''s. User ids are trusted. 22023: user_id is empty. PT404: no such appointment. PT409: the user takes part already, or the appointment is CANCELLED or ENDED.';

CREATE FUNCTION appt.reassign_appointment(id uuid, user_id text) RETURNS appt.appointment_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'reassign_appointment';
COMMENT ON FUNCTION appt.reassign_appointment(uuid, text) IS
'Hands an appointment over to another agent; subscribers are told.

The user becomes its organizer and its only agent; customers stay. Where it organizes the appointment already, nothing changes and nothing is sent. User ids are trusted. 22023: user_id is empty. PT404: no such appointment. PT409: the user is one of its customers, organizers are exclusive and this one organizes another then, or the appointment is CANCELLED or ENDED.';
