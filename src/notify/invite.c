/*
 * invite.c
 *		The calendar file that goes with a mail to a customer.
 *
 * CREATE and RESCHEDULE, which tell a time, have a REQUEST; so has ROOM, because
 * it adds the link to an event that was created without one. CANCELLED has a
 * CANCEL. REMINDER has no file: the event is in the calendar already, or its
 * owner has deleted it. FOLLOW_UP has none either.
 *
 * Calendars recognize the event by its UID, the appointment's id, and update it
 * if the SEQUENCE is higher or, for the same SEQUENCE, the DTSTAMP is later; so
 * DTSTAMP is the current time. Both agree with appt.ical_event. A deletion counts
 * as one more SEQUENCE, since no row is left to store it.
 *
 * The file is always made from current data, also when the stored text of an
 * interrupted mail is sent again: whichever copy arrives last, the calendar is
 * right. It contains what ical_event contains, the place, alarms where rules
 * remind the customer, and the recipient as the only attendee; the organizer is
 * the sender, because calendars send their answers there. It asks for an answer
 * only if the rule's buttons do.
 */
#include "postgres.h"

#include "channel/channel.h"
#include "channel/mail_address.h"
#include "core/encoding.h"
#include "core/json.h"
#include "core/text.h"
#include "notify/invite.h"
#include "render/calendar_file.h"

static bool
is_called_off(const AppointmentFacts *appointment)
{
	return appointment->is_deleted || strcmp(appointment->state, "CANCELLED") == 0;
}

/* The method of the file; false if this message has none. */
static bool
find_method(const NotificationFacts *facts, CalendarMethod *method)
{
	bool		is_off = is_called_off(facts->appointment);

	switch (notification_types[facts->type].invitation)
	{
		case INVITATION_REQUEST:
			/* If it was cancelled meanwhile, a CANCELLED is on its way. */
			*method = CALENDAR_REQUEST;
			return !is_off;
		case INVITATION_CANCEL:
			*method = is_off ? CALENDAR_CANCEL : CALENDAR_UNINVITE;
			return true;
		case INVITATION_NONE:
			return false;
	}
	return false;				/* not reached */
}

static bool
is_wanted(const NotificationFacts *facts)
{
	return facts->appointment != NULL && facts->route != NULL &&
		channel_carries_invitations(facts->channel, &facts->route->route) &&
		json_root_bool(facts->route->route.settings, "invite", true);
}

/* A deletion adds one, unless the appointment was cancelled before, which has added it. */
static int
find_sequence(const AppointmentFacts *appointment)
{
	bool		is_counted = !appointment->is_deleted || strcmp(appointment->state, "CANCELLED") == 0;

	return appointment->sequence + (is_counted ? 0 : 1);
}

static const char *
find_title(const NotificationFacts *facts)
{
	if (facts->appointment->title_for_customers != NULL)
		return facts->appointment->title_for_customers;
	return facts->application != NULL ? facts->application->name : "";
}

/* Calendar files are UTF-8: text that can't be converted means no file. The channel judges the mail's own text. */
static bool
is_text(const char *text)
{
	return text == NULL || encoding_to_utf8(text) != NULL;
}

/* False if an address is not valid; the channel reports that. */
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

/* Calendars then show buttons of their own, and mail the answer to the sender. */
static bool
asks_for_answer(const NotificationFacts *facts, const CalendarEvent *event)
{
	return event->method == CALENDAR_REQUEST && facts->rule != NULL &&
		(facts->rule->buttons & (BUTTON_BIT(BUTTON_ACCEPT) | BUTTON_BIT(BUTTON_DECLINE))) != 0;
}

bool
has_invite(const NotificationFacts *facts)
{
	CalendarMethod ignored;

	return is_wanted(facts) && find_method(facts, &ignored);
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
	event.location = appointment->location;
	event.start_at = appointment->start_at;
	event.end_at = appointment->end_at;
	event.timezone = appointment->timezone;
	event.url = appointment->room_url;
	event.updated_at = appointment->updated_at;
	event.stamped_at = now;
	event.asks_attendee = asks_for_answer(facts, &event);
	if (facts->rule != NULL && event.method == CALENDAR_REQUEST)
		event.alarms = facts->rule->alarms;
	if (!is_text(event.title) || !is_text(event.location) || !is_text(event.url) || !is_text(event.attendee.name))
		return;
	message->calendar = calendar_file(&event, &error);
	if (message->calendar != NULL)
		message->calendar_method = calendar_method_name(event.method);
}
