/*
 * notify_users.c
 *		Telling users of what happened in an application: a call, a voicemail, a
 *		mention, a sync.
 *
 * The type decides whom an event reaches and by which channels
 * (core/vocabulary.c), and preferences decide what each user wants. Arguments
 * and what they name are checked before anything is written. One statement then
 * stores the event and plans its notifications (notify/planned.h).
 */
#include "postgres.h"

#include "access/xact.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/idempotency.h"
#include "core/keep_application.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/notification_scope.h"
#include "notify/planned.h"

PG_FUNCTION_INFO_V1(notify_users);

/* Arguments of notify_users. */
enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_TYPE, ARGUMENT_USER_IDS, ARGUMENT_LINE_ID, ARGUMENT_CONTACT,
	ARGUMENT_TITLE, ARGUMENT_PAYLOAD, ARGUMENT_IDEMPOTENCY_KEY
};

/* Users that one call names at most. */
#define MAX_USER_IDS 1000

static const char *const contact_members[] = {"name", "phone", "email", "id", NULL};

/* ---- the arguments ---- */

static bool
is_told_by_callers(NotificationType type)
{
	return notification_types[type].is_told_by_callers;
}

static NotificationType
read_type(FunctionCallInfo fcinfo)
{
	char	   *code = required_text(fcinfo, ARGUMENT_TYPE, "type");
	NotificationType type;

	if (!notification_type_from_code(code, &type))
		report_unlisted(notification_type_codes(is_told_by_callers), "unknown notification type",
						"\"%s\" is not a notification type.", code);
	if (!is_told_by_callers(type))
		report_unlisted(notification_type_codes(is_told_by_callers), "notify_users does not plan this type",
						"Notifications of type \"%s\" have other causes.", code);
	return type;
}

static void
check_user_id(Datum id, bool is_null)
{
	Size		length = is_null ? 0 : VARSIZE_ANY_EXHDR(DatumGetPointer(id));

	if (length == 0)
		report_invalid("a user id is missing", "An element of \"user_ids\" is null or empty.");
	if (length > CALLER_MAX_USER_ID)
		report_invalid("a user id is too long", "An element of \"user_ids\" has %zu bytes, more than %d.",
					   length, CALLER_MAX_USER_ID);
}

static void
check_user_ids(ArrayType *user_ids)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(user_ids, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	if (count < 1 || count > MAX_USER_IDS)
		report_invalid("wrong number of users", "\"user_ids\" has %d elements; it must have from 1 to %d.",
					   count, MAX_USER_IDS);
	for (int i = 0; i < count; i++)
		check_user_id(elements[i], nulls[i]);
}

/* The users that the caller names: required, optional or not taken, as the type is tied to users. */
static NullableDatum
read_user_ids(FunctionCallInfo fcinfo, const NotificationTypeInfo *type)
{
	if (type->ties & TIE_NAMED)
		require_argument(fcinfo, ARGUMENT_USER_IDS, "user_ids");
	if (PG_ARGISNULL(ARGUMENT_USER_IDS))
		return SQL_NULL;
	if ((type->ties & (TIE_NAMED | TIE_RUNG)) == 0)
		report_invalid("the type takes no user_ids", "The users who get %s are not chosen by the caller.", type->code);
	check_user_ids(PG_GETARG_ARRAYTYPE_P(ARGUMENT_USER_IDS));
	return SQL_VALUE(PG_GETARG_DATUM(ARGUMENT_USER_IDS));
}

static const pg_uuid_t *
read_line_id(FunctionCallInfo fcinfo, const NotificationTypeInfo *type)
{
	if (type->ties & LINE_TIES)
		require_argument(fcinfo, ARGUMENT_LINE_ID, "line_id");
	return PG_ARGISNULL(ARGUMENT_LINE_ID) ? NULL : PG_GETARG_UUID_P(ARGUMENT_LINE_ID);
}

static Jsonb *
read_contact(FunctionCallInfo fcinfo)
{
	Jsonb	   *contact = optional_object(fcinfo, ARGUMENT_CONTACT, "contact");

	if (contact == NULL)
		return NULL;
	check_members(&contact->root, contact_members, "contact");
	for (const char *const *member = contact_members; *member != NULL; member++)
		(void) member_text(contact, *member, psprintf("contact.%s", *member));
	return contact;
}

/* NULL if it is left out or empty. */
static char *
read_title(FunctionCallInfo fcinfo)
{
	char	   *title = limited_text(fcinfo, ARGUMENT_TITLE, "title");

	return title == NULL || title[0] == '\0' ? NULL : title;
}

static void
read_event(FunctionCallInfo fcinfo, UserEvent *event)
{
	const NotificationTypeInfo *type;

	event->type = read_type(fcinfo);
	type = &notification_types[event->type];
	event->user_ids = read_user_ids(fcinfo, type);
	event->line_id = read_line_id(fcinfo, type);
	event->contact = read_contact(fcinfo);
	event->title = read_title(fcinfo);
	event->payload = optional_object(fcinfo, ARGUMENT_PAYLOAD, "payload");
	event->due_at = GetCurrentTransactionStartTimestamp();
}

/* PT404: the application, the line or a user does not exist. */
static void
require_named(const UserEvent *event)
{
	static Statement find = {
		"SELECT $2 IS NULL OR EXISTS (SELECT FROM appt.line l WHERE l.application_id = $1 AND l.id = $2),"
		" (SELECT n.user_id FROM unnest($3) AS n (user_id)"
		"  WHERE NOT EXISTS (SELECT FROM appt.user_profile u WHERE u.application_id = $1 AND u.id = n.user_id) LIMIT 1)"
		" FROM appt.application a WHERE a.id = $1" KEEP_APPLICATION,
		3, {UUIDOID, UUIDOID, TEXTARRAYOID}
	};
	const NullableDatum arguments[] = {
		sql_uuid(&event->application_id), sql_uuid(event->line_id), event->user_ids
	};
	Row		   *row;
	char	   *unknown_user;

	if (statement_run_nullable(&find, arguments) == 0)
		report_not_found("application", &event->application_id);
	row = ROW(0);
	if (!next_bool(row))
		report_not_found("line", event->line_id);
	unknown_user = next_text(row);
	if (unknown_user != NULL)
		report_text_not_found("user", unknown_user);
}

/* ---- the call ---- */

/* A call that is repeated with its key is answered before anything is checked. Returns the event's id. */
static int64
tell_once(FunctionCallInfo fcinfo, const pg_uuid_t *application_id)
{
	KeyedCall  *keyed = keyed_call(fcinfo, application_id, ARGUMENT_IDEMPOTENCY_KEY);
	CallResult *first = keyed_call_claim(keyed);
	UserEvent	event = {.application_id = *application_id};
	int64		id;

	if (first != NULL)
		return first->user_event_id;
	read_event(fcinfo, &event);
	require_named(&event);
	id = plan_user_event(&event);
	keyed_call_keep(keyed, &(CallResult) {.user_event_id = id});
	return id;
}

static void
return_notifications(FunctionCallInfo fcinfo, int64 user_event_id)
{
	static Statement find = {
		"SELECT " NOTIFICATION_DETAILS " FROM appt.notification n WHERE n.user_event_id = $1 ORDER BY n.id",
		1, {INT8OID}
	};
	const NullableDatum argument = SQL_VALUE(Int64GetDatum(user_event_id));

	statement_store(&find, &argument, ((ReturnSetInfo *) fcinfo->resultinfo)->setResult);
}

/*
 * appt.notify_users(application_id uuid, type text, user_ids text[] = null, line_id uuid = null,
 *		contact jsonb = null, title text = null, payload jsonb = null, idempotency_key text = null)
 *		-> setof appt.notification_details
 *
 * Returns what it planned; nothing if nobody wants to be told. 22023: an invalid
 * argument. PT404: no such application, line or user. PT409: the idempotency_key
 * belongs to a call with other arguments. Source: people.md, section 2;
 * aloware-notification-settings.txt.
 */
Datum
notify_users(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *application_id;
	Call		call;

	InitMaterializedSRF(fcinfo, 0);
	call_begin(&call, fcinfo, CALLER_CLIENT_SERVICE);
	require_arguments(fcinfo, 2);
	application_id = required_uuid(fcinfo, ARGUMENT_APPLICATION_ID, "application_id");
	if (!caller_may_use_application(&call.caller, application_id))
		report_not_found("application", application_id);
	return_notifications(fcinfo, tell_once(fcinfo, application_id));
	call_end(&call);
	return (Datum) 0;
}
