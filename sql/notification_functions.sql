/* notification_functions.sql: lanes, and what people ask and do about single notifications. */

CREATE FUNCTION appt.lane(application_id uuid, channel text, subscription_id uuid) RETURNS bigint
LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'lane';
COMMENT ON FUNCTION appt.lane(uuid, text, uuid) IS
'The queue that a notification waits in: one per subscription, else one per application and channel.';

CREATE FUNCTION appt.appointment_snapshot(application_id uuid, appointment_id uuid, participant_id text) RETURNS jsonb
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_build_object(
		'appointment', to_jsonb(a),
		'room', (SELECT to_jsonb(r) FROM appt.room_access r
			WHERE r.application_id = a.application_id AND r.appointment_id = a.id),
		'participants', (SELECT coalesce(jsonb_agg(jsonb_build_object('application_id', p.application_id,
				'appointment_id', p.appointment_id, 'id', p.id, 'type', p.type, 'metadata', '{}'::jsonb,
				'joined_at', p.joined_at, 'created_at', p.created_at) ORDER BY p.created_at, p.id), '[]')
			FROM appt.participant p
			WHERE p.application_id = a.application_id AND p.appointment_id = a.id))
		|| coalesce((SELECT jsonb_build_object('participant', to_jsonb(p)) FROM appt.participant p
			WHERE p.application_id = a.application_id AND p.appointment_id = a.id
				AND p.id = appointment_snapshot.participant_id), '{}')
	FROM appt.appointment a
	WHERE a.application_id = appointment_snapshot.application_id AND a.id = appointment_snapshot.appointment_id;
END;
COMMENT ON FUNCTION appt.appointment_snapshot(uuid, uuid, text) IS
'What messages about an appointment are composed from once it is deleted, for notification.context: the appointment, its room, who takes part (their ids and types) and, if named, one participant in full.';
