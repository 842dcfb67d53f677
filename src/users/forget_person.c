/*
 * forget_person.c
 *		Blanking all that tells of a person.
 *
 * The locks are those of an event, in the same order: appointments, then
 * notifications. So it may wait for callers and for the worker's short
 * transactions, and nobody waits for it in a circle. A message that is being sent
 * is left as it is, because its attempt will be written when its outcome is known:
 * it is counted, and blanked by a further call; one to the person is not tried
 * again. Until then customers and events are left, too: a further call finds the
 * messages by them.
 *
 * What people have written about an appointment, and a title made from a meeting
 * template, may hold the name of a customer: such texts are blanked as a whole. A
 * title from a template is made anew with the next booking state.
 *
 * A dry run does the same in a subtransaction and takes it back, so that it counts
 * what a confirmed call would do.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/memutils.h"
#include "utils/datum.h"
#include "utils/resowner.h"

#include "core/json.h"
#include "notify/supersede.h"
#include "users/person.h"

PG_FUNCTION_INFO_V1(forget_person);

/* Not NULL, and told apart from every address. */
#define FORGOTTEN "'-'"

#define CUSTOMERS "unnest($3, $4) c (appointment_id, id)"

#define WITHOUT_NAME(column) column " = CASE WHEN NOT " HOLDS_NAME("a." column) " THEN a." column " END"

/* By its customers and events a further call finds what is being sent now. */
#define NOTHING_IS_SENT "NOT EXISTS (SELECT FROM appt.notification n WHERE n.id = ANY ($5 || $6) AND n.state = 'SENDING')"

#define OMITTED(column) \
	"(SELECT jsonb_object_agg(e.key, CASE WHEN e.value = 'null' THEN e.value" \
	"  ELSE jsonb_build_object('omitted', octet_length(e.value::text)) END) FROM jsonb_each(h." column ") e)"

typedef struct Step
{
	const char *name;			/* of what it counts */
	Statement	statement;
} Step;

#define STEP(name, sql) {name, {sql, PERSON_PARAMETERS, PERSON_TYPES}}

static Step steps[] = {
	STEP("cancelled",
		 "WITH queued AS ("
		 " DELETE FROM appt.due d USING appt.notification n WHERE n.id = ANY ($5) AND n.state IN ('PENDING', 'RETRYING')"
		 "  AND d.lane = n.lane AND d.due_at = n.next_attempt_at AND d.notification_id = n.id"
		 ") UPDATE appt.notification SET " SET_CANCELLED("'WITHDRAWN'")
		 " WHERE id = ANY ($5) AND state IN ('PENDING', 'RETRYING')"),
	STEP("being_sent",
		 "UPDATE appt.notification"
		 " SET superseded_by = CASE WHEN id = ANY ($5) THEN coalesce(superseded_by, 'WITHDRAWN') ELSE superseded_by END"
		 " WHERE id = ANY ($5 || $6) AND state = 'SENDING'"),
	STEP("notification",
		 "UPDATE appt.notification SET address = NULL, title = NULL, detail = NULL, context = NULL, event = NULL,"
		 "  recipient_id = CASE recipient_kind WHEN 'ADDRESS' THEN " FORGOTTEN " ELSE recipient_id END"
		 " WHERE id = ANY ($5) AND state <> 'SENDING'"),
	STEP("told",
		 "UPDATE appt.notification n SET detail = NULL,"
		 "  title = CASE WHEN user_event_id IS NULL AND NOT " HOLDS_NAME("n.title") " AND EXISTS (SELECT FROM appt.appointment a"
		 "   WHERE a.application_id = n.application_id AND a.id = n.appointment_id) THEN title END,"
		 "  event = event - '{reason,customerName,participantId}'::text[],"
		 "  context = CASE WHEN settled_at IS NULL THEN context END"
		 " WHERE id = ANY ($6) AND state <> 'SENDING'"),
	STEP("attempt",
		 "UPDATE appt.attempt a SET subject = NULL, text_body = NULL, html_body = NULL, response = NULL, error = NULL,"
		 "  shown = CASE WHEN n.recipient_kind = 'CUSTOMER' AND n.id <> ALL ($5) THEN a.shown END,"
		 "  recipient = CASE WHEN n.id <> ALL ($5) THEN a.recipient END"
		 " FROM appt.notification n WHERE n.id = ANY ($5 || $6) AND n.state <> 'SENDING' AND a.notification_id = n.id"),
	STEP("idempotency_key",
		 "UPDATE appt.idempotency_key k SET arguments = decode(repeat('00', 32), 'hex') WHERE k.notification_id = ANY ($5)"),
	STEP("appointment",
		 "UPDATE appt.appointment a SET " WITHOUT_NAME("title") ", " WITHOUT_NAME("title_for_customers") ", "
		 WITHOUT_NAME("notes") ", " WITHOUT_NAME("cancel_reason") ","
		 "  told = (SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(a.told) e WHERE NOT " JSON_HOLDS_NAME("e.value") ")"
		 " WHERE a.application_id = $1 AND a.id = ANY ($3)"
		 "  AND (" HOLDS_NAME("concat_ws(' ', a.title, a.title_for_customers, a.notes, a.cancel_reason)")
		 "   OR " JSON_HOLDS_NAME("a.told") ")"),
	STEP("participant",
		 "UPDATE appt.participant p SET username = NULL, first_name = NULL, last_name = NULL, email = NULL, phone = NULL,"
		 "  metadata = '{}', preferred_channel = NULL"
		 " FROM " CUSTOMERS " WHERE p.application_id = $1 AND p.appointment_id = c.appointment_id AND p.id = c.id"
		 "  AND " NOTHING_IS_SENT),
	STEP("response",
		 "UPDATE appt.response r SET reason = NULL, raw = NULL FROM " CUSTOMERS
		 " WHERE r.application_id = $1 AND r.appointment_id = c.appointment_id AND r.participant_id = c.id"),
	STEP("inbound_message",
		 "UPDATE appt.inbound_message SET from_number = " FORGOTTEN ", text = NULL"
		 " WHERE application_id = $1 AND from_number = ANY ($2)"),
	STEP("one_time_code",
		 "DELETE FROM appt.one_time_code WHERE application_id = $1 AND purpose = 'CUSTOMER' AND contact = ANY ($2)"),
	STEP("user_event",
		 "UPDATE appt.user_event SET contact = NULL, title = NULL, payload = NULL WHERE application_id = $1 AND id = ANY ($7)"
		 "  AND " NOTHING_IS_SENT),
	STEP("suppression",
		 "UPDATE appt.suppression SET address = NULL, source = NULL"
		 " WHERE application_id = $1 AND (address = ANY ($2) OR lower(address) = ANY ($2))"),

	/*
	 * Triggers of suppression, participant and appointment have just written
	 * old values: last.
	 */
	STEP("appointment_change",
		 "UPDATE appt.change h SET old_values = " OMITTED("old_values") ", new_values = " OMITTED("new_values")
		 " WHERE h.application_id = $1 AND h.table_name = 'appointment' AND h.row_key ->> 'id' = ANY ($3::text[])"
		 "  AND " JSON_HOLDS_NAME("concat_ws(' ', h.old_values, h.new_values)")),
	STEP("suppression_change",
		 "UPDATE appt.change h SET old_values = " OMITTED("old_values") ", new_values = " OMITTED("new_values")
		 " WHERE h.application_id = $1 AND h.table_name = 'suppression' AND h.row_key ->> 'id' IN ("
		 "  SELECT s.id::text FROM appt.suppression s WHERE s.application_id = $1 AND s.address IS NULL)"),
	STEP("change",
		 "UPDATE appt.change h SET old_values = " OMITTED("old_values") ", new_values = " OMITTED("new_values")
		 " FROM " CUSTOMERS " WHERE h.application_id = $1 AND h.table_name = 'participant'"
		 "  AND h.row_key ->> 'appointment_id' = c.appointment_id::text AND h.row_key ->> 'id' = c.id")
};

/* What was done to how many rows, by the name of the table. */
static Jsonb *
forget(Person *person, MemoryContext context)
{
	JsonbParseState *state = NULL;
	MemoryContext old;
	Jsonb	   *counts;

	person_find(person, true);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < lengthof(steps); i++)
		json_push_number(&state, steps[i].name, (int64) person_run(&steps[i].statement, person));
	counts = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	old = MemoryContextSwitchTo(context);
	counts = (Jsonb *) DatumGetPointer(datumCopy(JsonbPGetDatum(counts), false, -1));
	(void) MemoryContextSwitchTo(old);
	return counts;
}

/* The same, taken back. */
static Jsonb *
forget_nothing(Person *person, MemoryContext context)
{
	MemoryContext old_context = CurrentMemoryContext;
	ResourceOwner old_owner = CurrentResourceOwner;
	Jsonb	   *counts;

	BeginInternalSubTransaction(NULL);
	(void) MemoryContextSwitchTo(old_context);
	counts = forget(person, context);
	RollbackAndReleaseCurrentSubTransaction();
	(void) MemoryContextSwitchTo(old_context);
	CurrentResourceOwner = old_owner;
	return counts;
}

/*
 * appt.forget_person(application_id uuid, address text, confirmed boolean = false)
 *		-> jsonb
 *
 * Errors as person.h. Source: people.md section 4.
 */
Datum
forget_person(PG_FUNCTION_ARGS)
{
	bool		is_confirmed = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	Person		person;
	Jsonb	   *counts;
	Call		call;

	call_begin(&call, fcinfo, CALLER_ADMIN);
	person = person_of_arguments(&call.caller, fcinfo);
	if (is_confirmed)
	{
		counts = forget(&person, call.context);
		person_record(&person, "forget_person", counts);
	}
	else
		counts = forget_nothing(&person, call.context);
	call_end(&call);
	PG_RETURN_JSONB_P(counts);
}
