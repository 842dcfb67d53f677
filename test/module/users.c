/*
 * users.c
 *		Planning what users are told, and messages to named recipients, as the
 *		code behind the SQL functions does.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "core/text.h"
#include "notify/planned.h"

PG_FUNCTION_INFO_V1(test_tell_users);
PG_FUNCTION_INFO_V1(test_send_named);

static NotificationType
type_argument(FunctionCallInfo fcinfo, int index)
{
	NotificationType type;

	if (!notification_type_from_code(text_to_cstring(PG_GETARG_TEXT_PP(index)), &type))
		elog(ERROR, "no such type");
	return type;
}

static char *
text_or_null(FunctionCallInfo fcinfo, int index)
{
	return PG_ARGISNULL(index) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(index));
}

static Jsonb *
jsonb_or_null(FunctionCallInfo fcinfo, int index)
{
	return PG_ARGISNULL(index) ? NULL : PG_GETARG_JSONB_P(index);
}

/* tell_users(application_id, type, user_ids, line_id, contact, title, payload), due now; the event's id */
Datum
test_tell_users(PG_FUNCTION_ARGS)
{
	UserEvent	event = {
		.application_id = *PG_GETARG_UUID_P(0),
		.type = type_argument(fcinfo, 1),
		.user_ids = fcinfo->args[2],
		.line_id = PG_ARGISNULL(3) ? NULL : PG_GETARG_UUID_P(3),
		.contact = jsonb_or_null(fcinfo, 4),
		.title = text_or_null(fcinfo, 5),
		.payload = jsonb_or_null(fcinfo, 6),
		.due_at = GetCurrentTransactionStartTimestamp()
	};
	int64		id;

	SPI_connect();
	id = plan_user_event(&event);
	SPI_finish();
	PG_RETURN_INT64(id);
}

/* send_named(application_id, type, channel, recipient_kind, recipient_id, address, context), due now */
Datum
test_send_named(PG_FUNCTION_ARGS)
{
	NamedMessage message = {
		.application_id = *PG_GETARG_UUID_P(0),
		.type = type_argument(fcinfo, 1),
		.recipient_kind = text_or_null(fcinfo, 3),
		.recipient_id = text_or_null(fcinfo, 4),
		.address = text_or_null(fcinfo, 5),
		.context = jsonb_or_null(fcinfo, 6),
		.due_at = GetCurrentTransactionStartTimestamp()
	};
	pg_uuid_t	subscription_id;
	int64		id;

	if (!channel_from_code(text_or_null(fcinfo, 2), &message.channel))
		elog(ERROR, "no such channel");
	if (channel_infos[message.channel].route == ROUTE_SUBSCRIPTION &&
		uuid_parse(message.recipient_id, &subscription_id))
		message.subscription_id = &subscription_id;
	SPI_connect();
	id = plan_named_message(&message);
	SPI_finish();
	PG_RETURN_INT64(id);
}
