/*
 * landing_page.c
 *		The page behind the links of a message, and its form.
 *
 * Scanners of mail follow every link, so reading the page changes nothing: a link
 * with an action asks, and only the form answers. Nothing that a person can send
 * raises an error, since PostgREST makes JSON of errors: what cannot be answered
 * is a page, too.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "channel/channel.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/text.h"
#include "notify/suppression.h"
#include "pages/page.h"
#include "render/iso8601.h"
#include "respond/response.h"
#include "respond/unsubscribe.h"

PG_FUNCTION_INFO_V1(landing_page);
PG_FUNCTION_INFO_V1(submit_response);

/* Arguments of both; those after the action only of submit_response. */
enum
{
	ARGUMENT_TOKEN, ARGUMENT_ACTION, ARGUMENT_REASON, ARGUMENT_PROPOSED_START_AT, ARGUMENT_SEEN
};

#define HTTP_OK 200
#define HTTP_BAD_REQUEST 400
#define HTTP_NOT_FOUND 404
#define HTTP_CONFLICT 409
#define HTTP_GONE 410

/* Bytes of a field that a form shows again at most: more than can be valid, while the page is limited in size. */
#define MAX_FIELD (8 * MAX_REASON_CHARACTERS)

static const PageNotice thanks = {"good", "page.thanks"};
static const PageNotice changed = {"care", "page.changed"};
static const PageNotice too_many = {"bad", "page.too_many"};
static const PageNotice not_offered = {"bad", "page.not_offered"};
static const PageNotice choose = {"bad", "page.error.action"};

/* NULL if it is left out or empty, which is what a form sends of an empty field. */
static char *
field(FunctionCallInfo fcinfo, int index)
{
	char	   *text = text_argument(fcinfo, index);

	return text == NULL || text[0] == '\0' ? NULL : text;
}

static bool
find_message(const char *token, LinkedMessage *message)
{
	return token != NULL && link_token_find(token, message);
}

/* Show what the page is about, unless that is over. */
static void
set_view(PageRequest *request, LinkPurpose purpose, const PageFacts *facts)
{
	request->status = HTTP_OK;
	if (purpose == LINK_UNSUBSCRIBE)
		request->view = VIEW_UNSUBSCRIBE;
	else if (!facts->is_over)
		request->view = VIEW_APPOINTMENT;
	else
	{
		request->view = VIEW_OVER;
		request->status = HTTP_GONE;
	}
}

static void
set_not_found(PageRequest *request)
{
	request->view = VIEW_NOT_FOUND;
	request->status = HTTP_NOT_FOUND;
}

/* A form for this action, if the message offers it. */
static void
ask(PageRequest *request, const PageFacts *facts, ResponseAction action)
{
	request->is_asking = page_offers(facts, action);
	request->action = action;
}

static Datum
return_page(Call *call, const PageRequest *request, PageFacts *facts)
{
	bytea	   *page = page_write(request, request->view == VIEW_NOT_FOUND ? NULL : facts);
	Datum		copy = call_copy(call, PointerGetDatum(page), false, -1);

	call_end(call);
	return copy;
}

/* Is it a message to a customer, which has pages? */
static bool
has_page(const LinkedMessage *message)
{
	return message->purpose == LINK_UNSUBSCRIBE || strcmp(message->recipient_kind, "CUSTOMER") == 0;
}

/*
 * appt.landing_page(token text = null, action text = null) -> bytea, as the domain
 *		that is named like any media type
 *
 * Changes nothing. Source: people.md, section 3.
 */
Datum
landing_page(PG_FUNCTION_ARGS)
{
	PageRequest request = {.now = GetCurrentTransactionStartTimestamp()};
	LinkedMessage message;
	PageFacts	facts;
	char	   *code;
	ResponseAction action;
	Call		call;

	call_begin(&call, fcinfo, CALLER_ALL);
	request.token = field(fcinfo, ARGUMENT_TOKEN);
	code = field(fcinfo, ARGUMENT_ACTION);
	set_not_found(&request);
	if (find_message(request.token, &message) && has_page(&message) && page_facts_read(&message, request.now, &facts))
	{
		set_view(&request, message.purpose, &facts);
		if (request.view == VIEW_APPOINTMENT && code != NULL && action_from_code(code, &action))
			ask(&request, &facts, action);
		if (request.view == VIEW_APPOINTMENT && facts.has_changed)
			request.notice = changed;
	}
	return return_page(&call, &request, &facts);
}

/* ---- the form ---- */

/* What the form has, besides the token. */
typedef struct FormFields
{
	const char *action;			/* NULL: absent, like the rest */
	char	   *reason;
	const char *proposal;
	const char *seen;
} FormFields;

/* Browsers send CR LF for the end of a line. */
static char *
plain_lines(char *text)
{
	char	   *end = text;

	if (text == NULL)
		return NULL;
	for (const char *c = text; *c != '\0'; c++)
		if (*c != '\r')
			*end++ = *c;
	*end = '\0';
	return text[0] == '\0' ? NULL : text;
}

static void
read_fields(FunctionCallInfo fcinfo, FormFields *fields)
{
	fields->action = field(fcinfo, ARGUMENT_ACTION);
	fields->reason = plain_lines(field(fcinfo, ARGUMENT_REASON));
	fields->proposal = field(fcinfo, ARGUMENT_PROPOSED_START_AT);
	fields->seen = field(fcinfo, ARGUMENT_SEEN);
}

/* Time without an offset is the customer's. False if it cannot be proposed. */
static bool
read_proposal(const FormFields *fields, const PageFacts *facts, ResponseRequest *response, TimestampTz now)
{
	char	   *error;

	if (fields->proposal == NULL || response->action != ACTION_RESCHEDULE)
		return true;
	return iso8601_parse(fields->proposal, facts->timezone, &response->proposed_start_at, &error) &&
		proposal_is_valid(response->proposed_start_at, now);
}

static const char *
clip_field(const char *text)
{
	char	   *clipped;

	if (text == NULL || strlen(text) < MAX_FIELD)
		return text;
	clipped = (char *) palloc(MAX_FIELD);
	copy_clipped(clipped, text, MAX_FIELD);
	return clipped;
}

/* What the form was filled in with. */
static void
keep_fields(PageRequest *request, const FormFields *fields)
{
	request->reason = clip_field(fields->reason);
	request->proposal = clip_field(fields->proposal);
}

/* The form once more, as it was filled in, with what is wrong. */
static void
refuse_form(PageRequest *request, const FormFields *fields, const PageFacts *facts, ResponseAction action, const char *error_key)
{
	request->status = HTTP_BAD_REQUEST;
	ask(request, facts, action);
	request->error_key = error_key;
	keep_fields(request, fields);
}

static void
show_outcome(PageRequest *request, ResponseOutcome outcome)
{
	switch (outcome)
	{
		case RESPONSE_RECORDED:
		case RESPONSE_REPEATED:
			request->notice = thanks;
			return;
		case RESPONSE_NOT_FOUND:
			set_not_found(request);
			return;
		case RESPONSE_OVER:
			request->view = VIEW_OVER;
			request->status = HTTP_GONE;
			return;
		case RESPONSE_TOO_MANY:
			request->notice = too_many;
			break;
		case RESPONSE_CHANGED:
			request->notice = changed;
			break;
		case RESPONSE_NOT_OFFERED:
			request->notice = not_offered;
			break;
	}
	request->status = HTTP_CONFLICT;
}

/* Record the answer, and read again what the page shows. What has changed is asked again. */
static void
record(PageRequest *request, const FormFields *fields, ResponseRequest *response, PageFacts *facts)
{
	ResponseOutcome outcome = response_record(response, request->now).outcome;

	if (!page_facts_read(response->message, request->now, facts))
	{
		set_not_found(request);
		return;
	}
	set_view(request, response->message->purpose, facts);
	show_outcome(request, facts->is_over ? RESPONSE_OVER : outcome);
	if (outcome == RESPONSE_CHANGED && !facts->is_over)
	{
		ask(request, facts, response->action);
		keep_fields(request, fields);
	}
}

static void
answer(PageRequest *request, const FormFields *fields, const LinkedMessage *message, PageFacts *facts)
{
	ResponseRequest response = {
		.message = message,
		.reason = fields->reason,
		.source = channel_infos[message->channel].response_source,
		.seen = fields->seen
	};

	if (fields->action == NULL || !action_from_code(fields->action, &response.action))
	{
		request->status = HTTP_BAD_REQUEST;
		request->notice = choose;
	}
	else if (fields->reason != NULL && pg_mbstrlen(fields->reason) > MAX_REASON_CHARACTERS)
		refuse_form(request, fields, facts, response.action, "page.error.reason");
	else if (!read_proposal(fields, facts, &response, request->now))
		refuse_form(request, fields, facts, response.action, "page.error.proposal");
	else
		record(request, fields, &response, facts);
}

/* Unsubscribe, or take that back. An address that was forgotten stays as it is. */
static void
consent(PageRequest *request, const FormFields *fields, const LinkedMessage *message, const PageFacts *facts)
{
	bool		is_opt_in = fields->action != NULL && pg_strcasecmp(fields->action, PAGE_RESUBSCRIBE) == 0;

	if (is_opt_in && facts->recipient != NULL && channel_address_is_valid(message->channel, facts->recipient))
		(void) consent_opt_in(&message->application_id, message->channel, facts->recipient);
	else if (!is_opt_in)
		unsubscribe_recipient(message);
	request->view = is_opt_in ? VIEW_RESUBSCRIBED : VIEW_UNSUBSCRIBED;
}

/*
 * appt.submit_response(token text = null, action text = null, reason text = null,
 *		proposed_start_at text = null, seen text = null) -> bytea, as above
 *
 * Source: people.md, section 3.
 */
Datum
submit_response(PG_FUNCTION_ARGS)
{
	PageRequest request = {.now = GetCurrentTransactionStartTimestamp()};
	LinkedMessage message;
	PageFacts	facts;
	FormFields	fields;
	Call		call;

	call_begin(&call, fcinfo, CALLER_ALL);
	request.token = field(fcinfo, ARGUMENT_TOKEN);
	read_fields(fcinfo, &fields);
	set_not_found(&request);
	if (find_message(request.token, &message) && has_page(&message) && page_facts_read(&message, request.now, &facts))
	{
		set_view(&request, message.purpose, &facts);
		if (request.view == VIEW_UNSUBSCRIBE)
			consent(&request, &fields, &message, &facts);
		else if (request.view == VIEW_APPOINTMENT)
			answer(&request, &fields, &message, &facts);
	}
	return return_page(&call, &request, &facts);
}
