/*
 * planned.c
 *		Planning for users, and for a recipient that is named, without the SQL
 *		functions that do so for applications.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "notify/planned.h"

PG_FUNCTION_INFO_V1(test_plan_user_event);
PG_FUNCTION_INFO_V1(test_plan_named_webhook);

static NotificationType
type_argument(FunctionCallInfo fcinfo, int index)
{
	NotificationType type;

	if (!notification_type_from_code(text_to_cstring(PG_GETARG_TEXT_PP(index)), &type))
		elog(ERROR, "no such type");
	return type;
}

/* plan_user_event(application_id, type, user_ids, line_id, payload), due now */
Datum
test_plan_user_event(PG_FUNCTION_ARGS)
{
	UserEvent	event = {
		.application_id = *PG_GETARG_UUID_P(0),
		.type = type_argument(fcinfo, 1),
		.user_ids = fcinfo->args[2],
		.line_id = PG_ARGISNULL(3) ? NULL : PG_GETARG_UUID_P(3),
		.payload = PG_ARGISNULL(4) ? NULL : PG_GETARG_JSONB_P(4),
		.due_at = GetCurrentTransactionStartTimestamp()
	};
	int64		id;

	SPI_connect();
	id = plan_user_event(&event);
	SPI_finish();
	PG_RETURN_INT64(id);
}

/* plan_named_webhook(application_id, type, subscription_id), due now */
Datum
test_plan_named_webhook(PG_FUNCTION_ARGS)
{
	NamedMessage message = {
		.application_id = *PG_GETARG_UUID_P(0),
		.type = type_argument(fcinfo, 1),
		.channel = CHANNEL_WEBHOOK,
		.recipient_kind = "SUBSCRIBER",
		.recipient_id = DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(2))),
		.subscription_id = PG_GETARG_UUID_P(2),
		.due_at = GetCurrentTransactionStartTimestamp()
	};
	int64		id;

	SPI_connect();
	id = plan_named_message(&message);
	SPI_finish();
	PG_RETURN_INT64(id);
}
