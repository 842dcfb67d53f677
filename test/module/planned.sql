CREATE FUNCTION appt_test.plan_user_event(application_id uuid, type text, user_ids text[] DEFAULT NULL, line_id uuid DEFAULT NULL,
	contact jsonb DEFAULT NULL, title text DEFAULT NULL, payload jsonb DEFAULT NULL) RETURNS bigint
LANGUAGE C AS 'MODULE_PATHNAME', 'test_plan_user_event';
