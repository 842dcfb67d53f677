/*
 * appointment_payload.c
 *		What webhooks tell of an appointment, as JSON.
 *
 * It is on the path of every webhook, so it is written straight into a buffer.
 */
#include "postgres.h"

#include "notify/appointment_payload.h"
#include "notify/payload_json.h"

static void
add_participants(StringInfo json, List *participants)
{
	ListCell   *cell;

	payload_add_name(json, "participantIds");
	appendStringInfoChar(json, '[');
	foreach(cell, participants)
	{
		const ParticipantName *participant = (const ParticipantName *) lfirst(cell);

		if (foreach_current_index(cell) > 0)
			appendStringInfoChar(json, ',');
		appendStringInfoChar(json, '{');
		payload_add_text(json, "id", participant->id);
		payload_add_text(json, "type", participant->is_customer ? "CUSTOMER" : "AGENT");
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
}

static void
add_room(StringInfo json, const AppointmentFacts *appointment)
{
	if (appointment->room_url == NULL)
		return;
	payload_add_name(json, "roomAccess");
	appendStringInfoChar(json, '{');
	payload_add_timestamp(json, "expires", appointment->room_expires);
	payload_add_text(json, "ticket", appointment->room_ticket);
	payload_add_text(json, "type", appointment->room_type);
	if (appointment->room_url[0] != '\0')
		payload_add_text(json, "url", appointment->room_url);
	appendStringInfoChar(json, '}');
}

char *
appointment_payload(const AppointmentFacts *appointment, const Stored *event, Unpacking *unpacking)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	payload_add_uuid(&json, "applicationId", &appointment->application_id);
	payload_add_text(&json, "bookingState", appointment->booking_state);
	payload_add_text(&json, "cancelReason", appointment->cancel_reason);
	payload_add_duration(&json, "duration", appointment->end_at - appointment->start_at);
	payload_add_timestamp(&json, "end", appointment->end_at);
	payload_add_uuid(&json, "id", &appointment->id);
	payload_add_jsonb(&json, "interaction", unpack_jsonb(unpacking, appointment->interaction));
	payload_add_text(&json, "locale", appointment->locale);
	payload_add_text(&json, "location", appointment->location);
	if (appointment->meeting_template_id != NULL)
		payload_add_uuid(&json, "meetingTemplateId", appointment->meeting_template_id);
	payload_add_jsonb(&json, "metadata", unpack_jsonb(unpacking, appointment->metadata));
	payload_add_text(&json, "notes", appointment->notes);
	payload_add_text(&json, "notificationState", appointment->notification_state);
	payload_add_name(&json, "notificationsActive");
	appendStringInfoString(&json, appointment->notifications_active ? "true" : "false");
	payload_add_name(&json, "organizer");
	appendStringInfoChar(&json, '{');
	payload_add_text(&json, "id", appointment->organizer_id);
	payload_add_text(&json, "type", appointment->organizer_type);
	appendStringInfoChar(&json, '}');
	add_participants(&json, appointment->participants);
	add_room(&json, appointment);
	payload_add_timestamp(&json, "start", appointment->start_at);

	/*
	 * Subscribers are told of a deletion only if the appointment had not
	 * ended before, so for them it was cancelled.
	 */
	payload_add_text(&json, "state", appointment->is_deleted ? "CANCELLED" : appointment->state);
	payload_add_text(&json, "timezone", appointment->timezone);
	payload_add_text(&json, "title", appointment->title);
	payload_add_texts(&json, "untoldFields", appointment->changed_fields);
	payload_add_members(&json, unpack_jsonb(unpacking, event));
	appendStringInfoChar(&json, '}');
	unpacking->is_over |= json.len > MESSAGE_BUDGET;
	return json.data;
}
