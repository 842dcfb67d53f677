/*
 * consent.c
 *		Whether an address that is suppressed gets a message, and hashes of
 *		addresses.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "notify/eligibility.h"
#include "worker/bounces.h"

PG_FUNCTION_INFO_V1(test_suppressed);
PG_FUNCTION_INFO_V1(test_bounces_left);
PG_FUNCTION_INFO_V1(test_address_key);

static SuppressionSet
suppressions_argument(FunctionCallInfo fcinfo, int index)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(index);
	SuppressionSet set = 0;
	Datum	   *values;
	int			count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		Reason		reason;

		if (!reason_from_code(TextDatumGetCString(values[i]), &reason))
			elog(ERROR, "no such reason");
		set |= SUPPRESSION_BIT(reason);
	}
	return set;
}

/* Nothing else stands in the way of a message by hand or by itself. */
static EligibilityInput
nothing_in_the_way(bool is_manual, bool is_attempted)
{
	return (EligibilityInput)
	{
		.is_manual = is_manual, .is_attempted = is_attempted, .appointment = CONDITION_SCHEDULED,
			.times =
		{
			.due_at = 1000, .start_at = 2000, .end_at = 3000
		},
			.next_attempt_at = 1000, .room_activates = true, .recipient_exists = true, .appointment_switch = true,
			.global_switch = true, .rule_needed = true, .rule_enabled = true, .user_wants = true, .user_may_know = true,
			.user_available = true, .platform_allows = true, .route_exists = true, .route_enabled = true,
			.channel_available = true, .sender_verified = true, .address_given = true, .address_valid = true,
			.address_verified = true, .template_exists = true
	};
}

/*
 * suppressed(channel, reasons text[], is_to_user, ignores_opt_out, try, defect)
 *
 * The state and reason, or SEND, of a CREATE with this obstacle besides: '', global off, address
 * bad, template missing.
 */
Datum
test_suppressed(PG_FUNCTION_ARGS)
{
	char	   *try = text_to_cstring(PG_GETARG_TEXT_PP(4));
	char	   *defect = text_to_cstring(PG_GETARG_TEXT_PP(5));
	EligibilityInput input = nothing_in_the_way(strcmp(try, "MANUAL") == 0, strcmp(try, "FIRST") != 0);
	Decision	decision;

	if (!channel_from_code(text_to_cstring(PG_GETARG_TEXT_PP(0)), &input.channel))
		elog(ERROR, "no such channel");
	input.suppressions = suppressions_argument(fcinfo, 1);
	input.is_to_user = PG_GETARG_BOOL(2);
	input.ignores_opt_out = PG_GETARG_BOOL(3);
	input.global_switch = strcmp(defect, "global off") != 0;
	input.address_valid = strcmp(defect, "address bad") != 0;
	input.template_exists = strcmp(defect, "template missing") != 0;
	decision = eligibility_decide(&input, 1000);
	if (decision.verdict == VERDICT_SEND)
		PG_RETURN_TEXT_P(cstring_to_text("SEND"));
	if (decision.verdict == VERDICT_WAIT)
		PG_RETURN_TEXT_P(cstring_to_text("WAIT"));
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s %s", state_code(decision.state), reason_code(decision.reason))));
}

/* address_key(byte, channel, address): the hash by a key of this byte alone */
Datum
test_address_key(PG_FUNCTION_ARGS)
{
	ApplicationKey key;
	ChannelCode channel;

	memset(key.bytes, PG_GETARG_INT32(0), sizeof(key.bytes));
	if (!channel_from_code(text_to_cstring(PG_GETARG_TEXT_PP(1)), &channel))
		elog(ERROR, "no such channel");
	PG_RETURN_BYTEA_P(address_key(&key, channel, text_to_cstring(PG_GETARG_TEXT_PP(2))));
}

/* bounces_left(attempt): how many attempts are left for later when the address of this one is suppressed */
Datum
test_bounces_left(PG_FUNCTION_ARGS)
{
	int64		attempt_id = PG_GETARG_INT64(0);
	int			left;

	SPI_connect();
	left = list_length(bounces_suppress(list_make1(&attempt_id)));
	SPI_finish();
	PG_RETURN_INT32(left);
}
