/*
 * template_data.c
 *		The values of a template's names.
 *
 * Only the names that a template mentions are computed: most of the cost of a
 * message is ICU's. Dates are in the timezone of the user or the appointment and
 * the template's locale.
 */
#include "postgres.h"

#include "core/elapsed.h"
#include "core/json.h"
#include "core/text.h"
#include "notify/branding.h"
#include "notify/invite.h"
#include "notify/locale_chain.h"
#include "notify/meeting_data.h"
#include "notify/recipient.h"
#include "notify/report_data.h"
#include "notify/template_data.h"
#include "render/durations.h"
#include "render/iso8601.h"
#include "render/locales.h"

/* The values while they are put together. */
typedef struct TemplateData
{
	const NotificationFacts *facts;
	const ParsedTemplate *template;
	Unpacking  *unpacking;
	JsonbParseState *state;
	const char *code;			/* of a CODE; else "" */
	Jsonb	   *event;			/* what a user is told of an appointment;
								 * NULL: nothing */
	bool		is_outsider;	/* who is told may not read the appointment */
	char	   *error;			/* set once something failed */
} TemplateData;

static bool
is_used(const TemplateData *data, const char *name)
{
	for (int part = 0; part < TEMPLATE_PARTS; part++)
	{
		const Mustache *parsed = data->template->parts[part];

		if (parsed != NULL && mustache_uses(parsed, name))
			return true;
	}
	return false;
}

/* NULL is left out. */
static void
push_string(TemplateData *data, const char *key, const char *text)
{
	if (text != NULL)
		json_push_member(&data->state, key, text);
}

static void
push_people(TemplateData *data)
{
	const ParticipantFacts *person = data->facts->recipient;
	Jsonb	   *metadata;

	if (person == NULL)
		return;
	push_string(data, "firstName", person->first_name);
	push_string(data, "lastName", person->last_name);
	push_string(data, "fullName", full_name(person));
	push_string(data, "username", person->username);
	if (!is_used(data, "participant"))
		return;
	metadata = unpack_jsonb(data->unpacking, person->metadata);
	if (metadata != NULL)
	{
		json_push_text(&data->state, WJB_KEY, "participant");
		(void) pushJsonbValue(&data->state, WJB_BEGIN_OBJECT, NULL);
		json_push_jsonb(&data->state, "metadata", metadata);
		(void) pushJsonbValue(&data->state, WJB_END_OBJECT, NULL);
	}
}

/* A user has one name; which part of it people are called by is not known. */
static void
push_user(TemplateData *data)
{
	const UserFacts *user = data->facts->user;

	if (user == NULL)
		return;
	push_string(data, "firstName", user->name);
	push_string(data, "fullName", user->name);
	push_string(data, "username", user->id);
}

/* A value that templates reach into; unpacked only if one does. */
static void
push_stored(TemplateData *data, const char *name, const Stored *stored)
{
	Jsonb	   *jsonb = is_used(data, name) ? unpack_jsonb(data->unpacking, stored) : NULL;

	if (jsonb != NULL)
		json_push_jsonb(&data->state, name, jsonb);
}

static void
push_user_event(TemplateData *data)
{
	const UserEventFacts *event = data->facts->user_event;

	if (event == NULL)
		return;
	push_string(data, "title", event->title);
	push_string(data, "line", event->line_name);
	push_stored(data, "contact", event->contact);
	push_stored(data, "payload", event->payload);
}

/* A report's figures are read in the recipient's own locale, whatever the language of the words. */
static void
push_report_of(TemplateData *data)
{
	const NotificationFacts *facts = data->facts;
	const char *locale = data->template->dates.locale;
	const char *own = recipient_locale(facts);

	if (facts->user_event == NULL || notification_types[facts->type].due_rule != DUE_DAILY || !is_used(data, "report"))
		return;
	(void) push_report(&data->state, unpack_jsonb(data->unpacking, facts->user_event->payload), locale,
					   own != NULL && locale_is_known(own) ? own : locale, &data->error);
}

/* A link of the REST API to this appointment's calendar event. */
static void
push_calendar_link(TemplateData *data, const char *name, const char *function)
{
	const char *base = data->facts->application ? data->facts->application->public_url : NULL;
	const char *slash;

	if (base == NULL || base[0] == '\0' || !is_used(data, name))
		return;
	slash = base[strlen(base) - 1] == '/' ? "" : "/";
	push_string(data, name, psprintf("%s%srpc/%s?id=%s", base, slash, function,
									 uuid_text(&data->facts->appointment->id)));
}

/* Only users see a title with the booking state in it: an answer to a text message goes to a number, but a customer reads it. */
static bool
is_to_users(const NotificationFacts *facts)
{
	return notification_types[facts->type].audience == AUDIENCE_USERS;
}

static void
push_appointment(TemplateData *data)
{
	const AppointmentFacts *appointment = data->facts->appointment;

	if (appointment == NULL)
		return;
	if (data->is_outsider)
	{
		push_string(data, "title", json_root_text(data->event, "title"));
		return;
	}
	push_string(data, "customerName", appointment->customer_names);
	push_string(data, "title", is_to_users(data->facts) ? appointment->title : appointment->title_for_customers);
	push_string(data, "notes", appointment->notes);
	push_string(data, "location", appointment->location);
	push_string(data, "cancelReason", appointment->cancel_reason);
	push_string(data, "organizer", appointment->organizer_id);
	/* NULL until the appointment is activated. */
	push_string(data, "joinUrl", appointment->room_url);
	push_stored(data, "metadata", appointment->metadata);
	if (!appointment->is_deleted)
	{
		push_calendar_link(data, "icalUrl", "ical_event");
		push_calendar_link(data, "googleCalendarUrl", "google_calendar_event");
		push_calendar_link(data, "outlookCalendarUrl", "outlook_calendar_event");
	}
	if (is_used(data, "invitation") && has_invite(data->facts))
		push_string(data, "invitation", "true");
}

static void
push_dates(TemplateData *data)
{
	const DateFormat *dates = &data->template->dates;
	TimestampTz end_at = data->template->end_at;

	if (dates->start_at == 0)
		return;
	for (int i = 0; i < NAMED_DATES && data->error == NULL; i++)
		if (is_used(data, named_dates[i].name))
			push_string(data, named_dates[i].name,
						named_dates[i].write(dates->start_at, dates->timezone,
											 dates->locale, &data->error));
	if (data->error == NULL && end_at > dates->start_at && is_used(data, "duration"))
		push_string(data, "duration",
					durations_format(elapsed_interval(end_at - dates->start_at),
									 dates->locale, &data->error));
}

/* When the appointment was, before it was moved; an event that changed no start tells nothing. */
static void
push_previous(TemplateData *data)
{
	const DateFormat *dates = &data->template->dates;
	char	   *start;
	TimestampTz at;

	if (data->facts->appointment == NULL || !is_used(data, "previousDate"))
		return;
	start = json_root_text(unpack_jsonb(data->unpacking, data->facts->event), "previousStart");
	if (start == NULL || !iso8601_parse(start, "UTC", &at, &data->error) || at == dates->start_at)
		return;
	push_string(data, "previousDate", dates_full(at, dates->timezone, dates->locale, &data->error));
	push_string(data, "previousTime", dates_time(at, dates->timezone, dates->locale, &data->error));
}

/* ---- what a customer answered, for users ---- */

/* The start that the customer proposes, as the message writes dates. */
static char *
proposed_text(TemplateData *data)
{
	const DateFormat *dates = &data->template->dates;
	char	   *start = json_root_text(data->event, "proposedStart");
	TimestampTz at;
	char	   *date;
	char	   *time;

	if (start == NULL || !iso8601_parse(start, "UTC", &at, &data->error) ||
		(date = dates_date(at, dates->timezone, dates->locale, &data->error)) == NULL ||
		(time = dates_time24(at, dates->timezone, dates->locale, &data->error)) == NULL)
		return NULL;
	return psprintf("%s, %s", date, time);
}

/* Names of the actions, of which one is set. */
static const char *const names_of_actions[RESPONSE_ACTIONS] = {
	[ACTION_ACCEPT] = "isAccept",
	[ACTION_DECLINE] = "isDecline",
	[ACTION_RESCHEDULE] = "isReschedule"
};
static void
push_response(TemplateData *data)
{
	char	   *code = json_root_text(data->event, "action");
	ResponseAction action;

	if (code == NULL || !action_from_code(code, &action) || !is_used(data, "response"))
		return;
	json_push_text(&data->state, WJB_KEY, "response");
	(void) pushJsonbValue(&data->state, WJB_BEGIN_OBJECT, NULL);
	push_string(data, "action", code);
	push_string(data, names_of_actions[action], "true");
	push_string(data, "reason", json_root_text(data->event, "reason"));
	push_string(data, "customerName", json_root_text(data->event, "customerName"));
	push_string(data, "proposedTime", proposed_text(data));
	(void) pushJsonbValue(&data->state, WJB_END_OBJECT, NULL);
}

/* How the message looks. */
static void
push_look(TemplateData *data)
{
	const char *locale = data->template->dates.locale;

	if (is_used(data, "branding"))
		push_branding(&data->state, data->facts->application);
	push_string(data, "locale", locale);
	push_string(data, "direction", locale_is_right_to_left(locale) ? "rtl" : "ltr");
}

/* The values in the context of a message without an appointment. */
static void
push_context_data(TemplateData *data)
{
	const NotificationFacts *facts = data->facts;
	JsonbValue	found;
	JsonbValue *value;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	item;

	if (facts->context == NULL || !JB_ROOT_IS_OBJECT(facts->context))
		return;
	value = getKeyJsonValueFromContainer(&facts->context->root, "data", 4, &found);
	if (value == NULL || value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		return;
	iterator = JsonbIteratorInit(value->val.binary.data);
	(void) JsonbIteratorNext(&iterator, &item, true);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
		if (token == WJB_KEY || token == WJB_VALUE)
			(void) pushJsonbValue(&data->state, token, &item);
}

Jsonb *
template_data(const NotificationFacts *facts, const ParsedTemplate *template, const char *code,
			  Unpacking *unpacking, char **error)
{
	TemplateData data = {
		.facts = facts, .template = template, .unpacking = unpacking, .code = code
	};

	if (facts->user != NULL)
		data.event = unpack_jsonb(unpacking, facts->event);
	data.is_outsider = json_root_text(data.event, "audience") != NULL;
	(void) pushJsonbValue(&data.state, WJB_BEGIN_OBJECT, NULL);
	push_context_data(&data);
	push_string(&data, "code", data.code[0] == '\0' ? NULL : data.code);
	push_people(&data);
	push_user(&data);
	push_appointment(&data);
	push_response(&data);
	push_user_event(&data);
	push_report_of(&data);
	push_dates(&data);
	push_previous(&data);
	push_look(&data);
	push_meeting(&data.state, facts, template->links, &template->blocks.markers);
	if (facts->application != NULL)
		push_string(&data, "applicationName", facts->application->name);
	*error = data.error;
	if (data.error != NULL || unpacking->is_over)
		return NULL;
	return JsonbValueToJsonb(pushJsonbValue(&data.state, WJB_END_OBJECT, NULL));
}
