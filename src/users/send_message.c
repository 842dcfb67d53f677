/*
 * send_message.c
 *		Any message of an application, in its own transaction.
 *
 * The message is composed from templates and data that the call brings, which
 * wait in notification.context: {"subject", "text_body", "html_body", "data"}
 * (notify/compose.c). It is judged and sent like every other one.
 *
 * What a channel takes is said by its columns in core/vocabulary.c: whether it
 * has texts, a subject, HTML, and whom it reaches.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "channel/channel.h"
#include "config/template_argument.h"
#include "config/user_checks.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/idempotency.h"
#include "core/json.h"
#include "core/keep_application.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "notify/notification_scope.h"
#include "notify/planned.h"

PG_FUNCTION_INFO_V1(send_message);

/* Arguments of send_message. */
enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_CHANNEL, ARGUMENT_RECIPIENT, ARGUMENT_TEXT_BODY, ARGUMENT_SUBJECT,
	ARGUMENT_HTML_BODY, ARGUMENT_DUE_AT, ARGUMENT_EXPIRES_AT, ARGUMENT_DATA, ARGUMENT_IDEMPOTENCY_KEY
};

/* How far ahead a message may be due or expire: 10 years. */
#define MAX_DAYS_AHEAD 3653

/* The templates of a message; NULL: none. */
typedef struct Texts
{
	char	   *subject;
	char	   *text_body;
	char	   *html_body;
} Texts;

/* ---- texts and data ---- */

static Texts
read_texts(FunctionCallInfo fcinfo)
{
	Texts		texts;

	texts.text_body = template_argument(fcinfo, ARGUMENT_TEXT_BODY, "text_body", false);
	texts.subject = template_argument(fcinfo, ARGUMENT_SUBJECT, "subject", false);
	texts.html_body = template_argument(fcinfo, ARGUMENT_HTML_BODY, "html_body", false);
	return texts;
}

static void
refuse_unless(bool is_taken, const char *text, const char *name, const ChannelInfo *channel)
{
	if (text != NULL && !is_taken)
		report_invalid("the channel does not take this argument", "A message over %s has no \"%s\".", channel->code, name);
}

static void
check_texts(const Texts *texts, const ChannelInfo *channel)
{
	refuse_unless(channel->has_template, texts->text_body, "text_body", channel);
	refuse_unless(channel->has_subject, texts->subject, "subject", channel);
	refuse_unless(channel->has_html, texts->html_body, "html_body", channel);
	if (channel->has_template && texts->text_body == NULL && texts->html_body == NULL)
		report_invalid("a message needs a body", "A message over %s has %s.", channel->code,
					   channel->has_html ? "\"text_body\", \"html_body\" or both" : "\"text_body\"");
}

/* Templates may do without data; without templates it is the message. */
static Jsonb *
read_data(FunctionCallInfo fcinfo, const ChannelInfo *channel)
{
	if (!channel->has_template)
		return required_object(fcinfo, ARGUMENT_DATA, "data");
	return optional_object(fcinfo, ARGUMENT_DATA, "data");
}

static Jsonb *
message_context(const Texts *texts, const Jsonb *data)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_if_given(&state, "subject", texts->subject);
	json_push_if_given(&state, "text_body", texts->text_body);
	json_push_if_given(&state, "html_body", texts->html_body);
	if (data != NULL)
		json_push_jsonb(&state, "data", data);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* ---- times ---- */

static TimestampTz
read_time(FunctionCallInfo fcinfo, int index, const char *name, TimestampTz now)
{
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(index);

	if (TIMESTAMP_NOT_FINITE(at))
		report_invalid("time out of range", "\"%s\" is not finite.", name);
	if (at > now + MAX_DAYS_AHEAD * USECS_PER_DAY)
		report_invalid("time out of range", "\"%s\" is %s, more than %d days ahead.", name,
					   timestamp_text(at), MAX_DAYS_AHEAD);
	return at;
}

/* A message that could not be sent any more is refused. */
static void
check_window(const NamedMessage *message, TimestampTz now)
{
	if (message->expires_at == 0)
	{
		if (message->due_at < now - notification_types[message->type].window_length)
			report_invalid("the message is too late", "\"due_at\" is %s, and there is no \"expires_at\".",
						   timestamp_text(message->due_at));
	}
	else if (message->expires_at <= Max(message->due_at, now))
		report_invalid("the message expires before it can be sent", "\"expires_at\" is %s, not after \"due_at\" and now.",
					   timestamp_text(message->expires_at));
}

static void
read_times(FunctionCallInfo fcinfo, NamedMessage *message)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();

	message->due_at = now;
	if (!PG_ARGISNULL(ARGUMENT_DUE_AT))
		message->due_at = read_time(fcinfo, ARGUMENT_DUE_AT, "due_at", now);
	if (!PG_ARGISNULL(ARGUMENT_EXPIRES_AT))
		message->expires_at = read_time(fcinfo, ARGUMENT_EXPIRES_AT, "expires_at", now);
	check_window(message, now);
}

/* ---- the recipient ---- */

static ChannelCode
read_channel(FunctionCallInfo fcinfo)
{
	char	   *code = required_text(fcinfo, ARGUMENT_CHANNEL, "channel");
	ChannelCode channel;

	if (!channel_from_code(code, &channel))
		report_unlisted(channel_code_list(NULL), "unknown channel", "\"%s\" is not a channel.", code);
	return channel;
}

/* What is known of a recipient's name. */
typedef struct Found
{
	char	   *calling_code;	/* of the application; NULL: none */
	bool		user_exists;	/* a user has this id */
	char	   *url;			/* of the subscription; NULL: there is none */
} Found;

/* PT404: no such application. */
static Found
find(const NamedMessage *message)
{
	static Statement find = {
		"SELECT a.calling_code,"
		" EXISTS (SELECT FROM appt.user_profile u WHERE u.application_id = a.id AND u.id = $2),"
		" (SELECT s.url FROM appt.subscription s WHERE s.application_id = a.id AND s.id = $3)"
		" FROM appt.application a WHERE a.id = $1" KEEP_APPLICATION,
		3, {UUIDOID, TEXTOID, UUIDOID}
	};
	const NullableDatum arguments[] = {
		sql_uuid(&message->application_id), sql_text(message->recipient_id), sql_uuid(message->subscription_id)
	};
	Found		found;
	Row		   *row;

	if (statement_run_nullable(&find, arguments) == 0)
		report_not_found("application", &message->application_id);
	row = ROW(0);
	found.calling_code = next_text(row);
	found.user_exists = next_bool(row);
	found.url = next_text(row);
	return found;
}

static void
set_address(NamedMessage *message, const Found *found)
{
	char	   *address = channel_address_normalize(message->channel, message->recipient_id, found->calling_code);

	check_address(message->channel, address);
	message->recipient_kind = "ADDRESS";
	message->recipient_id = message->address = address;
}

static void
set_user(NamedMessage *message, const Found *found)
{
	if (!found->user_exists)
		report_text_not_found("user", message->recipient_id);
	message->recipient_kind = "USER";
	message->address = message->recipient_id;
}

static void
set_subscription(NamedMessage *message, const Found *found)
{
	if (found->url == NULL)
		report_text_not_found("subscription", message->recipient_id);
	message->recipient_kind = "SUBSCRIBER";
	message->recipient_id = uuid_text(message->subscription_id);
	message->address = url_without_query(found->url);
}

static const pg_uuid_t *
read_subscription_id(const char *recipient)
{
	pg_uuid_t  *id = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));

	if (!uuid_parse(recipient, id))
		report_invalid("not the id of a subscription", "\"%s\" is not a uuid.", recipient);
	return id;
}

/* An address, a user or a subscription, as the channel needs. 22023; PT404. */
static void
read_recipient(FunctionCallInfo fcinfo, NamedMessage *message)
{
	RouteNeed	route = channel_infos[message->channel].route;
	Found		found;

	message->recipient_id = required_id(fcinfo, ARGUMENT_RECIPIENT, "recipient");
	if (route == ROUTE_SUBSCRIPTION)
		message->subscription_id = read_subscription_id(message->recipient_id);
	found = find(message);
	switch (route)
	{
		case ROUTE_PROVIDER:
			set_address(message, &found);
			break;
		case ROUTE_SUBSCRIPTION:
			set_subscription(message, &found);
			break;
		case ROUTE_NONE:
			set_user(message, &found);
			break;
	}
}

/* ---- the call ---- */

static void
read_message(FunctionCallInfo fcinfo, NamedMessage *message)
{
	const ChannelInfo *channel;
	Texts		texts;

	message->channel = read_channel(fcinfo);
	channel = &channel_infos[message->channel];
	texts = read_texts(fcinfo);
	check_texts(&texts, channel);
	message->context = message_context(&texts, read_data(fcinfo, channel));
	read_times(fcinfo, message);
	read_recipient(fcinfo, message);
}

/* A call that is repeated with its key is answered before anything is checked. Returns the notification's id. */
static int64
send_once(FunctionCallInfo fcinfo, const pg_uuid_t *application_id)
{
	KeyedCall  *keyed = keyed_call(fcinfo, application_id, ARGUMENT_IDEMPOTENCY_KEY);
	CallResult *first = keyed_call_claim(keyed);
	NamedMessage message = {.application_id = *application_id, .type = TYPE_MESSAGE};
	int64		id;

	if (first != NULL)
		return first->notification_id;
	read_message(fcinfo, &message);
	id = plan_named_message(&message);
	keyed_call_keep(keyed, &(CallResult) {.notification_id = id});
	return id;
}

/*
 * appt.send_message(application_id uuid, channel text, recipient text, text_body text = null,
 *		subject text = null, html_body text = null, due_at timestamptz = null,
 *		expires_at timestamptz = null, data jsonb = null, idempotency_key text = null)
 *		-> appt.notification_details
 *
 * due_at: now by default; expires_at: a day after due_at. 22023: an invalid
 * argument. PT404: no such application, user or subscription. PT409: the
 * idempotency_key belongs to a call with other arguments. Source: people.md,
 * section 2.
 */
Datum
send_message(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *application_id;
	Datum		details;
	Call		call;

	call_begin(&call, fcinfo, CALLER_CLIENT_SERVICE);
	require_arguments(fcinfo, 3);
	application_id = required_uuid(fcinfo, ARGUMENT_APPLICATION_ID, "application_id");
	if (!caller_may_use_application(&call.caller, application_id))
		report_not_found("application", application_id);
	details = notification_details(&call, send_once(fcinfo, application_id));
	call_end(&call);
	return details;
}
