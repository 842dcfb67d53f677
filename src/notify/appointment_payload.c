/*
 * appointment_payload.c
 *		What webhooks tell of an appointment, as JSON.
 *
 * It is on the path of every webhook, so it is written straight into a buffer.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "core/text.h"
#include "notify/appointment_payload.h"

static void
add_name(StringInfo json, const char *name)
{
	appendStringInfoChar(json, json->data[json->len - 1] == '{' ? '"' : ',');
	if (json->data[json->len - 1] == ',')
		appendStringInfoChar(json, '"');
	appendStringInfoString(json, name);
	appendStringInfoString(json, "\":");
}

/* NULL is left out. */
static void
add_text(StringInfo json, const char *name, const char *text)
{
	if (text == NULL)
		return;
	add_name(json, name);
	escape_json(json, text);
}

static void
add_jsonb(StringInfo json, const char *name, Jsonb *jsonb)
{
	if (jsonb == NULL)
		return;
	add_name(json, name);
	(void) JsonbToCString(json, &jsonb->root, VARSIZE(jsonb));
}

static void
add_timestamp(StringInfo json, const char *name, TimestampTz at)
{
	add_name(json, name);
	appendStringInfoChar(json, '"');
	append_timestamp(json, at, ALL_DIGITS);
	appendStringInfoChar(json, '"');
}

static void
add_duration(StringInfo json, const char *name, TimeOffset length)
{
	add_name(json, name);
	appendStringInfoChar(json, '"');
	append_duration(json, length);
	appendStringInfoChar(json, '"');
}

static void
add_identity(StringInfo json, const char *name, const pg_uuid_t *id)
{
	add_text(json, name, uuid_text(id));
}

static void
add_participants(StringInfo json, List *participants)
{
	ListCell   *cell;

	add_name(json, "participantIds");
	appendStringInfoChar(json, '[');
	foreach(cell, participants)
	{
		const ParticipantName *participant = (const ParticipantName *) lfirst(cell);

		if (foreach_current_index(cell) > 0)
			appendStringInfoChar(json, ',');
		appendStringInfoChar(json, '{');
		add_text(json, "id", participant->id);
		add_text(json, "type", participant->is_customer ? "CUSTOMER" : "AGENT");
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
}

static void
add_room(StringInfo json, const AppointmentFacts *appointment)
{
	if (appointment->room_url == NULL)
		return;
	add_name(json, "roomAccess");
	appendStringInfoChar(json, '{');
	add_timestamp(json, "expires", appointment->room_expires);
	add_text(json, "ticket", appointment->room_ticket);
	add_text(json, "type", appointment->room_type);
	if (appointment->room_url[0] != '\0')
		add_text(json, "url", appointment->room_url);
	appendStringInfoChar(json, '}');
}

/* Add the members of an object to the payload; NULL has none. */
static void
add_members(StringInfo json, Jsonb *object)
{
	JsonbIterator *iterator;
	JsonbValue	item;

	if (object == NULL || !JB_ROOT_IS_OBJECT(object))
		return;
	iterator = JsonbIteratorInit(&object->root);
	(void) JsonbIteratorNext(&iterator, &item, true);
	while (JsonbIteratorNext(&iterator, &item, true) == WJB_KEY)
	{
		char	   *name = pnstrdup(item.val.string.val, item.val.string.len);

		(void) JsonbIteratorNext(&iterator, &item, true);
		add_jsonb(json, name, JsonbValueToJsonb(&item));
	}
}

char *
appointment_payload(const AppointmentFacts *appointment, const Stored *event, Unpacking *unpacking)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	add_identity(&json, "applicationId", &appointment->application_id);
	add_text(&json, "cancelReason", appointment->cancel_reason);
	add_duration(&json, "duration", appointment->end_at - appointment->start_at);
	add_timestamp(&json, "end", appointment->end_at);
	add_identity(&json, "id", &appointment->id);
	add_jsonb(&json, "interaction", unpack_jsonb(unpacking, appointment->interaction));
	add_text(&json, "locale", appointment->locale);
	add_text(&json, "location", appointment->location);
	add_jsonb(&json, "metadata", unpack_jsonb(unpacking, appointment->metadata));
	add_text(&json, "notes", appointment->notes);
	add_name(&json, "notificationsActive");
	appendStringInfoString(&json, appointment->notifications_active ? "true" : "false");
	add_name(&json, "organizer");
	appendStringInfoChar(&json, '{');
	add_text(&json, "id", appointment->organizer_id);
	add_text(&json, "type", appointment->organizer_type);
	appendStringInfoChar(&json, '}');
	add_participants(&json, appointment->participants);
	add_room(&json, appointment);
	add_timestamp(&json, "start", appointment->start_at);

	/*
	 * Subscribers are told of a deletion only if the appointment had not
	 * ended before, so for them it was cancelled.
	 */
	add_text(&json, "state", appointment->is_deleted ? "CANCELLED" : appointment->state);
	add_text(&json, "timezone", appointment->timezone);
	add_text(&json, "title", appointment->title);
	add_members(&json, unpack_jsonb(unpacking, event));
	appendStringInfoChar(&json, '}');
	unpacking->is_over |= json.len > MESSAGE_BUDGET;
	return json.data;
}
