/*
 * meeting_title.c
 *		Titles that appointments have from their meeting template.
 */
#include "postgres.h"

#include "core/elapsed.h"
#include "core/json.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "render/durations.h"
#include "render/locales.h"
#include "render/mustache_cache.h"
#include "render/mustache_renderer.h"
#include "render/timezones.h"
#include "schedule/meeting_title.h"

/* Bytes of a title. What a template makes of an appointment may be much longer. */
#define MAX_TITLE 1024

/* The values while they are put together. */
typedef struct TitleData
{
	const Mustache *template;
	DateFormat	dates;
	JsonbParseState *state;
} TitleData;

static void
push_dates(TitleData *data)
{
	char	   *error;

	for (int i = 0; i < NAMED_DATES; i++)
		if (mustache_uses(data->template, named_dates[i].name))
			json_push_if_given(&data->state, named_dates[i].name,
							   named_dates[i].write(data->dates.start_at, data->dates.timezone,
													data->dates.locale, &error));
}

static void
push_duration(TitleData *data, const Appointment *a)
{
	char	   *error;

	if (mustache_uses(data->template, "duration"))
		json_push_if_given(&data->state, "duration",
						   durations_format(elapsed_interval(a->end_at - a->start_at), data->dates.locale, &error));
}

static Jsonb *
title_data(TitleData *data, const TitleSource *source, const Appointment *a, const char *status)
{
	(void) pushJsonbValue(&data->state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(&data->state, "status", status);
	json_push_if_given(&data->state, "customerName", source->customer_names);
	json_push_if_given(&data->state, "location", a->location);
	json_push_if_given(&data->state, "organizer", a->organizer_id);
	json_push_if_given(&data->state, "meetingType", source->meeting_type);
	json_push_if_given(&data->state, "videoPlatform", source->video_platform);
	push_dates(data);
	push_duration(data, a);
	return JsonbValueToJsonb(pushJsonbValue(&data->state, WJB_END_OBJECT, NULL));
}

/* Without blanks at both ends, which an empty status leaves, and not too long. */
static char *
trim_title(const char *text)
{
	char	   *title = (char *) palloc(MAX_TITLE);
	int			length;

	copy_clipped(title, text + strspn(text, " \t\r\n"), MAX_TITLE);
	length = strlen(title);
	while (length > 0 && strchr(" \t\r\n", title[length - 1]) != NULL)
		title[--length] = '\0';
	return length == 0 ? NULL : title;
}

char *
meeting_title(const TitleSource *source, const Appointment *a, const char *status)
{
	char	   *error;
	char	   *text;
	TitleData	data = {
		.dates = {a->start_at, a->timezone, locale_is_known(a->locale) ? a->locale : "en"}
	};

	/*
	 * The server's timezones may have changed since the appointment was
	 * stored.
	 */
	if (source->title == NULL || !timezone_is_known(a->timezone))
		return NULL;
	data.template = mustache_parse_cached(source->title, &error);
	if (data.template == NULL)
		return NULL;
	text = mustache_render(data.template, title_data(&data, source, a, status), false, &data.dates, &error);
	return text == NULL ? NULL : trim_title(text);
}

void
meeting_title_set(const TitleSource *source, Appointment *a)
{
	a->title = meeting_title(source, a, a->booking_state);
	a->title_for_customers = meeting_title(source, a, "");
}

static bool
find_source(const Appointment *a, TitleSource *source)
{
	static Statement find = {
		"SELECT m.title, m.meeting_type, m.video_platform, " CUSTOMER_NAMES_FOR_TITLE
		" FROM (SELECT $1 AS application_id, $2 AS id) a JOIN appt.meeting_template m"
		"  ON m.application_id = $1 AND m.id = $3",
		3, {UUIDOID, UUIDOID, UUIDOID}
	};
	Row		   *row;

	if (statement_run(&find, UUIDPGetDatum(&a->key.application_id), UUIDPGetDatum(&a->key.id),
					  UUIDPGetDatum(&a->meeting_template_id)) == 0)
		return false;
	row = ROW(0);
	source->title = next_text(row);
	source->meeting_type = next_text(row);
	source->video_platform = next_text(row);
	source->customer_names = next_text(row);
	return true;
}

void
meeting_title_renew(Appointment *a)
{
	TitleSource source;

	if (a->key.has_meeting_template && !a->has_own_title && find_source(a, &source))
		meeting_title_set(&source, a);
}

const char *
title_for_customers(const Appointment *a)
{
	return a->has_own_title ? a->title : a->title_for_customers;
}
