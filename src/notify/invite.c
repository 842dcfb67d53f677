/*
 * invite.c
 *		The calendar file that goes with a mail to a customer.
 *
 * REQUEST goes with what tells of a time for the first time or of another one
 * (CREATE, RESCHEDULE), and with ROOM, by which the link gets into an event that
 * was invited to without one. CANCELLED brings CANCEL. A REMINDER has none: the
 * event is in the calendar already, and where it is not its owner has struck it
 * out; nor has a FOLLOW_UP.
 *
 * Calendars know the event again by its UID, the appointment's id, and take over
 * what has a higher SEQUENCE or, where that is the same, a later DTSTAMP; so the
 * stamp is the clock's. Both agree with appt.ical_event. The row that had the
 * SEQUENCE of a deletion is gone: it is the one after the last.
 *
 * The file is always of what is so now, also when the words of an interrupted
 * mail go out again: whichever of the two copies comes last, the calendar is
 * right. It tells what ical_event tells, and of people the recipient alone;
 * the organizer is the sender, for the answers of calendars go there.
 */
#include "postgres.h"

#include "channel/mail_address.h"
#include "core/encoding.h"
#include "core/errors.h"
#include "core/json.h"
#include "notify/invite.h"
#include "render/calendar_file.h"

static bool
is_called_off(const AppointmentFacts *appointment)
{
	return appointment->is_deleted || strcmp(appointment->state, "CANCELLED") == 0;
}

/* What this message asks of calendars; false if nothing. */
static bool
find_method(const NotificationFacts *facts, CalendarMethod *method)
{
	bool		is_off = is_called_off(facts->appointment);

	switch (facts->type)
	{
		case TYPE_CREATE:
		case TYPE_RESCHEDULE:
		case TYPE_ROOM:
			/* It was called off meanwhile: the CANCELLED that says so is under way. */
			*method = CALENDAR_REQUEST;
			return !is_off;
		case TYPE_CANCELLED:
			*method = is_off ? CALENDAR_CANCEL : CALENDAR_UNINVITE;
			return true;
		default:
			return false;
	}
}

/* Genesys Cloud's mails have no room for one. */
static bool
is_wanted(const NotificationFacts *facts)
{
	return facts->channel == CHANNEL_EMAIL && facts->appointment != NULL &&
		facts->route != NULL && strcmp(facts->route->route.kind, "SMTP") == 0 &&
		json_root_bool(facts->route->route.settings, "invite", true);
}

/* Cancelling in place has counted already. */
static int
find_sequence(const AppointmentFacts *appointment)
{
	bool		is_counted = !appointment->is_deleted || strcmp(appointment->state, "CANCELLED") == 0;

	return appointment->sequence + (is_counted ? 0 : 1);
}

static const char *
find_title(const NotificationFacts *facts)
{
	if (facts->appointment->title != NULL)
		return facts->appointment->title;
	return facts->application != NULL ? facts->application->name : "";
}

/* A calendar is UTF-8: without what can't be converted there is none. The mail's own words are the channel's to judge. */
static bool
is_text(const char *text)
{
	return text == NULL || encoding_to_utf8(text) != NULL;
}

/* False if an address is not one; the channel will say so. */
static bool
find_people(const NotificationFacts *facts, const Message *message, CalendarEvent *event)
{
	const char *sender = facts->route->route.sender;
	char	   *ignored;

	if (sender == NULL || message->recipient == NULL ||
		!mailbox_parts(sender, (char **) &event->organizer.name, (char **) &event->organizer.address) ||
		!mailbox_parts(message->recipient, &ignored, (char **) &event->attendee.address))
		return false;
	event->attendee.name = message->recipient_name;
	return true;
}

void
add_invite(const NotificationFacts *facts, Message *message, TimestampTz now)
{
	const AppointmentFacts *appointment = facts->appointment;
	CalendarEvent event = {0};
	char	   *error;

	if (!is_wanted(facts) || !find_method(facts, &event.method) ||
		!find_people(facts, message, &event))
		return;
	event.uid = uuid_text(&appointment->id);
	event.sequence = find_sequence(appointment);
	event.title = find_title(facts);
	event.start_at = appointment->start_at;
	event.end_at = appointment->end_at;
	event.timezone = appointment->timezone;
	event.url = appointment->room_url;
	event.updated_at = appointment->updated_at;
	event.stamped_at = now;
	if (!is_text(event.title) || !is_text(event.url) || !is_text(event.attendee.name))
		return;
	message->calendar = calendar_file(&event, &error);
	if (message->calendar != NULL)
		message->calendar_method = calendar_method_name(event.method);
}
