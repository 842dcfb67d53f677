CREATE FUNCTION appt_test.composed(notification_id bigint, at timestamptz DEFAULT now()) RETURNS text[]
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_composed';
CREATE FUNCTION appt_test.invite(notification_id bigint, at timestamptz DEFAULT now(), OUT calendar bytea, OUT method text)
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_invite';
CREATE FUNCTION appt_test.loaded(notification_ids bigint[]) RETURNS text[]
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_loaded';
CREATE FUNCTION appt_test.load_often(notification_ids bigint[], times integer) RETURNS float8
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_load_often';
CREATE FUNCTION appt_test.route_secrets(notification_id bigint) RETURNS text[]
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_route_secrets';
CREATE FUNCTION appt_test.blank_deleted() RETURNS boolean
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_blank_deleted';
CREATE FUNCTION appt_test.plan_to_address(application_id uuid, type text, channel text, address text, context jsonb) RETURNS bigint
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_plan_to_address';
