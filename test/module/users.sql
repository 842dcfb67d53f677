CREATE FUNCTION appt_test.tell_users(application_id uuid, type text, user_ids text[] DEFAULT NULL, line_id uuid DEFAULT NULL,
	contact jsonb DEFAULT NULL, title text DEFAULT NULL, payload jsonb DEFAULT NULL) RETURNS bigint
LANGUAGE C AS 'MODULE_PATHNAME', 'test_tell_users';
CREATE FUNCTION appt_test.send_named(application_id uuid, type text, channel text, recipient_kind text, recipient_id text,
	address text DEFAULT NULL, context jsonb DEFAULT NULL) RETURNS bigint
LANGUAGE C AS 'MODULE_PATHNAME', 'test_send_named';
