/* defaults.sql: functions that are defaults of columns. */

CREATE FUNCTION appt.caller_name() RETURNS text
LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'caller_name_shown';
COMMENT ON FUNCTION appt.caller_name() IS
'Name of whoever makes a change: the role and sub of a token ("appt_agent:agent-7"), the login of any other session ("login:my_app"), or "appt worker".';

CREATE FUNCTION appt.time_ordered_uuid() RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'time_ordered_uuid_made';
COMMENT ON FUNCTION appt.time_ordered_uuid() IS
'A new UUID of version 7: milliseconds since 1970, and 74 random bits. Those of a later millisecond are greater, so new entries go to the right edge of an index.';
