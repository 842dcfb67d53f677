/* template_functions.sql: rendering templates. */

CREATE FUNCTION appt.render_template(template text DEFAULT NULL, data jsonb DEFAULT NULL,
	html boolean DEFAULT false, timezone text DEFAULT 'UTC', locale text DEFAULT 'en')
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'render_template';
COMMENT ON FUNCTION appt.render_template(text, jsonb, boolean, text, text) IS
'Renders a Mustache template with the given data.

Names are looked up in data alone; a missing one is empty. With html, {{name}} is escaped and {{{name}}} is not; without html nothing is. If data has start_at, an instant in ISO 8601, then a name that is not in data may be an ICU date pattern, like {{dd-MM-yyyy}}: it is replaced by start_at in that pattern, in timezone and locale.';
