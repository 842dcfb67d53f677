/*
 * auto_reply.c
 *		Automatic answers to text messages.
 *
 * A machine may be at the other end, which answers, too. So there are few answers
 * within an hour, whatever they say, and none to numbers that the application has
 * never written to, to short codes, and to its own numbers.
 *
 * What was answered is counted under a lock for the number: a row of
 * inbound_message that was answered has reply_id, and an index holds these alone.
 * There is one lock for each 1,024th of an application's numbers, because the
 * lock table is finite and a transaction may record many messages.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/snapmgr.h"

#include "channel/phone.h"
#include "core/json.h"
#include "core/locks.h"
#include "core/row.h"
#include "core/statement.h"
#include "inbound/auto_reply.h"
#include "notify/planned.h"
#include "render/page_words.h"

/* Locks that a transaction takes in an application at most. */
#define REPLY_LOCKS 1024

void
auto_reply_lock(const pg_uuid_t *application_id, const char *number)
{
	uint32		application = hash_bytes((const unsigned char *) application_id->data, UUID_LEN);
	uint64		hash = hash_bytes_extended((const unsigned char *) number, (int) strlen(number), application);
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, application, (uint32) (hash % REPLY_LOCKS), LOCK_AUTO_REPLY);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

/* ---- whether ---- */

/* Of what others have committed by now, too. */
static bool
may_answer(const AutoReply *reply)
{
	static Statement ask = {
		"SELECT (SELECT count(*) FROM (SELECT FROM appt.inbound_message m"
		"   WHERE m.application_id = $1 AND m.from_number = $2 AND m.reply_id IS NOT NULL"
		"    AND m.created_at > $3 - interval '1 hour' LIMIT $4) r) < $4"
		"  AND NOT EXISTS (SELECT FROM appt.line_number l WHERE l.application_id = $1 AND l.number = $2)"
		"  AND NOT EXISTS (SELECT FROM appt.provider p"
		"   WHERE p.application_id = $1 AND p.channel = 'SMS' AND p.enabled AND (p.sender = $2"
		"    OR $5 AND p.settings -> 'stop_replies' = 'false'))"
		"  AND EXISTS (SELECT FROM appt.attempt a WHERE a.recipient = $2 AND a.application_id = $1)",
		5, {UUIDOID, TEXTOID, TIMESTAMPTZOID, INT8OID, BOOLOID}, true
	};
	bool		may;

	if (!phone_number_is_valid(reply->number) || strcmp(reply->number, reply->own_number) == 0)
		return false;
	PushActiveSnapshot(GetLatestSnapshot());
	(void) statement_run(&ask, UUIDPGetDatum(&reply->application_id), text_datum(reply->number),
						 TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()),
						 Int64GetDatum(MAX_AUTO_REPLIES), BoolGetDatum(reply->is_left_to_carrier));
	PopActiveSnapshot();
	may = next_bool(ROW(0));
	return may;
}

/* ---- what ---- */

/* The person who is answered, and the templates for the action. */
typedef struct Answered
{
	char	   *first_name;
	char	   *last_name;
	char	   *locale;			/* of the words; NULL: English */
	char	   *template;		/* of the rule, else of the application; NULL:
								 * none */
} Answered;

/* Of a number without an appointment only the application is known. */
static Answered
find_answered(const AutoReply *reply)
{
#define LOCALES "(SELECT ordinality, replace(lower(l), '_', '-') AS locale FROM unnest(" \
	"ARRAY[p.locale, t.locale, a.locale]) WITH ORDINALITY AS c (l, ordinality) WHERE l IS NOT NULL)"
	static Statement find = {
		"SELECT p.first_name, p.last_name, coalesce(p.locale, t.locale, a.locale),"
		"  CASE WHEN $5 IS NOT NULL THEN coalesce("
		"   (SELECT r.auto_replies ->> $5 FROM appt.rule r WHERE r.application_id = $1 AND r.id = $4),"
		"   (SELECT w.text_body FROM appt.template w, " LOCALES " c"
		"    WHERE w.application_id = $1 AND w.type = 'AUTO_REPLY' AND w.channel = 'SMS' AND w.rule_id IS NULL"
		"     AND (w.meeting_template_id IS NULL OR w.meeting_template_id = t.meeting_template_id)"
		"     AND replace(lower(w.locale), '_', '-') IN (c.locale, split_part(c.locale, '-', 1))"
		"    ORDER BY w.meeting_template_id IS NULL, c.ordinality, length(w.locale) DESC LIMIT 1)) END"
		" FROM appt.application a"
		"  LEFT JOIN LATERAL (SELECT x.locale, x.meeting_template_id FROM appt.appointment x"
		"   WHERE x.application_id = $1 AND x.id = $2 OFFSET 0) t ON true"
		"  LEFT JOIN LATERAL (SELECT y.first_name, y.last_name, y.locale FROM appt.participant y"
		"   WHERE y.application_id = $1 AND y.appointment_id = $2 AND y.id = $3 OFFSET 0) p ON true"
		" WHERE a.id = $1",
		5, {UUIDOID, UUIDOID, TEXTOID, INT8OID, TEXTOID}
	};
	const LinkedMessage *message = reply->coded == NULL ? NULL : &reply->coded->message;
	const NullableDatum arguments[] = {
		sql_uuid(&reply->application_id),
		sql_uuid(message == NULL ? NULL : message->appointment_id),
		sql_text(message == NULL ? NULL : message->participant_id),
		message == NULL || message->rule_id == 0 ? SQL_NULL : SQL_VALUE(Int64GetDatum(message->rule_id)),
		sql_text(reply->action)
	};
	Answered	answered = {0};
	Row		   *row;

	if (statement_run_nullable(&find, arguments) == 0)
		return answered;
	row = ROW(0);
	answered.first_name = next_text(row);
	answered.last_name = next_text(row);
	answered.locale = next_text(row);
	answered.template = next_text(row);
	return answered;
}

/* {"firstName", "lastName", "payload": {"action": "ACCEPT", "ACCEPT": "ACCEPT"}}: a section for each action */
static Jsonb *
reply_data(const AutoReply *reply, const Answered *answered)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_if_given(&state, "firstName", answered->first_name);
	json_push_if_given(&state, "lastName", answered->last_name);
	if (reply->action != NULL)
	{
		json_push_text(&state, WJB_KEY, "payload");
		(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		json_push_member(&state, "action", reply->action);
		json_push_member(&state, reply->action, reply->action);
		(void) pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* What it is composed from (notify/compose.c). */
static Jsonb *
reply_context(const AutoReply *reply, const Answered *answered)
{
	JsonbParseState *state = NULL;
	JsonbValue	passes = {.type = jbvBool, .val.boolean = true};
	const char *words = answered->template != NULL ? answered->template : page_word(answered->locale, reply->words);

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(&state, "text_body", words);
	json_push_if_given(&state, "locale", answered->locale);
	json_push_jsonb(&state, "data", reply_data(reply, answered));
	if (reply->passes_opt_out)
	{
		json_push_text(&state, WJB_KEY, "passes_opt_out");
		(void) pushJsonbValue(&state, WJB_VALUE, &passes);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

int64
auto_reply(const AutoReply *reply)
{
	Answered	answered;
	NamedMessage message = {
		.application_id = reply->application_id,
		.appointment_id = reply->coded == NULL ? NULL : reply->coded->message.appointment_id,
		.type = TYPE_AUTO_REPLY,
		.channel = CHANNEL_SMS,
		.recipient_kind = "ADDRESS",
		.recipient_id = reply->number,
		.address = reply->number,
		.due_at = GetCurrentTransactionStartTimestamp()
	};

	if (!may_answer(reply))
		return 0;
	answered = find_answered(reply);
	message.context = reply_context(reply, &answered);
	return plan_named_message(&message);
}
