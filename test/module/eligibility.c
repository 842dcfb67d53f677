/*-------------------------------------------------------------------------
 *
 * eligibility.c
 *	  The decisions about notifications: may it be sent, and what happens if not.
 *
 * One call of eligibility_mismatches checks one cell of the product (type,
 * channel, appointment's state, kind of try, clock) against all combinations
 * of what else may stand in the way ("defects"). What is expected is written
 * in SQL as an ordered list: the first entry whose defects are all present
 * tells the outcome.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "notify/eligibility.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(test_eligibility_mismatches);
PG_FUNCTION_INFO_V1(test_window_end);
PG_FUNCTION_INFO_V1(test_retry_decide);
PG_FUNCTION_INFO_V1(test_retry_wait);

/* Bits of a combination, in the order of appt_test.defect. */
enum
{
	CALL_STARTED, RECIPIENT_GONE, APPOINTMENT_OFF, GLOBAL_OFF, RULE_OFF,
	ROOM_DOES_NOT_ACTIVATE, PLATFORM_FORBIDS, ROUTE_MISSING, ROUTE_DISABLED,
	CHANNEL_UNAVAILABLE, SENDER_UNVERIFIED, ADDRESS_MISSING, ADDRESS_BAD,
	TEMPLATE_MISSING, NO_RULE_NEEDED, RECIPIENT_NOT_SENDER,
	ADDRESS_NOT_VERIFIED, NEVER_TOLD, USER_UNWILLING, USER_NO_ADMIN, USER_OFF
};
#define HAS(defects, bit) (((defects) & (1 << (bit))) != 0)

static const char *const conditions[] = {
	"NONE", "SCHEDULED", "ACTIVATED", "ENDED", "CANCELLED", "DELETED"
};

static NotificationType
type_arg(FunctionCallInfo fcinfo, int i)
{
	NotificationType type;

	if (!notification_type_from_code(text_to_cstring(PG_GETARG_TEXT_PP(i)), &type))
		elog(ERROR, "no such type");
	return type;
}

static AppointmentCondition
condition_arg(FunctionCallInfo fcinfo, int i)
{
	char	   *code = text_to_cstring(PG_GETARG_TEXT_PP(i));

	for (int condition = 0; condition < lengthof(conditions); condition++)
		if (strcmp(conditions[condition], code) == 0)
			return (AppointmentCondition) condition;
	elog(ERROR, "no such condition: %s", code);
}

static void
apply_defects(EligibilityInput *input, int defects)
{
	input->call_started = HAS(defects, CALL_STARTED);
	input->recipient_exists = !HAS(defects, RECIPIENT_GONE);
	input->appointment_switch = !HAS(defects, APPOINTMENT_OFF);
	input->global_switch = !HAS(defects, GLOBAL_OFF);
	input->rule_needed = !HAS(defects, NO_RULE_NEEDED);
	input->rule_enabled = !HAS(defects, RULE_OFF);
	input->never_told = HAS(defects, NEVER_TOLD);
	input->room_activates = !HAS(defects, ROOM_DOES_NOT_ACTIVATE);
	input->platform_allows = !HAS(defects, PLATFORM_FORBIDS);
	input->route_exists = !HAS(defects, ROUTE_MISSING);
	input->route_enabled = !HAS(defects, ROUTE_DISABLED);
	input->channel_available = !HAS(defects, CHANNEL_UNAVAILABLE);
	input->sender_verified = !HAS(defects, SENDER_UNVERIFIED);
	input->address_given = !HAS(defects, ADDRESS_MISSING);
	input->address_valid = !HAS(defects, ADDRESS_BAD);
	input->address_verified = !HAS(defects, ADDRESS_NOT_VERIFIED);
	input->user_wants = !HAS(defects, USER_UNWILLING);
	input->user_may_know = !HAS(defects, USER_NO_ADMIN);
	input->user_available = !HAS(defects, USER_OFF);
	input->template_exists = !HAS(defects, TEMPLATE_MISSING);
	input->recipient_is_sender = !HAS(defects, RECIPIENT_NOT_SENDER);
}

/* One entry of what is expected. */
typedef struct Expectation
{
	int			defects;
	Decision	decision;
	char	   *text;
} Expectation;

/* "SEND", "WAIT", or state and reason. */
static Decision
parse_outcome(const char *text)
{
	Decision	decision = {0};
	char	   *state = pstrdup(text);
	char	   *space = strchr(state, ' ');

	if (strcmp(text, "SEND") == 0)
		decision.verdict = VERDICT_SEND;
	else if (strcmp(text, "WAIT") == 0)
		decision.verdict = VERDICT_WAIT;
	else
	{
		decision.verdict = VERDICT_SETTLE;
		if (space == NULL)
			elog(ERROR, "no outcome: %s", text);
		*space = '\0';
		if (!state_from_code(state, &decision.state) || !reason_from_code(space + 1, &decision.reason))
			elog(ERROR, "no outcome: %s", text);
	}
	return decision;
}

static Expectation *
read_expectations(ArrayType *masks, ArrayType *outcomes, TimestampTz until, int *count)
{
	Datum	   *mask_values;
	Datum	   *outcome_values;
	int			outcome_count;
	Expectation *expectations;

	deconstruct_array(masks, INT4OID, 4, true, TYPALIGN_INT, &mask_values, NULL, count);
	deconstruct_array(outcomes, TEXTOID, -1, false, TYPALIGN_INT, &outcome_values, NULL, &outcome_count);
	if (*count != outcome_count)
		elog(ERROR, "as many outcomes as masks are needed");
	expectations = palloc(*count * sizeof(Expectation));
	for (int i = 0; i < *count; i++)
	{
		expectations[i].defects = DatumGetInt32(mask_values[i]);
		expectations[i].text = TextDatumGetCString(outcome_values[i]);
		expectations[i].decision = parse_outcome(expectations[i].text);
		if (expectations[i].decision.verdict == VERDICT_WAIT)
			expectations[i].decision.until = until;
	}
	return expectations;
}

static const Expectation *
find_expectation(const Expectation *expectations, int count, int defects)
{
	/* A rule that is not needed does not matter. */
	if (HAS(defects, NO_RULE_NEEDED))
		defects &= ~(1 << RULE_OFF);
	for (int i = 0; i < count; i++)
		if ((defects & expectations[i].defects) == expectations[i].defects)
			return &expectations[i];
	elog(ERROR, "nothing is expected");
}

static bool
is_expected(const Decision *got, const Decision *expected)
{
	if (got->verdict != expected->verdict)
		return false;
	if (got->verdict == VERDICT_WAIT)
		return got->until == expected->until;
	return got->verdict == VERDICT_SEND ||
		(got->state == expected->state && got->reason == expected->reason);
}

static char *
decision_text(const Decision *decision)
{
	switch (decision->verdict)
	{
		case VERDICT_SEND:
			return pstrdup("SEND");
		case VERDICT_WAIT:
			return psprintf("%s %s", decision->state == STATE_RETRYING ? "RETRYING" : "WAIT",
							timestamptz_to_str(decision->until));
		case VERDICT_SETTLE:
			return psprintf("%s %s", state_code(decision->state), reason_code(decision->reason));
	}
	return NULL;
}

/*
 * eligibility_mismatches(type, channel, condition, try, due_at, start_at, end_at, at,
 *		vary integer, masks integer[], outcomes text[], until timestamptz)
 *
 * NULL if all combinations of the defects in `vary` come out as expected, else
 * the first that does not.
 */
Datum
test_eligibility_mismatches(PG_FUNCTION_ARGS)
{
	EligibilityInput input = {0};
	char	   *try = text_to_cstring(PG_GETARG_TEXT_PP(3));
	TimestampTz now = PG_GETARG_TIMESTAMPTZ(7);
	int			vary = PG_GETARG_INT32(8);
	int			count;
	Expectation *expectations = read_expectations(PG_GETARG_ARRAYTYPE_P(9), PG_GETARG_ARRAYTYPE_P(10),
												  PG_GETARG_TIMESTAMPTZ(11), &count);

	input.type = type_arg(fcinfo, 0);
	if (!channel_from_code(text_to_cstring(PG_GETARG_TEXT_PP(1)), &input.channel))
		elog(ERROR, "no such channel");
	input.appointment = condition_arg(fcinfo, 2);
	input.is_attempted = strcmp(try, "FIRST") != 0;
	input.is_manual = strcmp(try, "MANUAL") == 0;
	input.times.due_at = PG_GETARG_TIMESTAMPTZ(4);
	input.next_attempt_at = input.is_attempted ? input.times.due_at : 0;
	input.times.start_at = PG_GETARG_TIMESTAMPTZ(5);
	input.times.end_at = PG_GETARG_TIMESTAMPTZ(6);

	/* All subsets of these bits, the empty one last. */
	for (int defects = vary; defects >= 0; defects = defects == 0 ? -1 : (defects - 1) & vary)
	{
		const Expectation *expected;
		Decision	got;

		expected = find_expectation(expectations, count, defects);
		apply_defects(&input, defects);
		got = eligibility_decide(&input, now);
		if (!is_expected(&got, &expected->decision))
			PG_RETURN_TEXT_P(cstring_to_text(psprintf("defects %d: expected %s, got %s", defects,
													  expected->text, decision_text(&got))));
	}
	PG_RETURN_NULL();
}

/* window_end(type, due_at, start_at, end_at) */
Datum
test_window_end(PG_FUNCTION_ARGS)
{
	NotificationTimes times = {
		PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_TIMESTAMPTZ(2), PG_GETARG_TIMESTAMPTZ(3)
	};

	PG_RETURN_TIMESTAMPTZ(window_end(type_arg(fcinfo, 0), &times));
}

/* retry_wait(attempt_count, base, cap, retry_after, jitter), in seconds */
Datum
test_retry_wait(PG_FUNCTION_ARGS)
{
	RetryInput	input = {0};

	input.attempt_count = PG_GETARG_INT32(0);
	input.retry_base = PG_GETARG_FLOAT8(1) * USECS_PER_SEC;
	input.retry_cap = PG_GETARG_FLOAT8(2) * USECS_PER_SEC;
	input.retry_after = PG_GETARG_FLOAT8(3) < 0 ? -1 : PG_GETARG_FLOAT8(3) * USECS_PER_SEC;
	input.jitter = PG_GETARG_FLOAT8(4);
	PG_RETURN_FLOAT8((double) retry_wait(&input) / USECS_PER_SEC);
}

/*
 * retry_decide(type, due_at, start_at, at, is_manual, attempt_count, max_attempts,
 *		final, superseded_by): base 10 s, cap 10 min, no jitter
 */
Datum
test_retry_decide(PG_FUNCTION_ARGS)
{
	RetryInput	input = {0};
	char	   *final = text_to_cstring(PG_GETARG_TEXT_PP(7));
	char	   *superseded_by = text_to_cstring(PG_GETARG_TEXT_PP(8));
	Decision	decision;

	input.type = type_arg(fcinfo, 0);
	input.times.due_at = PG_GETARG_TIMESTAMPTZ(1);
	input.times.start_at = PG_GETARG_TIMESTAMPTZ(2);
	input.is_manual = PG_GETARG_BOOL(4);
	input.attempt_count = PG_GETARG_INT32(5);
	input.max_attempts = PG_GETARG_INT32(6);
	input.retry_base = 10 * USECS_PER_SEC;
	input.retry_cap = 600 * USECS_PER_SEC;
	input.retry_after = -1;
	if (final[0] != '\0' && !reason_from_code(final, &input.final))
		elog(ERROR, "no such reason");
	if (superseded_by[0] != '\0' && !reason_from_code(superseded_by, &input.superseded_by))
		elog(ERROR, "no such reason");
	decision = retry_decide(&input, PG_GETARG_TIMESTAMPTZ(3));
	PG_RETURN_TEXT_P(cstring_to_text(decision.verdict == VERDICT_WAIT ?
									 psprintf("%s %s +%g", state_code(decision.state), reason_code(decision.reason),
											  (double) (decision.until - PG_GETARG_TIMESTAMPTZ(3)) / USECS_PER_SEC) :
									 decision_text(&decision)));
}
