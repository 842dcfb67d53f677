/*
 * test_message.c
 *		Test messages: messages about a sample appointment, to an address of
 *		the admin's.
 *
 * A test message takes the way of all others: it is planned here, then judged,
 * composed and sent by the worker, and shown in the log. Its context has all
 * that it is composed from (see notify/compose.c), with sample values.
 */
#include "postgres.h"

#include "access/xact.h"

#include "channel/channel.h"
#include "config/checks.h"
#include "config/sample.h"
#include "config/template_argument.h"
#include "config/user_checks.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/elapsed.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/keep_application.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"
#include "notify/planning.h"

PG_FUNCTION_INFO_V1(send_test_email);
PG_FUNCTION_INFO_V1(send_test_sms);

/* Arguments of both functions; in send_test_email the texts begin with the subject. */
enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_ADDRESS, ARGUMENT_TYPE, ARGUMENT_CHANNEL,
	ARGUMENT_LOCALE, ARGUMENT_TIMEZONE, ARGUMENT_PERIOD,
	SMS_ARGUMENT_TEXT_BODY,
	EMAIL_ARGUMENT_SUBJECT = SMS_ARGUMENT_TEXT_BODY, EMAIL_ARGUMENT_TEXT_BODY, EMAIL_ARGUMENT_HTML_BODY
};

#define DEFAULT_PERIOD USECS_PER_DAY

/* The arguments, checked. */
typedef struct TestMessage
{
	pg_uuid_t  *application_id;
	ChannelCode channel;
	char	   *address;
	const char *type;			/* of the template */
	char	   *locale;			/* NULL: the application's, like timezone */
	char	   *timezone;
	TimeOffset	period;			/* from now to the start of the sample */
	char	   *subject;		/* NULL: the template's, like the bodies */
	char	   *text_body;
	char	   *html_body;
} TestMessage;

/* Settings of the application for addresses and links; NULL: none. */
typedef struct Settings
{
	char	   *calling_code;
	SampleLinks links;
} Settings;

static Settings
find_settings(const Caller *caller, const pg_uuid_t *application_id)
{
	static Statement find = {
		"SELECT a.calling_code, a.room_url, a.public_url FROM appt.application a WHERE a.id = $1" KEEP_APPLICATION, 1, {UUIDOID}
	};
	Settings	settings;
	Row		   *row;

	if (!caller_may_use_application(caller, application_id) ||
		statement_run(&find, UUIDPGetDatum(application_id)) == 0)
		report_not_found("application", application_id);
	row = ROW(0);
	settings.calling_code = next_text(row);
	settings.links.room_url = next_text(row);
	settings.links.public_url = next_text(row);
	return settings;
}

static void
require_provider(const TestMessage *test)
{
	static Statement find = {
		"SELECT FROM appt.provider WHERE application_id = $1 AND channel = $2 AND enabled",
		2, {UUIDOID, TEXTOID}
	};

	if (statement_run(&find, UUIDPGetDatum(test->application_id),
					  text_datum(channel_code(test->channel))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_APPT_NOT_FOUND),
				 errmsg("provider not found"),
				 errdetail("The application has no enabled provider for %s.", channel_code(test->channel)),
				 errhint("Set one with appt.set_provider; one of kind LOG writes messages to the log.")));
}

/* A type of messages that customers get by email or SMS, or TEST itself. */
static bool
is_sampled(NotificationType type)
{
	return notification_types[type].is_sample || notification_types[type].audience == AUDIENCE_CUSTOMERS ||
		notification_types[type].audience == AUDIENCE_JOINED_CUSTOMERS;
}

static const char *
read_type(FunctionCallInfo fcinfo)
{
	char	   *code = required_text(fcinfo, ARGUMENT_TYPE, "type");
	NotificationType type;

	if (!notification_type_from_code(code, &type))
		report_unlisted(notification_type_codes(is_sampled), "unknown notification type", "\"%s\" is not a notification type.", code);
	if (!is_sampled(type))
		report_unlisted(notification_type_codes(is_sampled), "customers get no messages of this type",
						"Messages of type \"%s\" are not sent to customers.", code);
	return notification_types[type].code;
}

static void
read_channel(FunctionCallInfo fcinfo, ChannelCode channel)
{
	char	   *code = required_text(fcinfo, ARGUMENT_CHANNEL, "channel");
	const char *const list[] = {channel_code(channel), NULL};

	if (strcmp(code, channel_code(channel)) != 0)
		report_unlisted(list, "this function sends over another channel",
						"\"%s\" is not the channel of this function.", code);
}

/* Read all arguments but the address and the texts. */
static void
read_arguments(FunctionCallInfo fcinfo, TestMessage *test)
{
	test->type = read_type(fcinfo);
	read_channel(fcinfo, test->channel);
	test->locale = optional_text(fcinfo, ARGUMENT_LOCALE, "locale");
	if (test->locale != NULL)
		require_known_locale(test->locale);
	test->timezone = optional_text(fcinfo, ARGUMENT_TIMEZONE, "timezone");
	if (test->timezone != NULL)
		require_known_timezone(test->timezone);
	test->period = DEFAULT_PERIOD;
	if (!PG_ARGISNULL(ARGUMENT_PERIOD))
	{
		check_elapsed(fcinfo, ARGUMENT_PERIOD, "period", true);
		test->period = elapsed_microseconds(PG_GETARG_INTERVAL_P(ARGUMENT_PERIOD));
	}
}

/* ---- the sample ---- */

static Jsonb *
test_context(const TestMessage *test, const Settings *settings, TimestampTz now)
{
	JsonbParseState *state = NULL;
	TimestampTz start_at = now + test->period;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(&state, "template_type", test->type);
	json_push_if_given(&state, "locale", test->locale);
	json_push_if_given(&state, "timezone", test->timezone);
	json_push_if_given(&state, "subject", test->subject);
	json_push_if_given(&state, "text_body", test->text_body);
	json_push_if_given(&state, "html_body", test->html_body);
	json_push_member(&state, "start_at", timestamp_text(start_at));
	json_push_member(&state, "end_at", timestamp_text(start_at + SAMPLE_DURATION));
	json_push_text(&state, WJB_KEY, "data");
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_sample_customer(&state);
	push_sample_appointment(&state, &settings->links);
	(void) pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static int64
plan_test(const TestMessage *test, const Settings *settings)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();

	return plan_to_address(test->application_id, TYPE_TEST, test->channel, test->address,
						   test_context(test, settings, now), now);
}

/*
 * appt.send_test_email(application_id uuid, to_email text, type text = 'REMINDER',
 *		channel text = 'EMAIL', locale text = null, timezone text = null, period interval = null,
 *		subject text = null, text_body text = null, html_body text = null) -> bigint
 *
 * Returns the notification's id; the sample starts at now() + period. 22023:
 * what cannot be sent. PT404: no such application, or it has no enabled EMAIL
 * provider. Source: auvious-appointments-api.txt, "Test Email Notification
 * Functionality".
 */
Datum
send_test_email(PG_FUNCTION_ARGS)
{
	TestMessage test = {.channel = CHANNEL_EMAIL};
	Settings	settings;
	int64		id;
	Call		call;

	call_begin(&call, fcinfo, CALLER_ADMIN);
	require_arguments(fcinfo, 2);
	test.application_id = PG_GETARG_UUID_P(ARGUMENT_APPLICATION_ID);
	test.address = required_text(fcinfo, ARGUMENT_ADDRESS, "to_email");
	check_address(test.channel, test.address);
	test.address = channel_address_normalize(test.channel, test.address, NULL);
	read_arguments(fcinfo, &test);
	test.subject = template_argument(fcinfo, EMAIL_ARGUMENT_SUBJECT, "subject", true);
	test.text_body = template_argument(fcinfo, EMAIL_ARGUMENT_TEXT_BODY, "text_body", true);
	test.html_body = template_argument(fcinfo, EMAIL_ARGUMENT_HTML_BODY, "html_body", true);
	settings = find_settings(&call.caller, test.application_id);
	require_provider(&test);
	id = plan_test(&test, &settings);
	call_end(&call);
	PG_RETURN_INT64(id);
}

/*
 * appt.send_test_sms(application_id uuid, to_phone text, type text = 'REMINDER',
 *		channel text = 'SMS', locale text = null, timezone text = null, period interval = null,
 *		text_body text = null) -> bigint
 *
 * As send_test_email. A phone number without a country code gets the
 * application's calling_code.
 */
Datum
send_test_sms(PG_FUNCTION_ARGS)
{
	TestMessage test = {.channel = CHANNEL_SMS};
	Settings	settings;
	char	   *phone;
	int64		id;
	Call		call;

	call_begin(&call, fcinfo, CALLER_ADMIN);
	require_arguments(fcinfo, 2);
	test.application_id = PG_GETARG_UUID_P(ARGUMENT_APPLICATION_ID);
	phone = required_text(fcinfo, ARGUMENT_ADDRESS, "to_phone");
	read_arguments(fcinfo, &test);
	test.text_body = template_argument(fcinfo, SMS_ARGUMENT_TEXT_BODY, "text_body", true);
	settings = find_settings(&call.caller, test.application_id);
	test.address = channel_address_normalize(test.channel, phone, settings.calling_code);
	check_address(test.channel, test.address);
	require_provider(&test);
	id = plan_test(&test, &settings);
	call_end(&call);
	PG_RETURN_INT64(id);
}
