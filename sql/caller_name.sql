/* caller_name.sql: the name of whoever makes a change, for columns like created_by. */

CREATE FUNCTION appt.caller_name() RETURNS text
LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'caller_name_shown';
COMMENT ON FUNCTION appt.caller_name() IS
'Name of whoever makes a change: the role and sub of a token ("appt_agent:agent-7"), the login of any other session ("login:my_app"), or "appt worker".';
