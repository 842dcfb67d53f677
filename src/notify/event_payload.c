/*
 * event_payload.c
 *		What webhooks tell of an event that is no appointment, as JSON.
 */
#include "postgres.h"

#include "notify/event_payload.h"
#include "notify/payload_json.h"

/* A line that was deleted has an id alone. */
static void
add_line(StringInfo json, const UserEventFacts *event)
{
	if (event->line_id == NULL)
		return;
	payload_add_name(json, "line");
	appendStringInfoChar(json, '{');
	payload_add_uuid(json, "id", event->line_id);
	payload_add_text(json, "name", event->line_name);
	appendStringInfoChar(json, '}');
}

char *
event_payload(const UserEventFacts *event, Unpacking *unpacking)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	payload_add_jsonb(&json, "contact", unpack_jsonb(unpacking, event->contact));
	payload_add_timestamp(&json, "createdAt", event->created_at);
	add_line(&json, event);
	payload_add_jsonb(&json, "payload", unpack_jsonb(unpacking, event->payload));
	payload_add_text(&json, "title", event->title);
	payload_add_text(&json, "type", event->type);
	appendStringInfoChar(&json, '}');
	unpacking->is_over |= json.len > MESSAGE_BUDGET;
	return json.data;
}
