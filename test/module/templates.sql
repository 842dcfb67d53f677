CREATE FUNCTION appt_test.builtin_template(type text, channel text, part text, locale text DEFAULT 'en') RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_builtin_template';
CREATE FUNCTION appt_test.words_languages() RETURNS text[] LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_words_languages';
CREATE FUNCTION appt_test.words_keys() RETURNS text[] LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_words_keys';
CREATE FUNCTION appt_test.words_own(language text, key text) RETURNS text LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_words_own';
CREATE FUNCTION appt_test.page_word(locale text, key text) RETURNS text LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_page_word';
CREATE FUNCTION appt_test.builtin_template_locale(locale text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_builtin_template_locale';
CREATE FUNCTION appt_test.named_date(name text, at timestamptz, timezone text, locale text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_named_date';
CREATE FUNCTION appt_test.duration(duration interval, locale text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_duration';
CREATE FUNCTION appt_test.parse_instant(text text, timezone text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_parse_instant';
CREATE FUNCTION appt_test.is_date_pattern(text text) RETURNS boolean
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_is_date_pattern';
CREATE FUNCTION appt_test.timezone_is_known(timezone text) RETURNS boolean
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_timezone_is_known';
CREATE FUNCTION appt_test.locale_is_known(locale text) RETURNS boolean
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_locale_is_known';
CREATE FUNCTION appt_test.locale_fallbacks(locale text, application_locale text) RETURNS text[]
LANGUAGE C AS 'MODULE_PATHNAME', 'test_locale_fallbacks';
CREATE FUNCTION appt_test.template_uses(template text, name text) RETURNS boolean
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_template_uses';
CREATE FUNCTION appt_test.template_names(template text) RETURNS text[]
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_template_names';
CREATE FUNCTION appt_test.template_is_kept(template text) RETURNS boolean
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_template_is_kept';
CREATE FUNCTION appt_test.render_often(template text, data jsonb, times int) RETURNS bigint
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_render_often';
CREATE FUNCTION appt_test.parse_many(times int) RETURNS bigint
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_parse_many';
CREATE FUNCTION appt_test.format_many(times int) RETURNS bigint
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_format_many';
