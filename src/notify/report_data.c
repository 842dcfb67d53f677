/*
 * report_data.c
 *		Values of a template's names for a daily report (pure).
 *
 * The event has bare figures, the same for all recipients. Here they become what
 * one of them reads, in the language of the text. A template in a language without
 * words writes labels of its own, and names the figures.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "core/json.h"
#include "notify/report_data.h"
#include "render/dates.h"
#include "render/numbers.h"
#include "render/page_words.h"

/* A figure of a day that was not counted. */
#define NOT_COUNTED "\xe2\x80\x93"

/* The figures, in the order of the columns. */
static const char *const figures[] = {
	"calls", "voicemails", "texts", "faxes", "appointments", "ended", "cancelled",
	"messages", "sent", "segments", "failed", "undelivered", "unsent", "cost"
};

/* A report while it is put together. */
typedef struct Report
{
	JsonbParseState **state;
	const char *locale;
	const char *number_locale;
	char	  **error;
	bool		failed;
} Report;

/* ---- reading the payload ---- */

static const JsonbContainer *
member(const JsonbContainer *object, const char *key)
{
	JsonbValue	found;
	JsonbValue *value = getKeyJsonValueFromContainer((JsonbContainer *) object, key, strlen(key), &found);

	return value != NULL && value->type == jbvBinary ? value->val.binary.data : NULL;
}

/* Element `number` of an array of objects; NULL after the last. */
static const JsonbContainer *
element(const JsonbContainer *array, int number)
{
	JsonbValue *value;

	if (array == NULL || !JsonContainerIsArray(array) || number >= JsonContainerSize(array))
		return NULL;
	value = getIthJsonbValueFromContainer((JsonbContainer *) array, number);
	return value->type == jbvBinary ? value->val.binary.data : NULL;
}

/* A figure of a day as a decimal number; NULL if it has none. */
static char *
figure_text(const JsonbContainer *day, const char *name)
{
	JsonbValue	found;
	JsonbValue *value = getKeyJsonValueFromContainer((JsonbContainer *) day, name, strlen(name), &found);

	if (value == NULL || value->type != jbvNumeric)
		return NULL;
	return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
}

/* Does any day of the subject have this figure? */
static bool
has_figure(const JsonbContainer *days, const char *name)
{
	const JsonbContainer *day;

	for (int i = 0; (day = element(days, i)) != NULL; i++)
		if (figure_text(day, name) != NULL)
			return true;
	return false;
}

/* ---- words ---- */

static const char *
label(const Report *report, const char *figure)
{
	return page_word(report->locale, psprintf("figure.%s", figure));
}

static char *
subject_words(const Report *report, const JsonbContainer *subject)
{
	char	   *name = json_member_text(subject, "name");
	char	   *code = json_member_text(subject, "code");
	char	   *currency = json_member_text(subject, "currency");

	if (name == NULL)
		name = pstrdup(page_word(report->locale, psprintf("subject.%s", code ? code : "OTHERS")));
	return currency == NULL ? name : psprintf("%s, %s", name, currency);
}

/* The date, in UTC: it is one of a calendar, in no timezone. */
static char *
write_date(Report *report, const char *date,
		   char *(*write) (TimestampTz at, const char *timezone, const char *locale, char **error))
{
	TimestampTz at;
	int			year;
	int			month;
	int			day;
	char	   *text;

	if (date == NULL || sscanf(date, "%d-%d-%d", &year, &month, &day) != 3 || !IS_VALID_JULIAN(year, month, day))
		return pstrdup("");
	at = (TimestampTz) (date2j(year, month, day) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
	text = write(at, "UTC", report->locale, report->error);
	report->failed |= text == NULL;
	return text ? text : pstrdup("");
}

static char *
write_figure(Report *report, const char *name, const char *number, const char *currency)
{
	char	   *text;

	if (number == NULL)
		return pstrdup(NOT_COUNTED);
	text = numbers_format(number, strcmp(name, "cost") == 0 ? currency : NULL, report->number_locale, report->error);
	report->failed |= text == NULL;
	return text ? text : pstrdup("");
}

/* ---- pushing ---- */

static void
push_bool(Report *report, const char *key, bool value)
{
	JsonbValue	boolean = {.type = jbvBool, .val.boolean = value};

	json_push_text(report->state, WJB_KEY, key);
	(void) pushJsonbValue(report->state, WJB_VALUE, &boolean);
}

static void
push_member_if_any(Report *report, const JsonbContainer *object, const char *key)
{
	char	   *text = json_member_text(object, key);

	if (text != NULL)
		json_push_member(report->state, key, text);
}

static void
begin(Report *report, const char *key, JsonbIteratorToken token)
{
	if (key != NULL)
		json_push_text(report->state, WJB_KEY, key);
	(void) pushJsonbValue(report->state, token, NULL);
}

static void
end(Report *report, JsonbIteratorToken token)
{
	(void) pushJsonbValue(report->state, token, NULL);
}

static void
push_cell(Report *report, const char *label, const char *value, bool is_first)
{
	begin(report, NULL, WJB_BEGIN_OBJECT);
	json_push_member(report->state, "label", label);
	json_push_member(report->state, "value", value);
	push_bool(report, "isFirst", is_first);
	end(report, WJB_END_OBJECT);
}

/* The figures of a day twice: in the order of the columns, and each by its name. */
static void
push_figures(Report *report, const JsonbContainer *days, const JsonbContainer *day, const char *currency)
{
	char	   *values[lengthof(figures)] = {NULL};
	bool		is_first = true;

	for (int i = 0; i < lengthof(figures); i++)
		if (has_figure(days, figures[i]))
			values[i] = write_figure(report, figures[i], figure_text(day, figures[i]), currency);
	begin(report, "cells", WJB_BEGIN_ARRAY);
	for (int i = 0; i < lengthof(figures); i++)
		if (values[i] != NULL)
		{
			push_cell(report, label(report, figures[i]), values[i], is_first);
			is_first = false;
		}
	end(report, WJB_END_ARRAY);
	for (int i = 0; i < lengthof(figures); i++)
		if (values[i] != NULL)
			json_push_member(report->state, figures[i], values[i]);
}

static void
push_days(Report *report, const JsonbContainer *days, const char *currency)
{
	const JsonbContainer *day;

	begin(report, "days", WJB_BEGIN_ARRAY);
	for (int i = 0; (day = element(days, i)) != NULL; i++)
	{
		begin(report, NULL, WJB_BEGIN_OBJECT);
		json_push_member(report->state, "day", write_date(report, json_member_text(day, "date"), dates_day));
		push_member_if_any(report, day, "date");
		push_bool(report, "isLatest", i == 0);
		push_figures(report, days, day, currency);
		end(report, WJB_END_OBJECT);
	}
	end(report, WJB_END_ARRAY);
}

static void
push_columns(Report *report, const JsonbContainer *days)
{
	begin(report, "columns", WJB_BEGIN_ARRAY);
	for (int i = 0; i < lengthof(figures); i++)
		if (has_figure(days, figures[i]))
			json_push_text(report->state, WJB_ELEM, label(report, figures[i]));
	end(report, WJB_END_ARRAY);
}

static void
push_subject(Report *report, const JsonbContainer *subject)
{
	const JsonbContainer *days = member(subject, "days");

	begin(report, NULL, WJB_BEGIN_OBJECT);
	json_push_member(report->state, "subject", subject_words(report, subject));
	push_member_if_any(report, subject, "code");
	push_member_if_any(report, subject, "currency");
	push_member_if_any(report, subject, "lastError");
	push_columns(report, days);
	push_days(report, days, json_member_text(subject, "currency"));
	end(report, WJB_END_OBJECT);
}

bool
push_report(JsonbParseState **state, const Jsonb *payload, const char *locale,
			const char *number_locale, char **error)
{
	Report		report = {state, locale, number_locale, error};
	const JsonbContainer *all = payload && JB_ROOT_IS_OBJECT(payload) ? member(&payload->root, "subjects") : NULL;
	const JsonbContainer *subject;

	if (all == NULL)
		return true;
	begin(&report, "report", WJB_BEGIN_OBJECT);
	json_push_member(state, "day", write_date(&report, json_root_text(payload, "date"), dates_date));
	push_member_if_any(&report, &payload->root, "timezone");
	begin(&report, "subjects", WJB_BEGIN_ARRAY);
	for (int i = 0; (subject = element(all, i)) != NULL; i++)
		push_subject(&report, subject);
	end(&report, WJB_END_ARRAY);
	end(&report, WJB_END_OBJECT);
	return !report.failed;
}
