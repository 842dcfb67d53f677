/*-------------------------------------------------------------------------
 *
 * templates.c
 *	  What is behind render_template: built-in templates, named dates, locale
 *	  fallback, what a template mentions.
 *
 * Sentences that the rooms return as errors come back as "error: ...", so that
 * a table of cases can hold them beside results.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "catalog/pg_type.h"
#include "render/builtin_templates.h"
#include "render/date_pattern.h"
#include "render/dates.h"
#include "render/durations.h"
#include "render/iso8601.h"
#include "render/locales.h"
#include "render/mustache_cache.h"
#include "render/mustache_parser.h"
#include "render/mustache_renderer.h"
#include "render/page_words.h"
#include "render/timezones.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "growth.h"

PG_FUNCTION_INFO_V1(test_builtin_template);
PG_FUNCTION_INFO_V1(test_builtin_template_locale);
PG_FUNCTION_INFO_V1(test_words_languages);
PG_FUNCTION_INFO_V1(test_words_keys);
PG_FUNCTION_INFO_V1(test_words_own);
PG_FUNCTION_INFO_V1(test_page_word);
PG_FUNCTION_INFO_V1(test_named_date);
PG_FUNCTION_INFO_V1(test_duration);
PG_FUNCTION_INFO_V1(test_parse_instant);
PG_FUNCTION_INFO_V1(test_is_date_pattern);
PG_FUNCTION_INFO_V1(test_timezone_is_known);
PG_FUNCTION_INFO_V1(test_locale_is_known);
PG_FUNCTION_INFO_V1(test_locale_fallbacks);
PG_FUNCTION_INFO_V1(test_template_uses);
PG_FUNCTION_INFO_V1(test_template_names);
PG_FUNCTION_INFO_V1(test_template_is_kept);
PG_FUNCTION_INFO_V1(test_render_often);
PG_FUNCTION_INFO_V1(test_parse_many);
PG_FUNCTION_INFO_V1(test_format_many);

static char *
text_arg(FunctionCallInfo fcinfo, int i)
{
	return text_to_cstring(PG_GETARG_TEXT_PP(i));
}

/* A result, or the sentence why there is none. */
static Datum
result_or_error(const char *result, const char *error)
{
	if (result)
		return CStringGetTextDatum(result);
	return CStringGetTextDatum(psprintf("error: %s", error));
}

static Datum
text_array(const char *const *texts, int count)
{
	Datum	   *datums = palloc(Max(count, 1) * sizeof(Datum));

	for (int i = 0; i < count; i++)
		datums[i] = CStringGetTextDatum(texts[i]);
	return PointerGetDatum(construct_array(datums, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* The parts of a built-in template, or NULL: subject, text_body, html_body */
Datum
test_builtin_template(PG_FUNCTION_ARGS)
{
	BuiltinTemplate template;
	const char *part = text_arg(fcinfo, 2);
	const char *text;

	if (!builtin_template(text_arg(fcinfo, 0), text_arg(fcinfo, 1), text_arg(fcinfo, 3), &template))
		PG_RETURN_NULL();
	text = strcmp(part, "subject") == 0 ? template.subject :
		strcmp(part, "text_body") == 0 ? template.text_body : template.html_body;
	if (text == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

/* The codes of the languages that have words, English first */
Datum
test_words_languages(PG_FUNCTION_ARGS)
{
	int			count = words_languages();
	const char **codes = palloc(count * sizeof(char *));

	for (int i = 0; i < count; i++)
		codes[i] = words_language_code(i);
	return text_array(codes, count);
}

/* The keys of all words */
Datum
test_words_keys(PG_FUNCTION_ARGS)
{
	int			count = 0;
	const char **keys;

	while (words_key(count) != NULL)
		count++;
	keys = palloc(count * sizeof(char *));
	for (int i = 0; i < count; i++)
		keys[i] = words_key(i);
	return text_array(keys, count);
}

/* The text that a language has itself, or NULL */
Datum
test_words_own(PG_FUNCTION_ARGS)
{
	int			language = words_language(text_arg(fcinfo, 0));
	const char *text = language < 0 ? NULL : words_own(language, text_arg(fcinfo, 1));

	if (text == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

Datum
test_page_word(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(page_word(text_arg(fcinfo, 0), text_arg(fcinfo, 1))));
}

Datum
test_builtin_template_locale(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(builtin_template_locale(text_arg(fcinfo, 0))));
}

/* One of time24, time12, date and zone of an instant */
Datum
test_named_date(PG_FUNCTION_ARGS)
{
	static const struct
	{
		const char *name;
		char	   *(*format) (TimestampTz, const char *, const char *, char **);
	}			names[] = {
		{"time24", dates_time24}, {"time12", dates_time12},
		{"date", dates_date}, {"zone", dates_zone},
	};
	char	   *name = text_arg(fcinfo, 0);
	char	   *error = NULL;

	for (int i = 0; i < lengthof(names); i++)
	{
		char	   *result;

		if (strcmp(names[i].name, name) != 0)
			continue;
		result = names[i].format(PG_GETARG_TIMESTAMPTZ(1), text_arg(fcinfo, 2),
								 text_arg(fcinfo, 3), &error);
		return result_or_error(result, error);
	}
	elog(ERROR, "no such name: %s", name);
}

Datum
test_duration(PG_FUNCTION_ARGS)
{
	char	   *error = NULL;
	char	   *result = durations_format(PG_GETARG_INTERVAL_P(0),
										  text_arg(fcinfo, 1), &error);

	return result_or_error(result, error);
}

/* The instant of an ISO 8601 text, as PostgreSQL writes it, or the error */
Datum
test_parse_instant(PG_FUNCTION_ARGS)
{
	TimestampTz at;
	char	   *error = NULL;

	if (!iso8601_parse(text_arg(fcinfo, 0), text_arg(fcinfo, 1), &at, &error))
		return result_or_error(NULL, error);
	return CStringGetTextDatum(timestamptz_to_str(at));
}

Datum
test_is_date_pattern(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_date_pattern(text_arg(fcinfo, 0)));
}

Datum
test_timezone_is_known(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(timezone_is_known(text_arg(fcinfo, 0)));
}

Datum
test_locale_is_known(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(locale_is_known(text_arg(fcinfo, 0)));
}

Datum
test_locale_fallbacks(PG_FUNCTION_ARGS)
{
	char		chain[LOCALE_MAX_FALLBACKS][LOCALE_MAX_LENGTH];
	const char *texts[LOCALE_MAX_FALLBACKS];
	int			count = locale_fallbacks(PG_ARGISNULL(0) ? NULL : text_arg(fcinfo, 0),
										 PG_ARGISNULL(1) ? NULL : text_arg(fcinfo, 1),
										 chain);

	for (int i = 0; i < count; i++)
		texts[i] = chain[i];
	return text_array(texts, count);
}

static Mustache *
parsed(const char *text)
{
	char	   *error = NULL;
	Mustache   *m = mustache_parse(text, &error);

	if (m == NULL)
		elog(ERROR, "%s", error);
	return m;
}

Datum
test_template_uses(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(mustache_uses(parsed(text_arg(fcinfo, 0)), text_arg(fcinfo, 1)));
}

Datum
test_template_names(PG_FUNCTION_ARGS)
{
	Mustache   *m = parsed(text_arg(fcinfo, 0));
	int			count = m->name_count;
	const char **names = palloc(Max(count, 1) * sizeof(char *));

	for (int i = 0; i < count; i++)
		names[i] = m->names[i].name;
	return text_array(names, count);
}

/* Is the template found in the cache when it is asked for again? */
Datum
test_template_is_kept(PG_FUNCTION_ARGS)
{
	const char *text = text_arg(fcinfo, 0);
	char	   *error = NULL;
	const Mustache *m = mustache_parse_cached(text, &error);

	if (m == NULL)
		elog(ERROR, "%s", error);
	PG_RETURN_BOOL(mustache_parse_cached(text, &error) == m);
}

typedef struct RenderWork
{
	const char *template;
	Jsonb	   *data;
	DateFormat	dates;
} RenderWork;

static void
render_once(int i, void *argument)
{
	RenderWork *work = argument;
	char	   *error = NULL;
	const Mustache *m = mustache_parse_cached(work->template, &error);

	if (m == NULL || mustache_render(m, work->data, true, &work->dates, &error) == NULL)
		elog(ERROR, "%s", error);
}

/* Growth over rendering one template so many times */
Datum
test_render_often(PG_FUNCTION_ARGS)
{
	RenderWork	work;

	work.template = text_arg(fcinfo, 0);
	work.data = PG_GETARG_JSONB_P(1);
	work.dates.start_at = GetCurrentTimestamp();
	work.dates.timezone = "Europe/Berlin";
	work.dates.locale = "de-DE";
	PG_RETURN_INT64(growth(PG_GETARG_INT32(2), render_once, &work));
}

static void
parse_once(int i, void *argument)
{
	char	   *error = NULL;

	/* Every other one does not parse. */
	if (mustache_parse_cached(psprintf("%d {{#title}}%s{{date}}%s", i,
									   (char *) argument,
									   i % 2 ? "{{/title}}" : ""),
							  &error) == NULL && i % 2)
		elog(ERROR, "%s", error);
}

/* Growth over so many different templates, all asked of the cache */
Datum
test_parse_many(PG_FUNCTION_ARGS)
{
	char	   *filling = palloc0(2001);

	memset(filling, 'x', 2000);
	PG_RETURN_INT64(growth(PG_GETARG_INT32(0), parse_once, filling));
}

static void
format_once(int i, void *argument)
{
	static const char *const patterns[] = {"dd-MM-yyyy", "HH:mm", "h:mm a", "EEEE",
	"d MMMM", "z", "zzzz", "yyyyMMdd", "MMM yyyy", "XXX"};
	static const char *const locales[] = {"en", "de", "fr", "el", "he", "ar", "ja",
	"th", "pt-BR", "zh-Hant"};
	static const char *const zones[] = {"Europe/Berlin", "America/New_York",
	"Asia/Almaty", "utc"};
	char	   *error = NULL;

	if (dates_format((TimestampTz) i * USECS_PER_HOUR, patterns[i % 10],
					 zones[i / 100 % 4], locales[i / 10 % 10], &error) == NULL)
		elog(ERROR, "%s", error);
}

/* Growth over so many dates by more formatters than the cache holds */
Datum
test_format_many(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(growth(PG_GETARG_INT32(0), format_once, NULL));
}
