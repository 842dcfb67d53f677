/*
 * page_appointment.c
 *		What a page shows of an appointment.
 */
#include "postgres.h"

#include "utils/formatting.h"

#include "core/text.h"
#include "pages/page_appointment.h"
#include "pages/page_times.h"
#include "render/calendar_link.h"

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

/* ---- details ---- */

/* One more row; with what the message said where that is something else. */
static void
push_row(Page *page, const char *key, const char *value, const char *before)
{
	if (value == NULL)
		return;
	page_begin_element(page);
	page_push_word(page, "label", key);
	page_push(page, "value", value);
	if (before != NULL && strcmp(before, value) != 0)
		page_push(page, "before", before);
	page_end(page);
	page->rows++;
}

typedef char *(*SpanWriter) (const Span *span, const char *locale);

/* Writing dates is most of the work of a page: what the message showed is written only where it is something else. */
static void
push_times(Page *page)
{
	static const struct
	{
		const char *key;
		SpanWriter	write;
	}			rows[] = {
		{"page.date", span_date_text},
		{"page.time", span_time_text},
		{"page.duration", span_duration_text}
	};
	const PageFacts *facts = page->facts;
	const char *locale = page->texts.locale;
	Span		now = {facts->start_at, facts->end_at, facts->timezone};
	Span		shown = {facts->shown.start_at, facts->shown.end_at, facts->shown.timezone};

	for (int i = 0; i < lengthof(rows); i++)
		push_row(page, rows[i].key, rows[i].write(&now, locale), facts->has_changed ? rows[i].write(&shown, locale) : NULL);
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

	page_begin_array(page, "rows");
	push_times(page);
	push_place(page);
	push_row(page, "page.organizer", facts->organizer_name, NULL);
	push_row(page, "page.meeting_type", has_type ? page_text_of(&page->texts, "meeting", facts->meeting_type) : NULL, NULL);
	push_row(page, "page.platform", facts->video_platform, NULL);
	page_end_array(page);
	page_push_flag(page, "has_rows", page->rows > 0);
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
	page_begin(page, "calendar");
	page_push(page, "google", google);
	page_push(page, "outlook", calendar_outlook_url(&event, &error));
	page_push(page, "id", event.uid);
	page_end(page);
}

/* ---- answers ---- */

static void
push_said(Page *page)
{
	const PageAnswer *answer = &page->facts->answer;
	char	   *when;

	if (!answer->is_given)
		return;
	page_begin(page, "said");
	page_push(page, "action", link_name(answer->action));
	page_push(page, "text", page_text_of(&page->texts, "said", code_of(answer->action)));
	page_push(page, "reason", answer->reason);
	if (answer->proposed_start_at != 0)
		page_push(page, "proposal", moment_text(answer->proposed_start_at, page->facts->timezone, page->texts.locale));
	when = moment_text(answer->created_at, page->facts->timezone, page->texts.locale);
	if (when != NULL)
		page_push(page, "when", page_text_with(&page->texts, "page.said.when", one_value("when", when)));
	page_push_flag(page, "may_change", page->facts->has_shown && !page->request->is_asking);
	page_end(page);
}

/* An action that needs no more words is sent by its button; another has a form of its own. */
static void
push_action(Page *page, ResponseAction action)
{
	page_begin_element(page);
	page_push(page, "action", link_name(action));
	page_push(page, "label", page_text(&page->texts, psprintf("button.%s", code_of(action))));
	page_push_flag(page, "direct", !page_asks_reason(page->facts, action));
	page_end(page);
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

	page_begin_array(page, "actions");
	for (int action = 0; action < RESPONSE_ACTIONS; action++)
		if (page_offers(page->facts, (ResponseAction) action) && !is_said(page->facts, (ResponseAction) action))
		{
			push_action(page, (ResponseAction) action);
			count++;
		}
	page_end_array(page);
	page_push_flag(page, "has_actions", count > 0);
}

/* The form's field for another time. Browsers send local time without an offset. */
static void
push_proposal(Page *page)
{
	const PageRequest *request = page->request;
	const char *timezone = page->facts->timezone;

	page_begin(page, "proposal");
	page_push(page, "min", field_time_text(request->now + USECS_PER_MINUTE, timezone));
	page_push(page, "value", request->proposal == NULL ? "" : request->proposal);
	page_push(page, "zone", page_text_with(&page->texts, "page.proposal.zone", one_value("zone", timezone)));
	page_push_flag(page, "is_wrong", request->error_key != NULL && strcmp(request->error_key, "page.error.proposal") == 0);
	page_end(page);
}

static void
push_reason(Page *page)
{
	const PageRequest *request = page->request;

	page_begin(page, "words");
	page_push(page, "value", request->reason == NULL ? "" : request->reason);
	page_push_flag(page, "is_wrong", request->error_key != NULL && strcmp(request->error_key, "page.error.reason") == 0);
	page_end(page);
}

static void
push_ask(Page *page)
{
	const PageRequest *request = page->request;
	ResponseAction action = request->action;

	page_begin(page, "ask");
	page_push(page, "question", page_text_of(&page->texts, "ask", code_of(action)));
	page_push(page, "action", link_name(action));
	page_push(page, "yes", page_text_of(&page->texts, "yes", code_of(action)));
	page_push_flag(page, "has_back", true);
	if (request->error_key != NULL)
		page_push_word(page, "error", request->error_key);
	if (action == ACTION_RESCHEDULE)
		push_proposal(page);
	if (page_asks_reason(page->facts, action))
		push_reason(page);
	page_end(page);
}

/* ---- the view ---- */

void
page_push_appointment(Page *page)
{
	const PageFacts *facts = page->facts;

	page_push(page, "heading", facts->title != NULL ? facts->title : page_text(&page->texts, "page.title"));
	if (facts->customer_name != NULL)
		page_push(page, "greeting", page_text_with(&page->texts, "page.hello", one_value("name", facts->customer_name)));
	page_push(page, "seen", facts->digest);
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
