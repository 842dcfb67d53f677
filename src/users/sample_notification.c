/*
 * sample_notification.c
 *		Showing a user what notifications of a type look like.
 *
 * A sample is a TEST to the user, planned, judged, composed and sent as every
 * message. Its context names the type whose words it has, and sample values. It is
 * no event: no preference and no switch stops it, nobody else gets it, no webhook
 * tells of it.
 *
 * The limit counts calls, not messages: all messages of one call are due at the
 * same moment. The lock on the profile lets calls for one user count each other;
 * they wait for no other user.
 */
#include "postgres.h"

#include "funcapi.h"

#include "config/sample.h"
#include "config/user_checks.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/json.h"
#include "core/keep_application.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "notify/planned.h"
#include "notify/preference.h"
#include "users/profile.h"
#include "users/recent_messages.h"

PG_FUNCTION_INFO_V1(send_sample_notification);

enum
{
	ARGUMENT_TYPE, ARGUMENT_CHANNEL, ARGUMENT_USER_ID, ARGUMENT_APPLICATION_ID
};

/* Calls for a user within 10 minutes. */
#define MAX_SAMPLES 3

typedef struct Sample
{
	ActingUser	user;
	NotificationType type;
	SampleLinks links;
	TimestampTz now;
} Sample;

/* One message of a sample. */
typedef struct SampleMessage
{
	ChannelCode channel;
	char	   *address;		/* NULL: the user has none */
} SampleMessage;

/* What links begin with. */
static SampleLinks
find_links(const pg_uuid_t *application_id)
{
	static Statement find = {
		"SELECT room_url, public_url FROM appt.application WHERE id = $1", 1, {UUIDOID}
	};
	SampleLinks links;
	Row		   *row;

	(void) statement_run(&find, UUIDPGetDatum(application_id));
	row = ROW(0);
	links.room_url = next_text(row);
	links.public_url = next_text(row);
	return links;
}

/* The channels asked for, or those of the profile, that the type has; returns how many. */
static int
find_messages(const Sample *sample, NullableDatum channel, SampleMessage *messages)
{
	static Statement find = {
		"SELECT c.channel, " USER_ADDRESS("u", "c.channel")
		" FROM appt.user_profile u"
		"  CROSS JOIN LATERAL unnest(CASE WHEN $3 IS NULL THEN u.channels ELSE ARRAY[$3] END) AS c (channel)"
		" WHERE u.application_id = $1 AND u.id = $2",
		3, {UUIDOID, TEXTOID, TEXTOID}
	};
	NullableDatum arguments[] = {
		sql_uuid(&sample->user.application_id), sql_text(sample->user.user_id), channel
	};
	uint64		rows = statement_run_nullable(&find, arguments);
	int			count = 0;

	for (uint64 n = 0; n < rows; n++)
	{
		Row		   *row = ROW(n);
		ChannelCode code;

		if (channel_from_code(next_text(row), &code) &&
			(notification_types[sample->type].channels & CHANNEL_BIT(code)) != 0)
			messages[count++] = (SampleMessage) {code, next_text(row)};
	}
	return count;
}

/* What it is composed from (notify/compose.c); of an appointment tomorrow, or an event of this moment. */
static Jsonb *
sample_context(const Sample *sample)
{
	const NotificationTypeInfo *type = &notification_types[sample->type];
	bool		is_of_appointment = (type->ties & (TIE_AGENTS | TIE_ORGANIZER)) != 0;
	TimestampTz start_at = is_of_appointment ? sample->now + USECS_PER_DAY : sample->now;
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(&state, "template_type", type->code);
	json_push_member(&state, "start_at", timestamp_text(start_at));
	if (is_of_appointment)
		json_push_member(&state, "end_at", timestamp_text(start_at + SAMPLE_DURATION));
	json_push_text(&state, WJB_KEY, "data");
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (is_of_appointment)
	{
		push_sample_appointment(&state, &sample->links);
		if (type->ties & TIE_ORGANIZER)
			push_sample_response(&state);
	}
	else if (type->due_rule == DUE_DAILY)
		push_sample_report(&state);
	else
		push_sample_event(&state, &sample->links, (type->ties & LINE_TIES) != 0);
	(void) pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static void
plan_samples(const Sample *sample, NullableDatum channel, ReturnSetInfo *result)
{
	SampleMessage messages[CHANNELS];
	int			count = find_messages(sample, channel, messages);
	Jsonb	   *context = sample_context(sample);

	for (int i = 0; i < count; i++)
	{
		NamedMessage message = {
			.application_id = sample->user.application_id,
			.type = TYPE_TEST,
			.channel = messages[i].channel,
			.recipient_kind = "USER",
			.recipient_id = sample->user.user_id,
			.address = messages[i].address,
			.context = context,
			.due_at = sample->now
		};
		Datum		id = Int64GetDatum(plan_named_message(&message));
		bool		is_null = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &id, &is_null);
	}
}

/*
 * appt.send_sample_notification(type text, channel text = null, user_id text = null,
 *		application_id uuid = null) -> setof bigint
 *
 * Sends the user a TEST in the words of the type, over the channel, or over each
 * channel of its profile that the type has; returns the notifications' ids. The
 * user is that of acting_user. 22023: a type that users do not get, a channel that
 * it does not have; PT404: no such user; PT429: three were sent within 10 minutes.
 * Source: people.md, section 2; aloware-notification-settings.txt.
 */
Datum
send_sample_notification(PG_FUNCTION_ARGS)
{
	Sample		sample = {.now = GetCurrentTimestamp()};
	char	   *type;
	Call		call;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE | CALLER_ADMIN);
	type = required_text(fcinfo, ARGUMENT_TYPE, "type");
	sample.type = check_users_type(type);
	check_preference(type, optional_text(fcinfo, ARGUMENT_CHANNEL, "channel"), NULL);
	sample.user = acting_user(&call.caller, fcinfo, ARGUMENT_APPLICATION_ID, ARGUMENT_USER_ID);
	profile_lock(&sample.user);
	keep_application(&sample.user.application_id);
	limit_recent_messages(&sample.user, TYPE_TEST, MAX_SAMPLES, "too many sample notifications asked for");
	sample.links = find_links(&sample.user.application_id);
	plan_samples(&sample, fcinfo->args[ARGUMENT_CHANNEL], (ReturnSetInfo *) fcinfo->resultinfo);
	call_end(&call);
	return (Datum) 0;
}
