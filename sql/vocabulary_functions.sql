/* vocabulary_functions.sql: closed lists of codes, as rows. */

CREATE FUNCTION appt.reasons(OUT reason text, OUT explanation text) RETURNS SETOF record
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 40 AS 'MODULE_PATHNAME', 'reasons';
COMMENT ON FUNCTION appt.reasons() IS 'Rows of the view reason.';

CREATE FUNCTION appt.notification_types(OUT type text, OUT description text, OUT audience text, OUT channels text[],
	OUT due text, OUT first_attempt text, OUT window_length interval, OUT superseded_by text[],
	OUT obeys_switches boolean, OUT has_rules boolean, OUT has_offset boolean) RETURNS SETOF record
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 40 AS 'MODULE_PATHNAME', 'notification_types_shown';
COMMENT ON FUNCTION appt.notification_types() IS 'Rows of the view notification_type.';
