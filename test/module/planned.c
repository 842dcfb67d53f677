/*
 * planned.c
 *		Planning of events that concern users, also of the types that
 *		notify_users refuses because appt plans them itself.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "core/arguments.h"
#include "notify/planned.h"

PG_FUNCTION_INFO_V1(test_plan_user_event);

static NotificationType
type_argument(FunctionCallInfo fcinfo, int index)
{
	NotificationType type;

	if (!notification_type_from_code(text_to_cstring(PG_GETARG_TEXT_PP(index)), &type))
		elog(ERROR, "no such type");
	return type;
}

static Jsonb *
jsonb_argument(FunctionCallInfo fcinfo, int index)
{
	return PG_ARGISNULL(index) ? NULL : PG_GETARG_JSONB_P(index);
}

/* plan_user_event(application_id, type, user_ids, line_id, contact, title, payload), due now; the event's id */
Datum
test_plan_user_event(PG_FUNCTION_ARGS)
{
	UserEvent	event = {
		.application_id = *PG_GETARG_UUID_P(0),
		.type = type_argument(fcinfo, 1),
		.user_ids = fcinfo->args[2],
		.line_id = PG_ARGISNULL(3) ? NULL : PG_GETARG_UUID_P(3),
		.contact = jsonb_argument(fcinfo, 4),
		.title = text_argument(fcinfo, 5),
		.payload = jsonb_argument(fcinfo, 6),
		.due_at = GetCurrentTransactionStartTimestamp()
	};
	int64		id;

	SPI_connect();
	id = plan_user_event(&event);
	SPI_finish();
	PG_RETURN_INT64(id);
}
