/*
 * template_functions.c
 *		The template engine as SQL functions, and the checks of templates,
 *		timezones and locales that are stored.
 *
 * The engine reports what is wrong as a sentence; here it becomes an error, its
 * primary message a constant and the sentence, which may quote the caller's
 * text, its DETAIL.
 */
#include "postgres.h"

#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "fmgr.h"
#include "render/iso8601.h"
#include "render/locales.h"
#include "render/mustache_cache.h"
#include "render/mustache_parser.h"
#include "render/mustache_renderer.h"
#include "render/template_names.h"
#include "render/timezones.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(render_template);
PG_FUNCTION_INFO_V1(template_is_valid);
PG_FUNCTION_INFO_V1(timezone_is_valid);
PG_FUNCTION_INFO_V1(locale_is_valid);

static void
require_timezone(const char *timezone)
{
	if (!timezone_is_known(timezone))
		report_invalid("timezone is not known",
					   "There is no timezone \"%s\".", timezone);
}

static void
require_locale(const char *locale)
{
	if (!locale_is_known(locale))
		report_invalid("locale is not known",
					   "There is no locale \"%s\".", locale);
}

/*
 * Read start_at from data; *has_start tells whether there is one.  A value that
 * is not an instant is an error even if the template has no date, so that the
 * mistake is found before a template has one.
 */
static bool
read_start_at(const Jsonb *data, DateFormat *dates, bool *has_start, char **error)
{
	JsonbValue	found;
	JsonbValue *value = NULL;
	char	   *text;

	if (JB_ROOT_IS_OBJECT(data))
		value = getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &data->root), "start_at", 8, &found);
	*has_start = (value != NULL && value->type != jbvNull);
	if (!*has_start)
		return true;
	if (value->type != jbvString)
	{
		*error = pstrdup("start_at is not a text.");
		return false;
	}
	text = pnstrdup(value->val.string.val, value->val.string.len);
	if (iso8601_parse(text, dates->timezone, &dates->start_at, error))
		return true;
	*error = psprintf("start_at: %s", *error);
	return false;
}

/*
 * appt.render_template(template text, data jsonb, html boolean, timezone text,
 *						locale text) RETURNS text
 *
 * The engine by itself (design.md, Templates; api.md, Notifications): names
 * come from data and only from data, a missing one is empty; a name absent from
 * data is a date pattern if data has start_at.  22023: a template that does not
 * parse, a timezone or locale that is not known, a start_at that is no instant,
 * a result that exceeds the limits of mustache_renderer.h.
 */
Datum
render_template(PG_FUNCTION_ARGS)
{
	char	   *template;
	Jsonb	   *data;
	bool		html;
	DateFormat	dates;
	bool		has_start;
	const Mustache *m;
	char	   *result = NULL;
	char	   *error = NULL;

	call_authorize(fcinfo, CALLER_AGENT | CALLER_SUPERVISOR |
				   CALLER_CLIENT_SERVICE | CALLER_ADMIN);
	require_arguments(fcinfo, 5);
	template = text_to_cstring(PG_GETARG_TEXT_PP(0));
	data = PG_GETARG_JSONB_P(1);
	html = PG_GETARG_BOOL(2);
	dates.timezone = text_to_cstring(PG_GETARG_TEXT_PP(3));
	dates.locale = text_to_cstring(PG_GETARG_TEXT_PP(4));
	require_timezone(dates.timezone);
	require_locale(dates.locale);

	m = mustache_parse_cached(template, &error);
	if (m == NULL)
		report_invalid("template is not valid", "%s", error);
	if (read_start_at(data, &dates, &has_start, &error))
		result = mustache_render(m, data, html, has_start ? &dates : NULL, &error);
	if (result == NULL)
		report_invalid("template cannot be rendered with this data", "%s", error);
	PG_RETURN_TEXT_P(cstring_to_text(result));
}

/*
 * appt.template_is_valid(template text) RETURNS boolean
 *
 * True; 22023 with the reason if it does not parse or uses a name that no message
 * has (design.md, Templates: refused when saved).
 */
Datum
template_is_valid(PG_FUNCTION_ARGS)
{
	char	   *template = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const Mustache *m;
	char	   *error = NULL;

	m = mustache_parse(template, &error);
	if (m == NULL || !template_names_are_known(m, &error))
		report_invalid("template is not valid", "%s", error);
	PG_RETURN_BOOL(true);
}

/* appt.timezone_is_valid(timezone text) RETURNS boolean: true; 22023 */
Datum
timezone_is_valid(PG_FUNCTION_ARGS)
{
	require_timezone(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_BOOL(true);
}

/* appt.locale_is_valid(locale text) RETURNS boolean: true; 22023 */
Datum
locale_is_valid(PG_FUNCTION_ARGS)
{
	require_locale(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_BOOL(true);
}
