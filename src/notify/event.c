/*
 * event.c
 *		What a webhook tells of the event that planned it.
 *
 * It is stored when the event is planned: later events change the appointment,
 * but the message must still tell of its own event.
 */
#include "postgres.h"

#include "core/json.h"
#include "core/text.h"
#include "notify/event.h"

Jsonb *
event_of_change(const List *fields)
{
	JsonbParseState *state = NULL;
	ListCell   *cell;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_text(&state, WJB_KEY, "changedFields");
	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, fields)
		json_push_text(&state, WJB_ELEM, (const char *) lfirst(cell));
	(void) pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static char *
start_text(TimestampTz start_at)
{
	StringInfoData text;

	initStringInfo(&text);
	append_timestamp(&text, start_at, ALL_DIGITS);
	return text.data;
}

static char *
duration_text(TimeOffset duration)
{
	StringInfoData text;

	initStringInfo(&text);
	append_duration(&text, duration);
	return text.data;
}

Jsonb *
event_of_move(const PreviousTimes *previous)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(&state, "previousDuration", duration_text(previous->end_at - previous->start_at));
	json_push_member(&state, "previousStart", start_text(previous->start_at));
	json_push_member(&state, "previousTimezone", previous->timezone);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}
