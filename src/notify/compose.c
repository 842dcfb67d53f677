/*
 * compose.c
 *		A message from the facts.
 *
 * A message is composed anew at every attempt, from current data. Only after an
 * interruption the stored message is sent again as it was, because a copy of it
 * may have arrived; one that was too long to be stored whole is composed anew.
 * The invitation that goes with a mail is not stored and always tells what is so
 * now.
 *
 * Failure is a returned value: a template that does not render fails its own
 * notification only. Data that tenants store raises no error here: Mustache and
 * dates return failures, the JSON comes from jsonb that was valid when it was
 * stored, and pushing jsonb accepts names that are given twice. Errors that
 * remain are lack of memory, metadata nested to the limit of the stack, and a
 * message over 1 GB; for these the worker repeats a batch one by one.
 *
 * What users are told of and that is no appointment is composed from its event.
 * Other messages without an appointment have in notification.context what they
 * are composed from. Of a MESSAGE: "subject", "text_body", "html_body" (templates
 * over "data"), and "data", which is the payload of a webhook. Of a TEST: "data" (values of the template's names),
 * "template_type" (the type whose template it shows), "subject", "text_body" and
 * "html_body" (the template itself), "locale", "timezone", "start_at",
 * "end_at" (ISO 8601). Of a CODE: "purpose" and "nonce", from which the code is
 * derived here; the request's row does not hold the code.
 */
#include "postgres.h"

#include "channel/channel.h"
#include "channel/webhook.h"
#include "core/json.h"
#include "core/one_time_code.h"
#include "core/text.h"
#include "notify/appointment_payload.h"
#include "notify/compose.h"
#include "notify/configured_headers.h"
#include "notify/event_payload.h"
#include "notify/facts_templates.h"
#include "notify/invite.h"
#include "notify/layout.h"
#include "notify/recipient.h"
#include "notify/template_choice.h"
#include "notify/template_data.h"
#include "notify/unpacking.h"
#include "render/iso8601.h"
#include "render/locales.h"
#include "render/mustache_cache.h"
#include "render/mustache_renderer.h"
#include "render/timezones.h"

/* ---- the text of a message to a person ---- */

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

	if (facts->user != NULL && facts->user->timezone != NULL)
		return facts->user->timezone;
	if (facts->appointment != NULL)
		return facts->appointment->timezone;
	timezone = json_root_text(facts->context, "timezone");
	if (timezone != NULL)
		return timezone;
	return facts->application ? facts->application->timezone : "UTC";
}

/* A time in the context; 0 if there is none, or it is not valid. */
static TimestampTz
context_time(const NotificationFacts *facts, const char *name, const char *timezone)
{
	char	   *text = json_root_text(facts->context, name);
	TimestampTz at;
	char	   *error = NULL;

	return text != NULL && iso8601_parse(text, timezone, &at, &error) ? at : 0;
}

/* The start and end that the message tells; of an event, when it happened, and no end. */
static void
find_times(const NotificationFacts *facts, ParsedTemplate *template)
{
	const char *timezone = template->dates.timezone;

	if (facts->appointment != NULL)
	{
		template->dates.start_at = facts->appointment->start_at;
		template->end_at = facts->appointment->end_at;
	}
	else if (facts->user_event != NULL)
	{
		template->dates.start_at = facts->user_event->created_at;
		template->end_at = 0;
	}
	else
	{
		template->dates.start_at = context_time(facts, "start_at", timezone);
		template->end_at = context_time(facts, "end_at", timezone);
	}
}

static bool
parse_template(const NotificationFacts *facts, const TemplateTexts *texts,
			   ParsedTemplate *template, char **error)
{
	template->dates.timezone = message_timezone(facts);
	template->dates.locale = texts->locale;

	/*
	 * Both were valid when stored; the server's timezone or ICU data may have
	 * changed since.
	 */
	if (!timezone_is_known(template->dates.timezone))
	{
		*error = psprintf("Timezone \"%s\" is not known any more.", template->dates.timezone);
		return false;
	}
	if (!locale_is_known(template->dates.locale))
		template->dates.locale = "en";
	find_times(facts, template);
	return parse_one(texts->subject, &template->parts[PART_SUBJECT], error) &&
		parse_one(texts->text_body, &template->parts[PART_TEXT], error) &&
		parse_one(texts->html_body, &template->parts[PART_HTML], error) &&
		parse_one(texts->heading, &template->parts[PART_HEADING], error) &&
		parse_one(texts->layout_text, &template->parts[PART_LAYOUT_TEXT], error) &&
		parse_one(texts->layout_html, &template->parts[PART_LAYOUT_HTML], error);
}

static bool
render_one(const Mustache *template, Jsonb *data, bool html, const DateFormat *dates,
		   const char **result, char **error)
{
	const DateFormat *dates_if_any = dates->start_at == 0 ? NULL : dates;

	*result = NULL;
	if (template == NULL)
		return true;
	*result = mustache_render(template, data, html, dates_if_any, error);
	return *result != NULL;
}

/*
 * A header of a mail is one line, whatever its values contain: each sequence of
 * white space and control characters becomes one space.
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
 * The code of a CODE is derived from the notification's context and address; it is
 * not stored.
 */
static bool
derive_code(const NotificationFacts *facts, char *digits, char **error)
{
	OneTimeCode code = {.application_id = facts->application_id};

	digits[0] = '\0';
	if (!notification_types[facts->type].has_code)
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
places(const ParsedTemplate *template, TemplatePart part, const char *name)
{
	return template->parts[part] != NULL && mustache_uses(template->parts[part], name);
}

static bool
add_blocks(const NotificationFacts *facts, const Links *links, ParsedTemplate *template, char **error)
{
	bool		places_calendar = false;

	for (int part = 0; part < TEMPLATE_PARTS; part++)
		places_calendar |= places(template, part, "calendarBlock");
	template->links = links;
	return blocks_make(facts, links, &template->dates, places_calendar, &template->blocks, error);
}

/* A part of the message while it is rendered. */
typedef struct Rendering
{
	const ParsedTemplate *template;
	Jsonb	   *data;
	const char *heading;		/* as text; NULL: none */
	const Message *message;		/* its subject is there */
} Rendering;

typedef const char *(*BlockPlacer) (const Blocks *blocks, const char *text);

/*
 * The content with its blocks, within its layout if there is one. A layout that places blocks has them where it wants, all
 * others leave them to the content.
 */
static const char *
wrap(const Rendering *rendering, TemplatePart layout, BlockPlacer place_blocks, const char *content, char **error)
{
	const ParsedTemplate *template = rendering->template;
	bool		has_blocks = places(template, layout, "buttons") || places(template, layout, "calendarBlock");
	const char *whole;

	if (!has_blocks)
		content = place_blocks(&template->blocks, content);
	if (template->parts[layout] == NULL || content == NULL)
		return content;
	if (!render_one(template->parts[layout],
					layout_data(rendering->data, content, rendering->message->subject, rendering->heading),
					layout == PART_LAYOUT_HTML, &template->dates, &whole, error))
		return NULL;
	return has_blocks ? place_blocks(&template->blocks, whole) : whole;
}

static bool
wrap_bodies(const Rendering *rendering, Message *message, char **error)
{
	const ParsedTemplate *template = rendering->template;
	const char *html = message->html_body;

	if (html == NULL && template->parts[PART_LAYOUT_HTML] != NULL)
		html = text_as_html(message->text_body, &template->blocks.markers);
	*error = NULL;
	message->text_body = wrap(rendering, PART_LAYOUT_TEXT, blocks_in_text, message->text_body, error);
	message->html_body = wrap(rendering, PART_LAYOUT_HTML, blocks_in_html, html, error);
	return *error == NULL;
}

static bool
render_parts(Rendering *rendering, Message *message, char **error)
{
	const ParsedTemplate *template = rendering->template;
	const DateFormat *dates = &template->dates;

	if (!render_one(template->parts[PART_SUBJECT], rendering->data, false, dates, &message->subject, error) ||
		!render_one(template->parts[PART_TEXT], rendering->data, false, dates, &message->text_body, error) ||
		!render_one(template->parts[PART_HTML], rendering->data, true, dates, &message->html_body, error) ||
		!render_one(template->parts[PART_HEADING], rendering->data, false, dates, &rendering->heading, error))
		return false;
	message->subject = one_line(blocks_in_subject(&template->blocks, message->subject));
	return true;
}

static bool
render_message(const NotificationFacts *facts, const Links *links, Message *message, Unpacking *unpacking,
			   Reason *reason, char **error)
{
	TemplateTexts texts;
	ParsedTemplate template;
	char		code[ONE_TIME_CODE_DIGITS + 1];
	Rendering	rendering = {.template = &template, .message = message};

	*reason = REASON_NO_TEMPLATE;
	if (!choose_texts(facts, &texts))
	{
		*error = psprintf("There is no template for %s by %s.", template_type(facts),
						  channel_code(facts->channel));
		return false;
	}
	complete_texts(&texts, facts, unpacking);
	if (unpacking->is_over)
		return false;
	*reason = REASON_TEMPLATE_ERROR;
	if (!derive_code(facts, code, error) ||
		!parse_template(facts, &texts, &template, error) ||
		!add_blocks(facts, links, &template, error) ||
		(rendering.data = template_data(facts, &template, code, unpacking, error)) == NULL ||
		!render_parts(&rendering, message, error) ||
		!wrap_bodies(&rendering, message, error))
		return false;
	*reason = REASON_NONE;
	return true;
}

/* ---- the message ---- */

/* The data of a message that the application composed. */
static char *
message_payload(const NotificationFacts *facts)
{
	Jsonb	   *data = json_root_jsonb(facts->context, "data");

	return data == NULL ? NULL : JsonbToCString(NULL, &data->root, VARSIZE(data));
}

/* What subscribers are told; NULL: nothing is left of it. */
static char *
write_payload(const NotificationFacts *facts, Unpacking *unpacking)
{
	if (facts->appointment != NULL)
		return appointment_payload(facts->appointment, facts->event, unpacking);
	if (facts->user_event != NULL)
		return event_payload(facts->user_event, unpacking);
	return message_payload(facts);
}

static bool
write_webhook(const NotificationFacts *facts, Message *message, TimestampTz now,
			  Unpacking *unpacking, Reason *reason, char **error)
{
	char	   *payload = write_payload(facts, unpacking);

	if (payload == NULL)
	{
		*reason = REASON_NO_TEMPLATE;
		*error = pstrdup("Nothing is left to tell subscribers of.");
		return false;
	}
	if (unpacking->is_over)
		return false;
	message->text_body = webhook_body(&facts->uid, facts->type, payload, now);
	pfree(payload);
	return true;
}

/* The message as it was sent before; false if its tokens can't be put in again. */
static bool
use_stored(Message *message, const StoredMessage *stored, Unpacking *unpacking)
{
	const char *subject = unpack_text(unpacking, stored->subject);
	const char *text_body = unpack_text(unpacking, stored->text_body);
	const char *html_body = unpack_text(unpacking, stored->html_body);

	if (message->tokens == NIL && (has_masked_token(subject) || has_masked_token(text_body) || has_masked_token(html_body)))
		return false;
	message->subject = tokens_unmask(message->tokens, subject);
	message->text_body = tokens_unmask(message->tokens, text_body);
	message->html_body = tokens_unmask(message->tokens, html_body);
	return true;
}

/* Subject and bodies. */
static bool
write_content(const NotificationFacts *facts, const Links *links, Message *message, TimestampTz now,
			  Unpacking *unpacking, Reason *reason, char **error)
{
	if (facts->stored != NULL &&
		(facts->stored->text_body != NULL || facts->stored->html_body != NULL) &&
		use_stored(message, facts->stored, unpacking))
		return true;
	if (!channel_infos[facts->channel].has_template)
		return write_webhook(facts, message, now, unpacking, reason, error);
	return render_message(facts, links, message, unpacking, reason, error);
}

/* The last 12 digits of an id, which are random: enough to tell ids apart. */
static const char *
short_id(const pg_uuid_t *id)
{
	return uuid_text(id) + 24;
}

/*
 * The thread, for mail programs, and the id by which Gmail's tools count complaints: up to three names, and then the
 * sender's, of at most 15 characters.
 */
static void
add_mail_ids(const NotificationFacts *facts, Message *message)
{
	const ApplicationFacts *application = facts->application;

	if (facts->appointment_id != NULL)
		message->thread = uuid_text(facts->appointment_id);
	if (application != NULL)
		message->feedback_id = psprintf("%s:%s:appt:%s", notification_types[facts->type].code, short_id(&application->id),
										short_id(&application->organization.id));
}

Message *
compose_message(const NotificationFacts *facts, TimestampTz now, Reason *reason, char **error)
{
	Message    *message = (Message *) palloc0(sizeof(Message));
	const Links *links = facts->is_too_large ? NULL : links_of(facts);
	Unpacking	unpacking = {MESSAGE_BUDGET};
	bool		is_written;

	*reason = REASON_NONE;
	*error = NULL;
	message->uid = facts->uid;
	message->type = facts->type;
	message->channel = facts->channel;
	message->recipient = recipient_to_log(facts);
	message->recipient_name = one_line(recipient_name(facts));
	message->timestamp = now;
	message->tokens = links_tokens(links);
	if (facts->channel == CHANNEL_EMAIL)
		add_mail_ids(facts, message);
	message->unsubscribe_url = links == NULL ? NULL : link_of_one_click(links);
	if (facts->appointment != NULL)
		message->headers = configured_headers(unpack_jsonb(&unpacking, facts->appointment->notification_headers));
	is_written = !facts->is_too_large &&
		write_content(facts, links, message, now, &unpacking, reason, error);
	if (facts->is_too_large || unpacking.is_over)
		is_written = refuse_too_large(reason, error);
	if (!is_written)
		return NULL;
	add_invite(facts, message, now);
	return message;
}
