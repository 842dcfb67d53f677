/*
 * page.c
 *		The one page for customers.
 *
 * The template (web/page.html) has the structure, page_texts the words; here are
 * the values. Each is escaped by the template but the style, the script and the
 * image, which are the extension's own or base64. A name that has no value leaves
 * its part out.
 */
#include "postgres.h"

#include "common/base64.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/memutils.h"

#include "core/elapsed.h"
#include "core/json.h"
#include "core/rest_request.h"
#include "core/text.h"
#include "pages/page.h"
#include "pages/page_headers.h"
#include "pages/page_texts.h"
#include "pages/web_files.h"
#include "render/calendar_link.h"
#include "render/dates.h"
#include "render/durations.h"
#include "render/local_days.h"
#include "render/mustache_parser.h"
#include "render/mustache_renderer.h"
#include "render/page_words.h"

/* A page while its values are put together. */
typedef struct Page
{
	const PageRequest *request;
	const PageFacts *facts;		/* NULL: not found */
	PageTexts	texts;
	JsonbParseState *state;
	int			rows;			/* of details, so far */
} Page;

/* ---- pushing ---- */

static void
begin_object(Page *page, const char *name)
{
	json_push_text(&page->state, WJB_KEY, name);
	(void) pushJsonbValue(&page->state, WJB_BEGIN_OBJECT, NULL);
}

static void
end_object(Page *page)
{
	(void) pushJsonbValue(&page->state, WJB_END_OBJECT, NULL);
}

static void
push(Page *page, const char *name, const char *text)
{
	json_push_if_given(&page->state, name, text);
}

static void
push_flag(Page *page, const char *name, bool is_set)
{
	if (is_set)
		json_push_member(&page->state, name, "yes");
}

static void
push_word(Page *page, const char *name, const char *key)
{
	json_push_member(&page->state, name, page_text(&page->texts, key));
}

/* {"name": value}, for words that name one value. */
static Jsonb *
one_value(const char *name, const char *value)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_if_given(&state, name, value);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static const char *
code_of(ResponseAction action)
{
	return response_actions[action].code;
}

/* As it is written in links: "accept". */
static const char *
link_name(ResponseAction action)
{
	return asc_tolower(code_of(action), strlen(code_of(action)));
}

/* ---- words that the template names ---- */

static const struct
{
	const char *name;
	const char *key;
}			labels[] = {
	{"answer", "page.answer"},
	{"back", "page.back"},
	{"before", "page.before"},
	{"calendar", "page.calendar"},
	{"calendar_file", "page.calendar.file"},
	{"calendar_google", "page.calendar.google"},
	{"calendar_outlook", "page.calendar.outlook"},
	{"change", "page.change"},
	{"colon", "colon"},
	{"contact", "page.contact"},
	{"contact_email", "page.contact.email"},
	{"contact_phone", "page.contact.phone"},
	{"contact_url", "page.contact.url"},
	{"now", "page.now"},
	{"optional", "page.optional"},
	{"proposal", "page.proposal"},
	{"reason", "page.reason"},
	{"said_proposal", "page.said.proposal"},
	{"said_reason", "page.said.reason"}
};

static void
push_labels(Page *page)
{
	begin_object(page, "w");
	for (int i = 0; i < lengthof(labels); i++)
		push_word(page, labels[i].name, labels[i].key);
	end_object(page);
}

/* ---- times ---- */

/* "Tuesday, December 1, 2026, 3:30 PM CET"; NULL if it cannot be written. */
static char *
moment_text(const Page *page, TimestampTz at, const char *timezone)
{
	const char *locale = page->texts.locale;
	char	   *error;
	char	   *date = dates_full(at, timezone, locale, &error);
	char	   *time = dates_time(at, timezone, locale, &error);
	char	   *zone = dates_zone(at, timezone, locale, &error);

	if (date == NULL || time == NULL || zone == NULL)
		return NULL;
	return psprintf("%s, %s %s", date, time, zone);
}

typedef struct Span
{
	TimestampTz start_at;
	TimestampTz end_at;
	const char *timezone;
} Span;

static char *
date_text(const Page *page, const Span *span)
{
	char	   *error;

	return dates_full(span->start_at, span->timezone, page->texts.locale, &error);
}

/* False also if that cannot be told. */
static bool
is_same_day(const Span *span)
{
	char	   *error;
	const Timezone *zone = timezone_find(span->timezone, &error);
	DateADT		first;
	DateADT		last;

	return zone != NULL && local_date(zone, span->start_at, &first) && local_date(zone, span->end_at, &last) && first == last;
}

/* From when until when, with the day of the end if that is another. */
static char *
time_text(const Page *page, const Span *span)
{
	const char *locale = page->texts.locale;
	char	   *error;
	char	   *start = dates_time(span->start_at, span->timezone, locale, &error);
	char	   *end = dates_time(span->end_at, span->timezone, locale, &error);
	char	   *zone = dates_zone(span->end_at, span->timezone, locale, &error);
	char	   *last_day = is_same_day(span) ? "" : dates_full(span->end_at, span->timezone, locale, &error);

	if (start == NULL || end == NULL || zone == NULL || last_day == NULL)
		return NULL;
	return psprintf("%s - %s%s%s %s", start, last_day, last_day[0] == '\0' ? "" : ", ", end, zone);
}

static char *
duration_text(const Page *page, const Span *span)
{
	char	   *error;

	return durations_format(elapsed_interval(span->end_at - span->start_at), page->texts.locale, &error);
}

/* ---- details ---- */

/* One more row; with what the message said where that is something else. */
static void
push_row(Page *page, const char *key, const char *value, const char *before)
{
	if (value == NULL)
		return;
	(void) pushJsonbValue(&page->state, WJB_BEGIN_OBJECT, NULL);
	push_word(page, "label", key);
	push(page, "value", value);
	if (before != NULL && strcmp(before, value) != 0)
		push(page, "before", before);
	(void) pushJsonbValue(&page->state, WJB_END_OBJECT, NULL);
	page->rows++;
}

typedef char *(*SpanWriter) (const Page *page, const Span *span);

/* Writing dates is most of the work of a page: what the message showed is written only where it is something else. */
static void
push_times(Page *page)
{
	static const struct
	{
		const char *key;
		SpanWriter	write;
	}			rows[] = {
		{"page.date", date_text},
		{"page.time", time_text},
		{"page.duration", duration_text}
	};
	const PageFacts *facts = page->facts;
	Span		now = {facts->start_at, facts->end_at, facts->timezone};
	Span		shown = {facts->shown.start_at, facts->shown.end_at, facts->shown.timezone};

	for (int i = 0; i < lengthof(rows); i++)
		push_row(page, rows[i].key, rows[i].write(page, &now), facts->has_changed ? rows[i].write(page, &shown) : NULL);
}

/* A place as a row shows it. */
static const char *
place_text(const Page *page, const char *location)
{
	return location == NULL || location[0] == '\0' ? page_text(&page->texts, "page.nowhere") : location;
}

static void
push_place(Page *page)
{
	const PageFacts *facts = page->facts;
	const char *before = facts->has_changed ? facts->shown.location : facts->location;

	if (facts->location != NULL || before != NULL)
		push_row(page, "page.location", place_text(page, facts->location), place_text(page, before));
}

static void
push_details(Page *page)
{
	const PageFacts *facts = page->facts;
	bool		has_type = facts->meeting_type != NULL && strcmp(facts->meeting_type, "TBD") != 0;

	json_push_text(&page->state, WJB_KEY, "rows");
	(void) pushJsonbValue(&page->state, WJB_BEGIN_ARRAY, NULL);
	push_times(page);
	push_place(page);
	push_row(page, "page.organizer", facts->organizer_name, NULL);
	push_row(page, "page.meeting_type", has_type ? page_text_of(&page->texts, "meeting", facts->meeting_type) : NULL, NULL);
	push_row(page, "page.platform", facts->video_platform, NULL);
	(void) pushJsonbValue(&page->state, WJB_END_ARRAY, NULL);
	push_flag(page, "has_rows", page->rows > 0);
}

/* ---- calendars ---- */

static void
push_calendar(Page *page)
{
	const PageFacts *facts = page->facts;
	CalendarEvent event = {
		.method = CALENDAR_PUBLISH,
		.uid = uuid_text(&facts->appointment_id),
		.sequence = facts->sequence,
		.title = facts->title != NULL ? facts->title : facts->sender,
		.start_at = facts->start_at,
		.end_at = facts->end_at,
		.timezone = facts->timezone,
		.url = facts->room_url,
		.updated_at = facts->updated_at,
		.stamped_at = facts->updated_at
	};
	char	   *error;
	char	   *google = calendar_google_url(&event, &error);

	if (google == NULL)
		return;
	begin_object(page, "calendar");
	push(page, "google", google);
	push(page, "outlook", calendar_outlook_url(&event, &error));
	push(page, "id", event.uid);
	end_object(page);
}

/* ---- answers ---- */

static void
push_said(Page *page)
{
	const PageAnswer *answer = &page->facts->answer;
	char	   *when;

	if (!answer->is_given)
		return;
	begin_object(page, "said");
	push(page, "action", link_name(answer->action));
	push(page, "text", page_text_of(&page->texts, "said", code_of(answer->action)));
	push(page, "reason", answer->reason);
	if (answer->proposed_start_at != 0)
		push(page, "proposal", moment_text(page, answer->proposed_start_at, page->facts->timezone));
	when = moment_text(page, answer->created_at, page->facts->timezone);
	if (when != NULL)
		push(page, "when", page_text_with(&page->texts, "page.said.when", one_value("when", when)));
	push_flag(page, "may_change", page->facts->has_shown && !page->request->is_asking);
	end_object(page);
}

/* An action that needs no more words is sent by its button; another has a form of its own. */
static void
push_action(Page *page, ResponseAction action)
{
	(void) pushJsonbValue(&page->state, WJB_BEGIN_OBJECT, NULL);
	push(page, "action", link_name(action));
	push(page, "label", page_text(&page->texts, psprintf("button.%s", code_of(action))));
	push_flag(page, "direct", !page_asks_reason(page->facts, action));
	(void) pushJsonbValue(&page->state, WJB_END_OBJECT, NULL);
}

/* Has the customer just that to say already? Another time may be proposed again, and what has changed be answered again. */
static bool
is_said(const PageFacts *facts, ResponseAction action)
{
	return facts->answer.is_given && facts->answer.action == action && action != ACTION_RESCHEDULE && !facts->has_changed;
}

static void
push_actions(Page *page)
{
	int			count = 0;

	json_push_text(&page->state, WJB_KEY, "actions");
	(void) pushJsonbValue(&page->state, WJB_BEGIN_ARRAY, NULL);
	for (int action = 0; action < RESPONSE_ACTIONS; action++)
		if (page_offers(page->facts, (ResponseAction) action) && !is_said(page->facts, (ResponseAction) action))
		{
			push_action(page, (ResponseAction) action);
			count++;
		}
	(void) pushJsonbValue(&page->state, WJB_END_ARRAY, NULL);
	push_flag(page, "has_actions", count > 0);
}

/* A minute from now, as the field for another time has it; "" if it cannot be written. */
static char *
earliest_proposal(const Page *page)
{
	TimestampTz at = page->request->now + USECS_PER_MINUTE;
	char	   *error;
	char	   *date = dates_format(at, "yyyy-MM-dd", page->facts->timezone, "en", &error);
	char	   *time = dates_format(at, "HH:mm", page->facts->timezone, "en", &error);

	return date == NULL || time == NULL ? "" : psprintf("%sT%s", date, time);
}

/* The form's field for another time. Browsers send local time without an offset. */
static void
push_proposal(Page *page)
{
	const PageRequest *request = page->request;
	const char *timezone = page->facts->timezone;

	begin_object(page, "proposal");
	push(page, "min", earliest_proposal(page));
	push(page, "value", request->proposal == NULL ? "" : request->proposal);
	push(page, "zone", page_text_with(&page->texts, "page.proposal.zone", one_value("zone", timezone)));
	push_flag(page, "is_wrong", request->error_key != NULL && strcmp(request->error_key, "page.error.proposal") == 0);
	end_object(page);
}

static void
push_reason(Page *page)
{
	const PageRequest *request = page->request;

	begin_object(page, "words");
	push(page, "value", request->reason == NULL ? "" : request->reason);
	push_flag(page, "is_wrong", request->error_key != NULL && strcmp(request->error_key, "page.error.reason") == 0);
	end_object(page);
}

static void
push_ask(Page *page)
{
	const PageRequest *request = page->request;
	ResponseAction action = request->action;

	begin_object(page, "ask");
	push(page, "question", page_text_of(&page->texts, "ask", code_of(action)));
	push(page, "action", link_name(action));
	push(page, "yes", page_text_of(&page->texts, "yes", code_of(action)));
	push_flag(page, "has_back", true);
	if (request->error_key != NULL)
		push_word(page, "error", request->error_key);
	if (action == ACTION_RESCHEDULE)
		push_proposal(page);
	if (page_asks_reason(page->facts, action))
		push_reason(page);
	end_object(page);
}

/* ---- who sends, and whom to ask ---- */

/* PNG begins with 0x89, JPEG with 0xff. */
static void
push_image(Page *page)
{
	const bytea *image = page->facts->image;
	int			length;
	int			space;
	char	   *encoded;

	if (image == NULL || VARSIZE_ANY_EXHDR(image) == 0)
		return;
	length = VARSIZE_ANY_EXHDR(image);
	space = pg_b64_enc_len(length);
	encoded = (char *) palloc(space + 1);
	space = pg_b64_encode(VARDATA_ANY(image), length, encoded, space);
	encoded[space] = '\0';
	push(page, "image", psprintf("data:image/%s;base64,%s",
								 (unsigned char) VARDATA_ANY(image)[0] == 0x89 ? "png" : "jpeg", encoded));
}

/* A link runs nothing: https, mailto and tel alone. */
static bool
is_plain_link(const char *url)
{
	static const char *const schemes[] = {"https://", "mailto:", "tel:"};

	for (int i = 0; i < lengthof(schemes); i++)
		if (pg_strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

/* A member of the contact that is one line. */
static char *
contact_member(const PageFacts *facts, const char *key)
{
	char	   *text = json_root_text(facts->contact, key);

	if (text == NULL || text[0] == '\0' || !is_one_line(text) || (strcmp(key, "url") == 0 && !is_plain_link(text)))
		return NULL;
	return text;
}

static void
push_contact(Page *page)
{
	static const char *const keys[] = {"name", "phone", "email", "url"};
	const char *values[lengthof(keys)];
	bool		is_given = false;

	for (int i = 0; i < lengthof(keys); i++)
	{
		values[i] = contact_member(page->facts, keys[i]);
		is_given |= values[i] != NULL;
	}
	if (!is_given)
		return;
	begin_object(page, "contact");
	for (int i = 0; i < lengthof(keys); i++)
		push(page, keys[i], values[i]);
	end_object(page);
}

static void
push_notice(Page *page)
{
	const PageNotice *notice = &page->request->notice;

	if (notice->kind == NULL)
		return;
	begin_object(page, "notice");
	push(page, "kind", notice->kind);
	push(page, "role", strcmp(notice->kind, "bad") == 0 ? "alert" : "status");
	push_word(page, "text", notice->key);
	end_object(page);
}

/* ---- the views ---- */

static void
push_appointment(Page *page)
{
	const PageFacts *facts = page->facts;

	push(page, "heading", facts->title != NULL ? facts->title : page_text(&page->texts, "page.title"));
	if (facts->customer_name != NULL)
		push(page, "greeting", page_text_with(&page->texts, "page.hello", one_value("name", facts->customer_name)));
	push(page, "seen", facts->digest);
	push_details(page);
	push_said(page);
	if (page->request->is_asking)
	{
		push_ask(page);
		return;
	}
	push_actions(page);
	push_calendar(page);
}

/* A heading and a sentence. */
static void
push_sentence(Page *page, const char *name)
{
	push(page, "heading", page_text_of(&page->texts, name, "title"));
	push(page, "text", page_text_of(&page->texts, name, "text"));
}

/* {"sender", "address"} */
static Jsonb *
consent_values(const PageFacts *facts)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_if_given(&state, "sender", facts->sender);
	json_push_if_given(&state, "address", facts->recipient);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static void
push_unsubscribe(Page *page)
{
	push_word(page, "heading", "page.unsubscribe.title");
	begin_object(page, "ask");
	push(page, "question", page_text_with(&page->texts, "page.unsubscribe.ask", consent_values(page->facts)));
	push_word(page, "note", "page.unsubscribe.note");
	push(page, "action", PAGE_UNSUBSCRIBE);
	push_word(page, "yes", "page.unsubscribe.yes");
	end_object(page);
}

/* What was done, and a form that does the opposite. */
static void
push_consent(Page *page, const char *done, const char *opposite, const char *yes)
{
	push(page, "heading", page_text_of(&page->texts, done, "title"));
	push(page, "text", page_text_with(&page->texts, psprintf(PAGE_KEY "%s.text", done), consent_values(page->facts)));
	begin_object(page, "ask");
	push(page, "action", opposite);
	push_word(page, "yes", yes);
	end_object(page);
}

static void
push_view(Page *page)
{
	switch (page->request->view)
	{
		case VIEW_NOT_FOUND:
			push_sentence(page, "not_found");
			break;
		case VIEW_OVER:
			push_sentence(page, "over");
			break;
		case VIEW_APPOINTMENT:
			push_appointment(page);
			break;
		case VIEW_UNSUBSCRIBE:
			push_unsubscribe(page);
			break;
		case VIEW_UNSUBSCRIBED:
			push_consent(page, "unsubscribed", PAGE_RESUBSCRIBE, "page.resubscribe.yes");
			break;
		case VIEW_RESUBSCRIBED:
			push_consent(page, "resubscribed", PAGE_UNSUBSCRIBE, "page.unsubscribe.yes");
			break;
	}
}

/* The language of a page that no customer is known for: the first that the browser asks for and that has words. */
static const char *
browser_locale(void)
{
	char	   *header = request_header("accept-language");
	char	   *rest = NULL;

	for (char *item = header == NULL ? NULL : strtok_r(header, ",", &rest); item != NULL; item = strtok_r(NULL, ",", &rest))
	{
		item += strspn(item, " ");
		item[strcspn(item, "; ")] = '\0';
		if (words_language(item) >= 0)
			return item;
	}
	return "en";
}

static Jsonb *
page_values(const PageRequest *request, const PageFacts *facts)
{
	Page		page = {.request = request, .facts = facts};

	page.texts.locale = facts == NULL ? browser_locale() : facts->locale;
	page.texts.own = facts == NULL ? NULL : facts->texts;
	(void) pushJsonbValue(&page.state, WJB_BEGIN_OBJECT, NULL);
	push(&page, "lang", words_language_code(words_language(page.texts.locale)));
	push(&page, "dir", page_word(page.texts.locale, "direction"));
	push(&page, "style", web_page_css);
	push(&page, "script", web_page_js);
	push_labels(&page);
	push_notice(&page);
	if (facts != NULL)
	{
		push(&page, "token", request->token);
		push(&page, "sender", facts->sender);
		push_image(&page);
		push_contact(&page);
	}
	push_view(&page);
	return JsonbValueToJsonb(pushJsonbValue(&page.state, WJB_END_OBJECT, NULL));
}

/* Parsed once a session. */
static const Mustache *
page_template(void)
{
	static const Mustache *template = NULL;

	if (template == NULL)
	{
		MemoryContext previous = MemoryContextSwitchTo(TopMemoryContext);
		char	   *error = "";

		template = mustache_parse(web_page_html, &error);
		MemoryContextSwitchTo(previous);
		if (template == NULL)
			elog(ERROR, "the template of the page for customers is not valid: %s", error);
	}
	return template;
}

static char *
render(const PageRequest *request, const PageFacts *facts)
{
	char	   *error;

	return mustache_render(page_template(), page_values(request, facts), true, NULL, &error);
}

/* With words of the application that are too many the page has the built-in ones. */
bytea *
page_write(const PageRequest *request, PageFacts *facts)
{
	char	   *html = render(request, facts);

	if (html == NULL && facts != NULL && facts->texts != NULL)
	{
		facts->texts = NULL;
		html = render(request, facts);
	}
	if (html == NULL)
		elog(ERROR, "the page for customers cannot be written");
	page_set_headers(request->status, web_page_css, web_page_js);
	return (bytea *) cstring_to_text(pg_server_to_any(html, strlen(html), PG_UTF8));
}
