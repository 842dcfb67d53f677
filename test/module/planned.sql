CREATE FUNCTION appt_test.plan_user_event(application_id uuid, type text, user_ids text[] DEFAULT NULL, line_id uuid DEFAULT NULL,
	payload jsonb DEFAULT NULL) RETURNS bigint
LANGUAGE C AS 'MODULE_PATHNAME', 'test_plan_user_event';
CREATE FUNCTION appt_test.plan_named_webhook(application_id uuid, type text, subscription_id uuid) RETURNS bigint
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_plan_named_webhook';
