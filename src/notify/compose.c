/*
 * compose.c
 *		The words of a message from the facts.
 *
 * Composed anew at every attempt, from what is so now; only after an
 * interruption is the stored message sent again as it was, because a copy of
 * it may have arrived (one too long to be stored whole is composed anew). The
 * invitation that goes with a mail is not stored, and always of what is so now.
 *
 * For people: the template of the rule, else of the type, in the first locale
 * of the chain recipient -> appointment -> application, else the built-in one.
 * Only the names that a template mentions are computed, most of the cost being
 * ICU's. Dates are in the appointment's timezone and the template's locale.
 *
 * For subscribers: GetAppointmentResponse, written straight into a buffer, for
 * this is on the path of every webhook.
 *
 * Failure is a value: a template that does not render costs its notification
 * alone. What tenants store is unpacked here, for the one message, and only what
 * its template names; a message made of more than MESSAGE_BUDGET is too large.
 * What is called here raises nothing for bad data: Mustache and dates
 * promise so, the JSON comes out of jsonb that was valid when it was stored,
 * and names given twice are the only mistakes that pushing jsonb could meet.
 * (Out of memory, metadata nested to the limit of the stack, and a message
 * over 1 GB, remain errors; the worker's redoing of a batch one by one is for
 * these.)
 *
 * Messages without an appointment bring along what they are composed from in
 * notification.context. Of a TEST: "data" (names for the template),
 * "template_type" (whose template it shows), "subject", "text_body" and
 * "html_body" (the template itself), "locale", "timezone", "start_at",
 * "end_at" (ISO 8601). Of a CODE: "purpose" and "nonce", from which the code is
 * derived here; it stands in no table.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "channel/channel.h"
#include "channel/webhook.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/one_time_code.h"
#include "core/statement.h"
#include "core/text.h"
#include "notify/compose.h"
#include "notify/configured_headers.h"
#include "notify/facts_templates.h"
#include "notify/invite.h"
#include "notify/locale_chain.h"
#include "render/builtin_templates.h"
#include "render/dates.h"
#include "render/durations.h"
#include "render/iso8601.h"
#include "render/locales.h"
#include "render/mustache_cache.h"
#include "render/mustache_renderer.h"
#include "render/timezones.h"

/* Bytes that are unpacked for one message; and of a webhook's payload. */
#define MESSAGE_BUDGET (2 * 1024 * 1024)

/* What may still be unpacked. */
typedef struct Unpacking
{
	Size		budget;
	bool		is_over;		/* more was needed */
} Unpacking;

/* The three texts, parsed, and the locale they are written in. */
typedef struct ParsedTemplate
{
	const Mustache *subject;	/* NULL: none */
	const Mustache *text_body;
	const Mustache *html_body;
	DateFormat	dates;
} ParsedTemplate;

/* The same as text; what is NULL is the written template's, if there is one. */
typedef struct TemplateTexts
{
	const char *subject;
	const char *text_body;
	const char *html_body;
	const char *locale;
	const TemplateFacts *written;
	bool		has_own_bodies; /* not those of the written template */
} TemplateTexts;

/* The names of a template on their way into jsonb. */
typedef struct TemplateData
{
	const NotificationFacts *facts;
	const ParsedTemplate *template;
	Unpacking  *unpacking;
	JsonbParseState *state;
	TimestampTz start_at;		/* 0: there is none */
	TimestampTz end_at;
	const char *code;			/* of a CODE; else "" */
	char	   *error;			/* set once something failed */
} TemplateData;

/* ---- unpacking ---- */

/* Is there such a value, and may it be unpacked? */
static bool
take(Unpacking *unpacking, const Stored *stored)
{
	Size		size = stored_size(stored);

	unpacking->is_over |= size > unpacking->budget;
	unpacking->budget -= Min(size, unpacking->budget);
	return stored != NULL && !unpacking->is_over;
}

static char *
unpack_text(Unpacking *unpacking, const Stored *stored)
{
	return take(unpacking, stored) ? stored_text(stored) : NULL;
}

static Jsonb *
unpack_jsonb(Unpacking *unpacking, const Stored *stored)
{
	return take(unpacking, stored) ? stored_jsonb(stored) : NULL;
}

/* ---- recipient ---- */

const char *
compose_recipient(const NotificationFacts *facts)
{
	if (facts->stored != NULL && facts->channel != CHANNEL_WEBHOOK)
		return facts->stored->recipient;
	if (facts->channel == CHANNEL_WEBHOOK)
		return facts->route ? facts->route->route.url : NULL;
	if (facts->recipient != NULL)
		return facts->channel == CHANNEL_EMAIL ? facts->recipient->email : facts->recipient->phone;
	return facts->address;
}

static char *
full_name(const ParticipantFacts *person)
{
	const char *first = person->first_name ? person->first_name : "";
	const char *last = person->last_name ? person->last_name : "";

	if (first[0] == '\0' && last[0] == '\0')
		return NULL;
	if (first[0] == '\0' || last[0] == '\0')
		return pstrdup(first[0] ? first : last);
	return psprintf("%s %s", first, last);
}

/* ---- which template ---- */

/* Locales as they are compared: "en_GB" is "en-GB". */
static bool
same_locale(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
	{
		char		left = (*a == '_') ? '-' : *a;
		char		right = (*b == '_') ? '-' : *b;

		if (pg_tolower((unsigned char) left) != pg_tolower((unsigned char) right))
			return false;
	}
	return *a == *b;
}

/* A written template for this locale: the rule's own before the type's. */
static const TemplateFacts *
find_template(const NotificationFacts *facts, const char *locale)
{
	const TemplateFacts *found = NULL;
	ListCell   *cell;

	foreach(cell, facts->templates)
	{
		const TemplateFacts *template = (const TemplateFacts *) lfirst(cell);

		if (!same_locale(template->locale, locale))
			continue;
		if (template->rule_id == 0 && found == NULL)
			found = template;
		else if (template->rule_id != 0 && template->rule_id == facts->rule_id)
			return template;
	}
	return found;
}

/* What a test message brings along wins over what is stored. */
static void
use_context(TemplateTexts *texts, const NotificationFacts *facts)
{
	char	   *subject = json_root_text(facts->context, "subject");
	char	   *text_body = json_root_text(facts->context, "text_body");
	char	   *html_body = json_root_text(facts->context, "html_body");

	if (subject != NULL)
		texts->subject = subject;

	/*
	 * One body alone stands for itself: no other text is put beside it. Its
	 * language is the one asked for.
	 */
	if (text_body != NULL || html_body != NULL)
	{
		texts->locale = message_locale(facts) ? message_locale(facts) : application_locale(facts);
		texts->text_body = text_body;
		texts->html_body = html_body;
		texts->has_own_bodies = true;
	}
}

/* In the first locale of the chain that has one; in each a rule's own text first. */
static const TemplateFacts *
find_in_chain(const NotificationFacts *facts)
{
	char		chain[CHAIN_MAX_LOCALES][LOCALE_MAX_LENGTH];
	int			count = locale_chain(facts, chain);
	const TemplateFacts *template = NULL;

	for (int i = 0; i < count && template == NULL; i++)
		template = find_template(facts, chain[i]);
	return template;
}

static bool
same_language(const char *a, const char *b)
{
	size_t		length = strcspn(b, "-_");

	return a != NULL && strcspn(a, "-_") == length && pg_strncasecmp(a, b, length) == 0;
}

/* How dates are written within a text of `locale`: for a reader of en-GB, British in a text of en. */
static const char *
date_locale(const NotificationFacts *facts, const char *locale)
{
	if (same_language(recipient_locale(facts), locale))
		return recipient_locale(facts);
	if (same_language(message_locale(facts), locale))
		return message_locale(facts);
	return locale;
}

static bool
choose_texts(const NotificationFacts *facts, TemplateTexts *texts)
{
	const TemplateFacts *template = find_in_chain(facts);
	const BuiltinTemplate *builtin;

	memset(texts, 0, sizeof(TemplateTexts));
	if (template != NULL)
	{
		texts->written = template;
		texts->locale = date_locale(facts, template->locale);
	}
	else
	{
		const char *wanted = recipient_locale(facts);

		if (wanted == NULL)
			wanted = message_locale(facts);
		builtin = builtin_template(template_type(facts), channel_code(facts->channel));
		if (builtin != NULL)
		{
			texts->subject = builtin->subject;
			texts->text_body = builtin->text_body;
			texts->html_body = builtin->html_body;
		}
		texts->locale = builtin_template_locale(wanted ? wanted : application_locale(facts));
	}
	use_context(texts, facts);
	return texts->text_body != NULL || texts->html_body != NULL ||
		(texts->written != NULL && !texts->has_own_bodies);
}

/* What is still missing is the written template's; a text message has no more than its text. */
static void
complete_texts(TemplateTexts *texts, ChannelCode channel, Unpacking *unpacking)
{
	if (texts->written != NULL && texts->subject == NULL)
		texts->subject = unpack_text(unpacking, texts->written->subject);
	if (texts->written != NULL && !texts->has_own_bodies)
	{
		texts->text_body = unpack_text(unpacking, texts->written->text_body);
		texts->html_body = unpack_text(unpacking, texts->written->html_body);
	}
	if (channel == CHANNEL_SMS)
		texts->subject = texts->html_body = NULL;
}

bool
compose_has_template(const NotificationFacts *facts)
{
	TemplateTexts texts;

	return facts->channel == CHANNEL_WEBHOOK || facts->stored != NULL || choose_texts(facts, &texts);
}

static bool
parse_one(const char *text, const Mustache **parsed, char **error)
{
	*parsed = NULL;
	if (text == NULL)
		return true;
	*parsed = mustache_parse_cached(text, error);
	return *parsed != NULL;
}

static const char *
message_timezone(const NotificationFacts *facts)
{
	char	   *timezone;

	if (facts->appointment != NULL)
		return facts->appointment->timezone;
	timezone = json_root_text(facts->context, "timezone");
	if (timezone != NULL)
		return timezone;
	return facts->application ? facts->application->timezone : "UTC";
}

static bool
parse_template(const NotificationFacts *facts, const TemplateTexts *texts,
			   ParsedTemplate *template, char **error)
{
	template->dates.timezone = message_timezone(facts);
	template->dates.locale = texts->locale;
	/* Both were valid when stored; the server's timezone or ICU data may have changed since. */
	if (!timezone_is_known(template->dates.timezone))
	{
		*error = psprintf("timezone \"%s\" is not known any more", template->dates.timezone);
		return false;
	}
	if (!locale_is_known(template->dates.locale))
		template->dates.locale = "en";
	return parse_one(texts->subject, &template->subject, error) &&
		parse_one(texts->text_body, &template->text_body, error) &&
		parse_one(texts->html_body, &template->html_body, error);
}

/* ---- the names of a template ---- */

static bool
is_used(const TemplateData *data, const char *name)
{
	const ParsedTemplate *template = data->template;

	return (template->subject && mustache_uses(template->subject, name)) ||
		(template->text_body && mustache_uses(template->text_body, name)) ||
		(template->html_body && mustache_uses(template->html_body, name));
}

/* What is not there is left out. */
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

static void
push_appointment(TemplateData *data)
{
	const AppointmentFacts *appointment = data->facts->appointment;
	Jsonb	   *metadata;

	if (appointment == NULL)
		return;
	push_string(data, "title", appointment->title);
	push_string(data, "notes", appointment->notes);
	push_string(data, "location", appointment->location);
	push_string(data, "cancelReason", appointment->cancel_reason);
	push_string(data, "organizer", appointment->organizer_id);
	/* The link is there once the appointment is activated. */
	push_string(data, "joinUrl", appointment->room_url);
	metadata = is_used(data, "metadata") ? unpack_jsonb(data->unpacking, appointment->metadata) : NULL;
	if (metadata != NULL)
		json_push_jsonb(&data->state, "metadata", metadata);
	if (!appointment->is_deleted)
	{
		push_calendar_link(data, "icalUrl", "ical_event");
		push_calendar_link(data, "googleCalendarUrl", "google_calendar_event");
	}
}

typedef char *(*DateWriter) (TimestampTz at, const char *timezone, const char *locale, char **error);

static const struct
{
	const char *name;
	DateWriter	write;
}			named_dates[] = {
	{"time24", dates_time24},
	{"time12", dates_time12},
	{"date", dates_date},
	{"zone", dates_zone}
};

static void
push_dates(TemplateData *data)
{
	const DateFormat *dates = &data->template->dates;

	if (data->start_at == 0)
		return;
	for (int i = 0; i < lengthof(named_dates) && data->error == NULL; i++)
		if (is_used(data, named_dates[i].name))
			push_string(data, named_dates[i].name,
						named_dates[i].write(data->start_at, dates->timezone,
											 dates->locale, &data->error));
	if (data->error == NULL && data->end_at > data->start_at && is_used(data, "duration"))
		push_string(data, "duration",
					durations_format(elapsed_interval(data->end_at - data->start_at),
								   dates->locale, &data->error));
	/* What date patterns are written from. */
	push_string(data, "start_at", timestamp_text(data->start_at));
}

/* The names that a message without an appointment brings along: text alone. */
static void
push_context_data(TemplateData *data)
{
	const NotificationFacts *facts = data->facts;
	JsonbValue	found;
	JsonbValue *value;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	item;

	if (facts->appointment_id != NULL || facts->context == NULL || !JB_ROOT_IS_OBJECT(facts->context))
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

/* Which instants the message is about. */
static void
find_times(TemplateData *data)
{
	const NotificationFacts *facts = data->facts;
	const char *timezone = data->template->dates.timezone;
	char	   *error = NULL;
	char	   *text;

	if (facts->appointment != NULL)
	{
		data->start_at = facts->appointment->start_at;
		data->end_at = facts->appointment->end_at;
		return;
	}
	if ((text = json_root_text(facts->context, "start_at")) != NULL &&
		!iso8601_parse(text, timezone, &data->start_at, &error))
		data->start_at = 0;
	if ((text = json_root_text(facts->context, "end_at")) != NULL &&
		!iso8601_parse(text, timezone, &data->end_at, &error))
		data->end_at = 0;
}

/* NULL and *error if a date can't be written, or it is too large. */
static Jsonb *
template_data(const NotificationFacts *facts, const ParsedTemplate *template, const char *code,
			  Unpacking *unpacking, char **error)
{
	TemplateData data = {
		.facts = facts,.template = template,.unpacking = unpacking,.code = code
	};

	find_times(&data);
	(void) pushJsonbValue(&data.state, WJB_BEGIN_OBJECT, NULL);
	push_context_data(&data);
	push_string(&data, "code", data.code[0] == '\0' ? NULL : data.code);
	push_people(&data);
	push_appointment(&data);
	push_dates(&data);
	if (facts->application != NULL)
		push_string(&data, "applicationName", facts->application->name);
	*error = data.error;
	if (data.error != NULL || unpacking->is_over)
		return NULL;
	return JsonbValueToJsonb(pushJsonbValue(&data.state, WJB_END_OBJECT, NULL));
}

static bool
render_one(const Mustache *template, Jsonb *data, bool html, const DateFormat *dates,
		   const char **result, char **error)
{
	*result = NULL;
	if (template == NULL)
		return true;
	*result = mustache_render(template, data, html, dates, error);
	return *result != NULL;
}

/*
 * A header is one line, whatever was typed into the values in it: white space
 * and control characters, which no mail carries there, become one space.
 */
static const char *
one_line(const char *text)
{
	char	   *line;
	char	   *end;

	if (text == NULL)
		return NULL;
	line = end = (char *) palloc(strlen(text) + 1);
	for (const char *c = text; *c != '\0'; c++)
	{
		if ((unsigned char) *c > ' ' && *c != 0x7f)
			*end++ = *c;
		else if (end > line && end[-1] != ' ')
			*end++ = ' ';
	}
	if (end > line && end[-1] == ' ')
		end--;
	*end = '\0';
	return line;
}

/*
 * The code that a CODE tells: the row of the code and the context have what it
 * is derived from, and nothing has the code.
 */
static bool
derive_code(const NotificationFacts *facts, char *digits, char **error)
{
	OneTimeCode code = {.application_id = facts->application_id};

	digits[0] = '\0';
	if (facts->type != TYPE_CODE)
		return true;
	*error = pstrdup("The code cannot be derived.");
	code.purpose = json_root_text(facts->context, "purpose");
	if (code.purpose == NULL || facts->address == NULL ||
		!uuid_parse(json_root_text(facts->context, "nonce"), &code.nonce))
		return false;
	code.contact = channel_address_key(facts->channel, facts->address);
	return one_time_code_derive(&code, digits);
}

static bool
refuse_too_large(Reason *reason, char **error)
{
	*reason = REASON_TOO_LARGE;
	*error = psprintf("It would be made of more than %d bytes.", MESSAGE_BUDGET);
	return false;
}

static bool
render_message(const NotificationFacts *facts, Message *message, Unpacking *unpacking,
			   Reason *reason, char **error)
{
	TemplateTexts texts;
	ParsedTemplate template;
	char		code[ONE_TIME_CODE_DIGITS + 1];
	Jsonb	   *data;

	*reason = REASON_NO_TEMPLATE;
	if (!choose_texts(facts, &texts))
	{
		*error = psprintf("There is no template for %s by %s.", template_type(facts),
						  channel_code(facts->channel));
		return false;
	}
	complete_texts(&texts, facts->channel, unpacking);
	if (unpacking->is_over)
		return false;
	*reason = REASON_TEMPLATE_ERROR;
	if (!derive_code(facts, code, error) ||
		!parse_template(facts, &texts, &template, error) ||
		(data = template_data(facts, &template, code, unpacking, error)) == NULL ||
		!render_one(template.subject, data, false, &template.dates, &message->subject, error) ||
		!render_one(template.text_body, data, false, &template.dates, &message->text_body, error) ||
		!render_one(template.html_body, data, true, &template.dates, &message->html_body, error))
		return false;
	message->subject = one_line(message->subject);
	*reason = REASON_NONE;
	return true;
}

/* ---- the payload ---- */

static void
add_name(StringInfo json, const char *name)
{
	appendStringInfoChar(json, json->data[json->len - 1] == '{' ? '"' : ',');
	if (json->data[json->len - 1] == ',')
		appendStringInfoChar(json, '"');
	appendStringInfoString(json, name);
	appendStringInfoString(json, "\":");
}

/* What is not there is left out. */
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

/* The members of an object, each as one of the payload's; none of NULL. */
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

/*
 * The seed's GetAppointmentResponse plus state, cancelReason, and the members of
 * `event` (NULL: none), as JSON text (camelCase).
 */
static char *
write_payload(const AppointmentFacts *appointment, const Stored *event, Unpacking *unpacking)
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
	/* Nobody is told of a deletion but those to whom it means that the appointment is off. */
	add_text(&json, "state", appointment->is_deleted ? "CANCELLED" : appointment->state);
	add_text(&json, "timezone", appointment->timezone);
	add_text(&json, "title", appointment->title);
	add_members(&json, unpack_jsonb(unpacking, event));
	appendStringInfoChar(&json, '}');
	unpacking->is_over |= json.len > MESSAGE_BUDGET;
	return json.data;
}

static bool
write_webhook(const NotificationFacts *facts, Message *message, TimestampTz now,
			  Unpacking *unpacking, Reason *reason, char **error)
{
	char	   *payload;

	if (facts->appointment == NULL)
	{
		*reason = REASON_NO_TEMPLATE;
		*error = pstrdup("Nothing is left of the appointment to tell subscribers.");
		return false;
	}
	payload = write_payload(facts->appointment, facts->event, unpacking);
	if (unpacking->is_over)
		return false;
	message->text_body = webhook_body(&facts->uid, facts->type, payload, now);
	pfree(payload);
	return true;
}

static void
use_stored(Message *message, const StoredMessage *stored, Unpacking *unpacking)
{
	message->subject = unpack_text(unpacking, stored->subject);
	message->text_body = unpack_text(unpacking, stored->text_body);
	message->html_body = unpack_text(unpacking, stored->html_body);
}

/* Subject and bodies. */
static bool
write_content(const NotificationFacts *facts, Message *message, TimestampTz now,
			  Unpacking *unpacking, Reason *reason, char **error)
{
	if (facts->stored != NULL &&
		(facts->stored->text_body != NULL || facts->stored->html_body != NULL))
	{
		use_stored(message, facts->stored, unpacking);
		return true;
	}
	if (facts->channel == CHANNEL_WEBHOOK)
		return write_webhook(facts, message, now, unpacking, reason, error);
	return render_message(facts, message, unpacking, reason, error);
}

/* In the log a webhook's URL stands without its query. */
static const char *
recipient_to_show(const NotificationFacts *facts)
{
	const char *recipient = compose_recipient(facts);

	return recipient == NULL || facts->channel != CHANNEL_WEBHOOK ? recipient : url_without_query(recipient);
}

Message *
compose_message(const NotificationFacts *facts, TimestampTz now, Reason *reason, char **error)
{
	Message    *message = (Message *) palloc0(sizeof(Message));
	Unpacking	unpacking = {MESSAGE_BUDGET};
	bool		is_written;

	*reason = REASON_NONE;
	*error = NULL;
	message->uid = facts->uid;
	message->type = facts->type;
	message->channel = facts->channel;
	message->recipient = recipient_to_show(facts);
	message->recipient_name = facts->recipient ? one_line(full_name(facts->recipient)) : NULL;
	message->timestamp = now;
	if (facts->appointment != NULL)
		message->headers = configured_headers(unpack_jsonb(&unpacking, facts->appointment->notification_headers));
	is_written = !facts->is_too_large &&
		write_content(facts, message, now, &unpacking, reason, error);
	if (facts->is_too_large || unpacking.is_over)
		is_written = refuse_too_large(reason, error);
	if (!is_written)
		return NULL;
	add_invite(facts, message, now);
	return message;
}
