/*
 * response.c
 *		Recording what a customer answers.
 *
 * The appointment is locked before anything else is read: what a response is
 * judged by is read after the wait for the lock. Nothing else is locked but the
 * participant's row, which only changes while the appointment is locked; so
 * nothing here can wait in a circle.
 */
#include "postgres.h"

#include "core/json.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "notify/planned.h"
#include "notify/reopened.h"
#include "respond/response.h"
#include "schedule/appointment.h"
#include "schedule/booking_state.h"

/* A response that is in the table. */
typedef struct KeptResponse
{
	int64		id;				/* 0: none */
	int64		notification_id;
	char	   *action;
	char	   *reason;
	TimestampTz proposed_start_at;
	char	   *source;
	TimestampTz created_at;
} KeptResponse;

/* What a response is judged by, as it is while the appointment is locked. */
typedef struct Situation
{
	AppointmentKey key;
	TimestampTz start_at;		/* of the appointment now, like the next three */
	TimestampTz end_at;
	char	   *timezone;
	char	   *location;
	TimestampTz updated_at;
	bool		is_over;
	bool		has_shown;		/* the message offers actions */
	Shown		shown;
	char	   *customer_name;	/* NULL: not known */
	int64		response_count; /* to this message */
	KeptResponse last;			/* of the customer */
} Situation;

/* ---- reading ---- */

/* False if the appointment is deleted. */
static bool
lock_appointment(const LinkedMessage *message, Situation *situation, TimestampTz now)
{
	static Statement lock = {
		"SELECT a.meeting_template_id IS NOT NULL, a.start_at, a.end_at, a.timezone, a.location, a.updated_at,"
		" a.state NOT IN ('SCHEDULED', 'ACTIVATED') OR a.end_at <= $3 OR a.archived_at IS NOT NULL"
		"  OR coalesce(" IS_BEFORE_REOPENING("$4", "$5", "a") ", false)"
		" FROM appt.appointment a WHERE a.application_id = $1 AND a.id = $2 FOR NO KEY UPDATE",
		5, {UUIDOID, UUIDOID, TIMESTAMPTZOID, INT8OID, TIMESTAMPTZOID}
	};
	Row		   *row;

	if (statement_run(&lock, UUIDPGetDatum(&message->application_id), UUIDPGetDatum(message->appointment_id),
					  TimestampTzGetDatum(now), Int64GetDatum(message->notification_id),
					  TimestampTzGetDatum(message->created_at)) == 0)
		return false;
	row = ROW(0);
	situation->key.application_id = message->application_id;
	situation->key.id = *message->appointment_id;
	situation->key.has_meeting_template = next_bool(row);
	situation->start_at = next_timestamp(row);
	situation->end_at = next_timestamp(row);
	situation->timezone = next_text(row);
	situation->location = next_text(row);
	situation->updated_at = next_timestamp(row);
	situation->is_over = next_bool(row);
	return true;
}

static void
read_last_response(KeptResponse *last, Row *row)
{
	last->id = next_int64(row);
	last->notification_id = next_int64(row);
	last->action = next_text(row);
	last->reason = next_text(row);
	last->proposed_start_at = next_timestamp(row);
	last->source = next_text(row);
	last->created_at = next_timestamp(row);
}

/* False if the customer was removed. */
static bool
read_customer(const LinkedMessage *message, Situation *situation)
{
	static Statement find = {
		"SELECT t.shown, nullif(concat_ws(' ', nullif(p.first_name, ''), nullif(p.last_name, '')), ''),"
		" (SELECT count(*) FROM appt.response r WHERE r.notification_id = $4),"
		" l.id, l.notification_id, l.action, l.reason, l.proposed_start_at, l.source, l.created_at"
		" FROM appt.participant p"
		" LEFT JOIN LATERAL (SELECT t.shown FROM appt.attempt t WHERE t.notification_id = $4"
		"  ORDER BY t.attempt_number DESC LIMIT 1) t ON true"
		" LEFT JOIN LATERAL (SELECT r.* FROM appt.response r"
		"  WHERE r.application_id = $1 AND r.appointment_id = $2 AND r.participant_id = $3"
		"  ORDER BY r.created_at DESC, r.id DESC LIMIT 1) l ON true"
		" WHERE p.application_id = $1 AND p.appointment_id = $2 AND p.id = $3 AND p.type = 'CUSTOMER'",
		4, {UUIDOID, UUIDOID, TEXTOID, INT8OID}
	};
	Row		   *row;

	if (statement_run(&find, UUIDPGetDatum(&message->application_id), UUIDPGetDatum(message->appointment_id),
					  text_datum(message->participant_id), Int64GetDatum(message->notification_id)) == 0)
		return false;
	row = ROW(0);
	situation->has_shown = shown_read(next_jsonb(row), &situation->shown);
	situation->customer_name = next_text(row);
	situation->response_count = next_int64(row);
	read_last_response(&situation->last, row);
	return true;
}

/* ---- judging ---- */

bool
proposal_is_valid(TimestampTz at, TimestampTz now)
{
	return !TIMESTAMP_NOT_FINITE(at) && at > now && at <= now + MAX_PROPOSAL_YEARS * INT64CONST(366) * USECS_PER_DAY;
}

static bool
is_to_customer(const LinkedMessage *message)
{
	return message->purpose == LINK_RESPOND && message->appointment_id != NULL &&
		strcmp(message->recipient_kind, "CUSTOMER") == 0;
}

/* Time and place as they are now. */
static char *
digest_of_now(const Situation *s)
{
	return shown_digest(s->start_at, s->end_at, s->timezone, s->location);
}

/* Is the appointment when and where the message said? */
static bool
is_as_sent(const Situation *situation)
{
	return strcmp(digest_of_shown(&situation->shown), digest_of_now(situation)) == 0;
}

/* Is it when and where the customer saw it, on a page or in the message? */
static bool
is_as_seen(const Situation *situation, const char *seen)
{
	return seen == NULL ? is_as_sent(situation) : strcmp(seen, digest_of_now(situation)) == 0;
}

/*
 * Whoever accepts once more, and has been shown another time meanwhile, says
 * something new.
 */
static bool
is_repeated(const ResponseRequest *request, const Situation *situation)
{
	const KeptResponse *last = &situation->last;

	return last->id != 0 && last->notification_id == request->message->notification_id &&
		strcmp(last->action, response_actions[request->action].code) == 0 &&
		is_same_text(last->reason, request->reason) && last->proposed_start_at == request->proposed_start_at &&
		(is_as_sent(situation) || last->created_at >= situation->updated_at);
}

/* Does one of the words that a text message can be answered with stand for it? */
static bool
has_reply_code(const Shown *shown, ResponseAction action)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	item;
	ResponseAction meant;

	if (shown->reply_codes == NULL || !JB_ROOT_IS_OBJECT(shown->reply_codes))
		return false;
	iterator = JsonbIteratorInit(&shown->reply_codes->root);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
		if (token == WJB_VALUE && item.type == jbvString && action_from_code(json_text(&item), &meant) && meant == action)
			return true;
	return false;
}

/* By a button, or by a word to answer with. */
static bool
is_offered(const Situation *situation, ResponseAction action)
{
	return situation->has_shown &&
		((situation->shown.buttons & BUTTON_BIT((int) action)) != 0 || has_reply_code(&situation->shown, action));
}

static ResponseOutcome
judge(const ResponseRequest *request, const Situation *situation)
{
	if (situation->is_over)
		return RESPONSE_OVER;
	if (!is_offered(situation, request->action))
		return RESPONSE_NOT_OFFERED;
	if (!is_as_seen(situation, request->seen))
		return RESPONSE_CHANGED;
	if (is_repeated(request, situation))
		return RESPONSE_REPEATED;
	if (situation->response_count >= MAX_RESPONSES_PER_MESSAGE)
		return RESPONSE_TOO_MANY;
	return RESPONSE_RECORDED;
}

/* ---- writing ---- */

/* The response, and the customer's last response, in one statement; the response's id. */
static int64
write_response(const ResponseRequest *request, TimestampTz now)
{
	static Statement write = {
		"WITH last AS ("
		" UPDATE appt.participant SET response = $9, responded_at = $10"
		" WHERE application_id = $1 AND appointment_id = $2 AND id = $3"
		") INSERT INTO appt.response (application_id, appointment_id, participant_id, notification_id, action, reason,"
		"  proposed_start_at, source, raw, created_at)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $11, $10) RETURNING id",
		11, {
			UUIDOID, UUIDOID, TEXTOID, INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID
		}
	};
	const LinkedMessage *message = request->message;
	const ResponseActionInfo *action = &response_actions[request->action];
	const NullableDatum arguments[] = {
		sql_uuid(&message->application_id),
		sql_uuid(message->appointment_id),
		sql_text(message->participant_id),
		SQL_VALUE(Int64GetDatum(message->notification_id)),
		sql_text(action->code),
		sql_text(request->reason),
		sql_time(request->proposed_start_at),
		sql_text(request->source),
		sql_text(action->participant_response),
		SQL_VALUE(TimestampTzGetDatum(now)),
		sql_text(request->raw)
	};

	(void) statement_run_nullable(&write, arguments);
	return next_int64(ROW(0));
}

/* ---- telling ---- */

/* As payloads write times; NULL: none. */
static char *
proposal_text(TimestampTz at)
{
	StringInfoData text;

	if (at == 0)
		return NULL;
	initStringInfo(&text);
	append_timestamp(&text, at, ALL_DIGITS);
	return text.data;
}

static void
push_answer(JsonbParseState **state, const ResponseRequest *request, int64 id)
{
	json_push_number(state, "responseId", id);
	json_push_member(state, "action", response_actions[request->action].code);
	json_push_member(state, "proposedStart", proposal_text(request->proposed_start_at));
	json_push_member(state, "source", request->source);
}

/* For an outsider nothing about the customer. A NULL name is left out. */
static Jsonb *
event_of_response(const ResponseRequest *request, int64 id, bool has_customer, const char *customer_name)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_answer(&state, request, id);
	if (has_customer)
	{
		json_push_member(&state, "participantId", request->message->participant_id);
		json_push_member(&state, "reason", request->reason);
		json_push_if_given(&state, "customerName", customer_name);
	}
	else
		json_push_member(&state, "audience", "OUTSIDER");
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static void
tell(const ResponseRequest *request, const Situation *situation, int64 id, TimestampTz now)
{
	TiedUsersEvent event = {
		.type = TYPE_RESPONSE,
		.to_users = event_of_response(request, id, true, situation->customer_name),
		.to_outsiders = event_of_response(request, id, false, NULL),
		.to_subscribers = event_of_response(request, id, true, NULL),
		.now = now
	};

	plan_tied_users_event(&situation->key, &event);
}

ResponseResult
response_record(const ResponseRequest *request, TimestampTz now)
{
	Situation	situation = {.is_over = true};
	ResponseResult result = {RESPONSE_NOT_FOUND};

	if (!is_to_customer(request->message))
		return result;
	if (lock_appointment(request->message, &situation, now) && !read_customer(request->message, &situation))
		situation.is_over = true;
	result.outcome = judge(request, &situation);
	if (result.outcome == RESPONSE_REPEATED)
	{
		result.id = situation.last.id;
		result.source = situation.last.source;
		result.created_at = situation.last.created_at;
	}
	else if (result.outcome == RESPONSE_RECORDED)
	{
		result.id = write_response(request, now);
		result.source = request->source;
		result.created_at = now;
		if (situation.key.has_meeting_template)
			booking_state_set(&situation.key, response_actions[request->action].booking_state);
		tell(request, &situation, result.id, now);
	}
	return result;
}
