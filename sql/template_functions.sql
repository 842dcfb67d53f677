/* template_functions.sql */

CREATE FUNCTION appt.render_template(template text DEFAULT NULL, data jsonb DEFAULT NULL,
	html boolean DEFAULT false, timezone text DEFAULT 'UTC', locale text DEFAULT 'en')
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'render_template';
COMMENT ON FUNCTION appt.render_template(text, jsonb, boolean, text, text) IS
'Renders a Mustache template with the given data.

Names come from data and only from data; a missing one is empty. With html, {{name}} is escaped and {{{name}}} is not; without it nothing is. If data has start_at, an instant in ISO 8601, a name absent from data may be an ICU date pattern, like {{dd-MM-yyyy}}, written for timezone and locale.';
