/*
 * meeting_template.c
 *		What an appointment has from its meeting template.
 */
#include "postgres.h"

#include "core/errors.h"
#include "core/meeting_codes.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "notify/notification_insert.h"
#include "schedule/meeting_template.h"
#include "schedule/meeting_title.h"

MeetingTemplate *
meeting_template_find(const pg_uuid_t *application_id, const pg_uuid_t *id)
{
	static Statement find = {
		"SELECT m.active, m.duration, m.location, m.title, m.meeting_type, m.video_platform, m.require_location,"
		" r.by_email, r.by_sms, r.by_preferred"
		" FROM appt.meeting_template m CROSS JOIN LATERAL ("
		"  SELECT bool_or(r.channel IN ('EMAIL', 'BOTH')) AS by_email, bool_or(r.channel IN ('SMS', 'BOTH')) AS by_sms,"
		"   bool_or(r.channel = 'PREFERRED') AS by_preferred"
		"  FROM appt.rule r WHERE " IS_RULE_OF_TEMPLATE("r", "$1", "m.id")
		"   AND r.type = $3 AND r.enabled AND r.sending = 'AUTOMATIC') r"
		" WHERE m.application_id = $1 AND m.id = $2",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};
	MeetingTemplate *meeting = (MeetingTemplate *) palloc(sizeof(MeetingTemplate));
	Row		   *row;

	if (statement_run(&find, UUIDPGetDatum(application_id), UUIDPGetDatum(id),
					  text_datum(notification_types[TYPE_CREATE].code)) == 0)
		report_not_found("meeting template", id);
	row = ROW(0);
	if (!next_bool(row))
		report_invalid("the meeting template is not active",
					   "No appointment can be given meeting template \"%s\".", uuid_text(id));
	meeting->id = *id;
	meeting->duration = next_interval_or_null(row);
	meeting->location = next_text(row);
	meeting->title = next_text(row);
	meeting->meeting_type = next_text(row);
	meeting->video_platform = next_text(row);
	meeting->require_location = next_bool(row);
	meeting->confirms_by_email = next_bool(row);
	meeting->confirms_by_sms = next_bool(row);
	meeting->confirms_by_preferred = next_bool(row);
	return meeting;
}

bool
meeting_template_confirms(const MeetingTemplate *meeting, const Customer *customer)
{
	bool		prefers_sms;

	if (customer == NULL)
		return false;
	prefers_sms = customer->preferred_channel != NULL &&
		strcmp(customer->preferred_channel, channel_code(CHANNEL_SMS)) == 0;
	return (customer->email != NULL && (meeting->confirms_by_email || (meeting->confirms_by_preferred && !prefers_sms))) ||
		(customer->phone != NULL && (meeting->confirms_by_sms || (meeting->confirms_by_preferred && prefers_sms)));
}

/* As CUSTOMER_NAMES_FOR_TITLE writes the name of one customer. */
static char *
customer_name(const Customer *customer)
{
	const char *first = customer == NULL || customer->first_name == NULL ? "" : customer->first_name;
	const char *last = customer == NULL || customer->last_name == NULL ? "" : customer->last_name;

	return psprintf("%s%s%s", first, first[0] == '\0' || last[0] == '\0' ? "" : " ", last);
}

void
meeting_template_apply(const MeetingTemplate *meeting, Appointment *appointment)
{
	appointment->key.has_meeting_template = true;
	appointment->meeting_template_id = meeting->id;
	appointment->booking_state = unconstify(char *, booking_state_code(BOOKING_NEW));
	appointment->notification_state = "NONE";
	if (appointment->location == NULL)
		appointment->location = meeting->location;
	if (meeting->require_location && appointment->location == NULL)
		report_invalid("a location is required",
					   "Appointments of meeting template \"%s\" must have a location.", uuid_text(&meeting->id));
	appointment->has_own_title = appointment->title != NULL;
}

void
meeting_template_entitle(const MeetingTemplate *meeting, Appointment *appointment, const Customer *customer)
{
	const TitleSource source = {
		.title = meeting->title,
		.meeting_type = meeting->meeting_type,
		.video_platform = meeting->video_platform,
		.customer_names = customer_name(customer)
	};

	if (!appointment->has_own_title)
		meeting_title_set(&source, appointment);
}
