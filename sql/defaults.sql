/* defaults.sql: functions that are defaults of columns. */

CREATE FUNCTION appt.caller_name() RETURNS text
LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'caller_name_shown';
COMMENT ON FUNCTION appt.caller_name() IS
'Name of whoever makes a change: the role and sub of a token ("appt_agent:agent-7"), the login of any other session ("login:my_app"), or "appt worker".';

/* A default cannot see the other columns: ids have the nil UUID as theirs, which the trigger replaces. */
CREATE FUNCTION appt.give_ids() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'give_ids';
COMMENT ON FUNCTION appt.give_ids() IS
'Gives a row that is inserted without an id one with the tag of its application, in each of the columns that the trigger names.';

CREATE FUNCTION appt.tagged_uuid(application_id uuid) RETURNS uuid
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'tagged_uuid_made';
COMMENT ON FUNCTION appt.tagged_uuid(uuid) IS
'A new id for a row of the application, for those who insert rows with ids of their own. It is a UUID of version 7: milliseconds since 1970, 42 random bits, and the tag of the application. Those of a later millisecond are greater, so new entries go to the right edge of an index.';

CREATE FUNCTION appt.tag_of(id uuid) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'tag_of';
COMMENT ON FUNCTION appt.tag_of(uuid) IS
'The tag of the application that the id belongs to: its last 4 bytes. Ids of appointments, conferences, subscriptions, providers, lines, ring groups and meeting templates have one, unless who inserted the row gave it another id.';

CREATE FUNCTION appt.tag_of_application(application_id uuid) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'tag_of_application';
COMMENT ON FUNCTION appt.tag_of_application(uuid) IS
'The tag of an application: the first 4 bytes of its id. No two applications of a database have the same.';

CREATE FUNCTION appt.tag_of_token(token text) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'tag_of_token';
COMMENT ON FUNCTION appt.tag_of_token(text) IS
'The tag of the application that a token in a link of a message belongs to: the 4 bytes that it begins with. NULL if the text is not in the form of a token; whether the token is genuine only its database can tell.';
