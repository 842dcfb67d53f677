/*
 * page_facts.c
 *		What the page for customers shows.
 *
 * One statement finds nearly all by primary keys. Others find the customer's last
 * answer, and the words that the application replaces, where there are any.
 */
#include "postgres.h"

#include "core/column.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "notify/reopened.h"
#include "pages/page_facts.h"
#include "render/locales.h"
#include "render/page_words.h"

/* Bytes of a text that a page shows at most. */
#define MAX_SHOWN_TEXT 2000

static char *
next_shown_text(Row *row)
{
	char	   *text = next_text(row);
	char	   *clipped;

	if (text == NULL || text[0] == '\0')
		return NULL;
	if (strlen(text) < MAX_SHOWN_TEXT)
		return text;
	clipped = (char *) palloc(MAX_SHOWN_TEXT);
	copy_clipped(clipped, text, MAX_SHOWN_TEXT);
	return clipped;
}

/* The first of the next three columns, of customer, appointment and application, in which there are words. */
static char *
next_locale(Row *row)
{
	char	   *found = NULL;

	for (int i = 0; i < 3; i++)
	{
		char	   *locale = next_text(row);

		if (found == NULL && locale != NULL && words_language(locale) >= 0 && locale_is_known(locale))
			found = locale;
	}
	return found == NULL ? "en" : found;
}

static void
read_appointment(Row *row, PageFacts *facts)
{
	facts->is_over = !next_bool(row);
	facts->title = next_shown_text(row);
	facts->start_at = next_timestamp(row);
	facts->end_at = next_timestamp(row);
	facts->timezone = next_text(row);
	facts->location = next_text(row);
	facts->sequence = next_int32(row);
	facts->updated_at = next_timestamp(row);
	facts->room_url = next_shown_text(row);
	facts->customer_name = next_shown_text(row);
	facts->organizer_name = next_shown_text(row);
	facts->meeting_type = next_text(row);
	facts->video_platform = next_shown_text(row);
}

/* The appointment is open to a customer until it ends, is cancelled or archived; to messages of before it was reopened no more. */
#define IS_OPEN \
	"(a.state IN ('SCHEDULED', 'ACTIVATED') AND a.end_at > $6 AND a.archived_at IS NULL AND c.id IS NOT NULL" \
	" AND " IS_BEFORE_REOPENING("$4", "$7", "a") " IS NOT TRUE)"

/* Starting a plan costs more than these rows: each table gives no more columns than needed, and none is joined for a single one. */
static uint64
find_facts(const LinkedMessage *message, TimestampTz now)
{
	static Statement find = {
		"SELECT p.name, p.contact, p.sender_image, c.locale, a.locale, p.locale, t.recipient,"
		" " IS_OPEN ", CASE WHEN a.has_own_title THEN a.title ELSE a.title_for_customers END, a.start_at, a.end_at, a.timezone,"
		" a.location, a.sequence, a.updated_at, (SELECT o.url FROM appt.room_access o WHERE o.application_id = $1 AND o.appointment_id = $2),"
		" nullif(concat_ws(' ', nullif(c.first_name, ''), nullif(c.last_name, '')), ''),"
		" (SELECT u.name FROM appt.user_profile u WHERE u.application_id = $1 AND u.id = a.organizer_id AND a.organizer_type = 'AGENT'),"
		" m.meeting_type, m.video_platform, t.shown,"
		" (SELECT w.ask_reason FROM appt.rule w WHERE w.application_id = $1 AND w.id = $5), c.response IS NOT NULL,"
		" EXISTS (SELECT FROM appt.page_text x WHERE x.application_id = $1)"
		" FROM (SELECT p.name, p.contact, p.sender_image, p.locale FROM appt.application p WHERE p.id = $1 OFFSET 0) p"
		" LEFT JOIN LATERAL (SELECT t.shown, t.recipient FROM appt.attempt t WHERE t.notification_id = $4"
		"  ORDER BY t.attempt_number DESC LIMIT 1) t ON true"
		" LEFT JOIN LATERAL (SELECT c.id, c.locale, c.first_name, c.last_name, c.response FROM appt.participant c"
		"  WHERE c.application_id = $1 AND c.appointment_id = $2 AND c.id = $3 AND c.type = 'CUSTOMER' OFFSET 0) c ON true"
		" LEFT JOIN LATERAL (SELECT a.locale, a.state, a.start_at, a.end_at, a.archived_at, a.reopened_at, a.reopened_after, a.has_own_title,"
		"  a.title, a.title_for_customers, a.timezone, a.location, a.sequence, a.updated_at, a.organizer_id,"
		"  a.organizer_type, a.meeting_template_id"
		"  FROM appt.appointment a WHERE a.application_id = $1 AND a.id = $2 OFFSET 0) a ON true"
		" LEFT JOIN LATERAL (SELECT m.meeting_type, m.video_platform FROM appt.meeting_template m WHERE m.application_id = $1"
		"  AND m.id = a.meeting_template_id OFFSET 0) m ON true",
		7, {UUIDOID, UUIDOID, TEXTOID, INT8OID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID}
	};
	const NullableDatum arguments[] = {
		sql_uuid(&message->application_id),
		sql_uuid(message->appointment_id),
		sql_text(message->participant_id),
		SQL_VALUE(Int64GetDatum(message->notification_id)),
		SQL_VALUE(Int64GetDatum(message->rule_id)),
		SQL_VALUE(TimestampTzGetDatum(now)),
		SQL_VALUE(TimestampTzGetDatum(message->created_at))
	};

	return statement_run_nullable(&find, arguments);
}

static void
read_answer(const LinkedMessage *message, PageAnswer *answer)
{
	static Statement find = {
		"SELECT r.action, r.reason, r.proposed_start_at, r.created_at FROM appt.response r"
		" WHERE r.application_id = $1 AND r.appointment_id = $2 AND r.participant_id = $3"
		" ORDER BY r.application_id DESC, r.appointment_id DESC, r.participant_id DESC, r.created_at DESC, r.id DESC LIMIT 1",
		3, {UUIDOID, UUIDOID, TEXTOID}
	};
	Row		   *row;

	if (statement_run(&find, UUIDPGetDatum(&message->application_id), UUIDPGetDatum(message->appointment_id),
					  text_datum(message->participant_id)) == 0)
		return;
	row = ROW(0);
	answer->is_given = action_from_code(next_text(row), &answer->action);
	answer->reason = next_text(row);
	answer->proposed_start_at = next_timestamp(row);
	answer->created_at = next_timestamp(row);
}

/* The more special locale's text wins. */
static Jsonb *
find_texts(const LinkedMessage *message, const char *locale)
{
	static Statement find = {
		"SELECT jsonb_object_agg(x.key, left(x.text, " CppAsString2(MAX_SHOWN_TEXT) ") ORDER BY array_position($2, x.locale) DESC)"
		" FROM appt.page_text x WHERE x.application_id = $1 AND x.locale = ANY ($2)",
		2, {UUIDOID, TEXTARRAYOID}
	};
	char		chain[LOCALE_MAX_FALLBACKS][LOCALE_MAX_LENGTH];
	int			count = locale_fallbacks(locale, NULL, chain);
	Column	   *locales = column_create(TEXTOID, count);

	for (int i = 0; i < count; i++)
		column_add_text(locales, chain[i]);
	(void) statement_run(&find, UUIDPGetDatum(&message->application_id), column_array(locales));
	return next_jsonb(ROW(0));
}

static bytea *
next_bytes(Row *row)
{
	NullableDatum value = next_value(row);

	return value.isnull ? NULL : DatumGetByteaPCopy(value.value);
}

/* Of the appointment as it is now, and whether the message showed another time or place. */
static void
compare_with_shown(PageFacts *facts)
{
	if (facts->timezone == NULL)
		return;
	facts->digest = shown_digest(facts->start_at, facts->end_at, facts->timezone, facts->location);
	facts->has_changed = facts->has_shown && strcmp(digest_of_shown(&facts->shown), facts->digest) != 0;
}

bool
page_facts_read(const LinkedMessage *message, TimestampTz now, PageFacts *facts)
{
	char	   *recipient;
	bool		has_answer;
	bool		has_texts;
	Row		   *row;

	memset(facts, 0, sizeof(PageFacts));
	if (find_facts(message, now) == 0)
		return false;
	row = ROW(0);
	facts->sender = next_shown_text(row);
	facts->contact = next_jsonb(row);
	facts->image = next_bytes(row);
	facts->locale = next_locale(row);
	recipient = next_shown_text(row);
	facts->recipient = recipient != NULL ? recipient : message->address;
	if (message->appointment_id != NULL)
		facts->appointment_id = *message->appointment_id;
	read_appointment(row, facts);
	facts->has_shown = shown_read(next_jsonb(row), &facts->shown);
	facts->asks_reason = next_bool(row);
	has_answer = next_bool(row);
	has_texts = next_bool(row);
	compare_with_shown(facts);
	if (has_answer)
		read_answer(message, &facts->answer);
	if (has_texts)
		facts->texts = find_texts(message, facts->locale);
	return true;
}

bool
page_offers(const PageFacts *facts, ResponseAction action)
{
	return facts->has_shown && (facts->shown.buttons & BUTTON_BIT((int) action)) != 0;
}

bool
page_asks_reason(const PageFacts *facts, ResponseAction action)
{
	return action == ACTION_RESCHEDULE || (action == ACTION_DECLINE && facts->asks_reason);
}
