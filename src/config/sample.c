/*
 * sample.c
 *		Sample values of what messages tell.
 *
 * Every name that a template may contain has a value, including links that the
 * application is not set up for, because a sample is about the layout of the
 * template.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "config/sample.h"
#include "core/json.h"

#define SAMPLE_ROOM_URL "https://video.example.com"
#define SAMPLE_TICKET "abc-def-ghi"
#define SAMPLE_PUBLIC_URL "https://appointments.example.com"
#define SAMPLE_ID "00000000-0000-0000-0000-000000000000"

typedef struct SampleValue
{
	const char *name;
	const char *value;
} SampleValue;

static const SampleValue customer[] = {
	{"firstName", "Maria"},
	{"lastName", "Sample"},
	{"fullName", "Maria Sample"},
	{"username", "maria.sample"},
	{NULL}
};

static const SampleValue appointment[] = {
	{"customerName", "Maria Sample"},
	{"title", "Sample appointment"},
	{"notes", "Sample notes"},
	{"location", "Sample location"},
	{"organizer", "sample-agent"},
	{"cancelReason", "Sample reason"},
	{NULL}
};

static const SampleValue response[] = {
	{"action", "DECLINE"},
	{"isDecline", "true"},
	{"customerName", "Maria Sample"},
	{"reason", "Sample reason"},
	{NULL}
};

static const SampleValue contact[] = {
	{"name", "Maria Sample"},
	{"phone", "+15550100000"},
	{"email", "maria.sample@example.com"},
	{"id", "sample-contact"},
	{NULL}
};

/* The members that built-in templates know (render/builtin_user_templates.c), except for the link. */
static const SampleValue payload[] = {
	{"text", "This is a sample: nothing has happened."},
	{"by", "Sam Sample"},
	{"integration", "Sample integration"},
	{"result", "Sample result"},
	{"duration", "0:42"},
	{"pages", "3"},
	{"due", "Tomorrow"},
	{NULL}
};

/* As render/builtin_report_templates.c has it. */
static const char report[] =
"{\"day\": \"Sample day\", \"timezone\": \"UTC\", \"subjects\": ["
"{\"subject\": \"Sample subject\", \"columns\": [\"Sent\", \"Failed\"], \"lastError\": \"Sample error\", \"days\": ["
"{\"day\": \"Sample day\", \"isLatest\": true, \"cells\": ["
"{\"label\": \"sent\", \"value\": \"42\", \"isFirst\": true}, {\"label\": \"failed\", \"value\": \"1\", \"isFirst\": false}]},"
"{\"day\": \"The day before\", \"isLatest\": false, \"cells\": ["
"{\"label\": \"sent\", \"value\": \"38\", \"isFirst\": true}, {\"label\": \"failed\", \"value\": \"0\", \"isFirst\": false}]}]}]}";

static char *
sample_url(const char *base, const char *sample_base, const char *rest)
{
	const char *start = base == NULL || base[0] == '\0' ? sample_base : base;
	size_t		length = strlen(start);

	while (length > 0 && start[length - 1] == '/')
		length--;
	return psprintf("%.*s/%s", (int) length, start, rest);
}

static void
push_values(JsonbParseState **state, const SampleValue *values)
{
	for (; values->name != NULL; values++)
		json_push_member(state, values->name, values->value);
}

void
push_sample_customer(JsonbParseState **state)
{
	push_values(state, customer);
}

void
push_sample_appointment(JsonbParseState **state, const SampleLinks *links)
{
	push_values(state, appointment);
	json_push_member(state, "joinUrl", sample_url(links->room_url, SAMPLE_ROOM_URL, SAMPLE_TICKET));
	json_push_member(state, "icalUrl", sample_url(links->public_url, SAMPLE_PUBLIC_URL,
												  "rpc/ical_event?id=" SAMPLE_ID));
	json_push_member(state, "googleCalendarUrl", sample_url(links->public_url, SAMPLE_PUBLIC_URL,
															"rpc/google_calendar_event?id=" SAMPLE_ID));
	json_push_member(state, "outlookCalendarUrl", sample_url(links->public_url, SAMPLE_PUBLIC_URL,
															 "rpc/outlook_calendar_event?id=" SAMPLE_ID));
	json_push_member(state, "invitation", "true");
}

void
push_sample_response(JsonbParseState **state)
{
	json_push_text(state, WJB_KEY, "response");
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_values(state, response);
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

void
push_sample_event(JsonbParseState **state, const SampleLinks *links, bool has_line)
{
	json_push_text(state, WJB_KEY, "contact");
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_values(state, contact);
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
	if (has_line)
		json_push_member(state, "line", "Sample line");
	json_push_text(state, WJB_KEY, "payload");
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_values(state, payload);
	json_push_member(state, "url", sample_url(links->public_url, SAMPLE_PUBLIC_URL, "sample"));
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

void
push_sample_report(JsonbParseState **state)
{
	json_push_jsonb(state, "report", DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(report))));
}
