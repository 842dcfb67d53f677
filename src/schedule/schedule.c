/*
 * schedule.c
 *		Scheduling an appointment.
 *
 * Bookings of one application run side by side: its row is only read, and
 * locked by nothing but the foreign key's share lock. All ids are made here,
 * so that each table takes one INSERT and nothing is read back. Whatever is
 * wrong with the arguments is found before the first of them.
 */
#include "postgres.h"

#include "access/xact.h"

#include "core/errors.h"
#include "core/json.h"
#include "core/statement.h"
#include "core/wake.h"
#include "schedule/participant.h"
#include "schedule/random.h"
#include "schedule/room.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(schedule_appointment);

/* Arguments of schedule_appointment. */
enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_START_AT, ARGUMENT_DURATION, ARGUMENT_CUSTOMER,
	ARGUMENT_ORGANIZER_ID, ARGUMENT_TITLE, ARGUMENT_NOTES, ARGUMENT_LOCATION,
	ARGUMENT_TIMEZONE, ARGUMENT_LOCALE, ARGUMENT_METADATA, ARGUMENT_INTERACTION,
	ARGUMENT_NOTIFICATION_HEADERS
};

/* What an application and its organization say about scheduling. */
typedef struct Settings
{
	bool		notifications_enabled;
	bool		auto_activate;
	RoomSettings room;
	char	   *locale;
	char	   *timezone;
	char	   *calling_code;
	TimeOffset	max_duration;
	TimeOffset	end_grace;
} Settings;

static Settings *
find_settings(const Caller *caller, const pg_uuid_t *application_id)
{
	static Statement find = {
		"SELECT o.notifications_enabled, a.auto_activate, a.room_url, a.room_code_length, a.locale,"
		" a.timezone, a.calling_code, a.max_duration, a.end_grace "
		"FROM appt.application a JOIN appt.organization o ON o.id = a.organization_id WHERE a.id = $1",
		1, {UUIDOID}
	};
	Settings   *settings;

	if (!caller_may_use_application(caller, application_id) ||
		statement_run(&find, UUIDPGetDatum(application_id)) == 0)
		report_not_found("application", application_id);
	settings = (Settings *) palloc(sizeof(Settings));
	settings->notifications_enabled = row_bool(0, 1);
	settings->auto_activate = row_bool(0, 2);
	settings->room.url = row_text(0, 3);
	settings->room.code_length = row_int32(0, 4);
	settings->locale = row_text(0, 5);
	settings->timezone = row_text(0, 6);
	settings->calling_code = row_text(0, 7);
	settings->max_duration = row_elapsed(0, 8);
	settings->end_grace = row_elapsed(0, 9);
	return settings;
}

/* The caller, or whom a client service or SQL application names. */
static char *
choose_organizer(FunctionCallInfo fcinfo, const Caller *caller)
{
	char	   *named = PG_ARGISNULL(ARGUMENT_ORGANIZER_ID) ? NULL :
	required_id(fcinfo, ARGUMENT_ORGANIZER_ID, "organizer_id");

	if (caller->role == CALLER_UNRESTRICTED && named == NULL)
		report_invalid("an organizer is required",
					   "\"organizer_id\" is null, and the caller is no user of the application.");
	if (caller->role == CALLER_AGENT && named != NULL && strcmp(named, caller->user_id) != 0)
		report_invalid("an agent schedules its own appointments",
					   "\"organizer_id\" is \"%s\", not the caller's.", named);
	return named != NULL ? named : caller->user_id;
}

/* {"state": "PENDING"} and what the caller may set: routing and customFields. */
static Jsonb *
new_interaction(Jsonb *wanted)
{
	static const char *const settable[] = {"routing", "customFields"};
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(&state, "state", INTERACTION_PENDING);
	for (int i = 0; i < lengthof(settable); i++)
	{
		char	   *path = psprintf("interaction.%s", settable[i]);
		Jsonb	   *object = member_object(wanted, settable[i], path);

		if (object != NULL)
			json_push_jsonb(&state, settable[i], object);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static void
check_routing(Jsonb *interaction)
{
	Jsonb	   *routing = member_object(interaction, "routing", "interaction.routing");

	(void) member_text(routing, "type", "interaction.routing.type");
	(void) member_object(routing, "properties", "interaction.routing.properties");
}

/* What is said when and where; the application's settings fill the gaps. */
static void
read_schedule(FunctionCallInfo fcinfo, Appointment *appointment, const Settings *settings,
			  TimestampTz now)
{
	Interval   *duration = required_interval(fcinfo, ARGUMENT_DURATION, "duration");

	appointment->start_at = required_time(fcinfo, ARGUMENT_START_AT, "start_at");
	check_start(appointment->start_at, now);
	appointment->end_at = end_of(appointment->start_at, check_duration(duration));
	check_max_duration(duration, settings->max_duration);

	appointment->timezone = text_argument(fcinfo, ARGUMENT_TIMEZONE);
	if (appointment->timezone == NULL)
		appointment->timezone = settings->timezone;
	else
		check_timezone_name(appointment->timezone);
	appointment->locale = text_argument(fcinfo, ARGUMENT_LOCALE);
	if (appointment->locale == NULL)
		appointment->locale = settings->locale;
	else
		check_locale_name(appointment->locale);
}

static void
read_content(FunctionCallInfo fcinfo, Appointment *appointment)
{
	Jsonb	   *interaction = optional_object(fcinfo, ARGUMENT_INTERACTION, "interaction");

	appointment->title = optional_words(fcinfo, ARGUMENT_TITLE, "title");
	appointment->notes = optional_words(fcinfo, ARGUMENT_NOTES, "notes");
	appointment->location = optional_words(fcinfo, ARGUMENT_LOCATION, "location");
	appointment->metadata = optional_object(fcinfo, ARGUMENT_METADATA, "metadata");
	if (appointment->metadata == NULL)
		appointment->metadata = json_empty_object();
	check_routing(interaction);
	appointment->interaction = new_interaction(interaction);
	if (!PG_ARGISNULL(ARGUMENT_NOTIFICATION_HEADERS))
		check_notification_headers(PG_GETARG_JSONB_P(ARGUMENT_NOTIFICATION_HEADERS));
}

static void
insert_appointment(const Appointment *a, NullableDatum notification_headers)
{
	static Statement insert = {
		"INSERT INTO appt.appointment (application_id, id, conference_id, organizer_id, organizer_type,"
		" state, title, notes, location, start_at, end_at, timezone, locale, notifications_active,"
		" metadata, interaction, notification_headers, activated_at, created_at, updated_at) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,"
		" CASE $6 WHEN 'ACTIVATED' THEN $18 END, $18, $18)",
		18, {UUIDOID, UUIDOID, UUIDOID, TEXTOID, TEXTOID,
			TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, BOOLOID,
		JSONBOID, JSONBOID, JSONBOID, TIMESTAMPTZOID}
	};
	const NullableDatum arguments[] = {
		sql_uuid(&a->key.application_id),
		sql_uuid(&a->key.id),
		sql_uuid(&a->conference_id),
		sql_text(a->organizer_id),
		sql_text(a->organizer_type),
		sql_text(a->state),
		sql_text(a->title),
		sql_text(a->notes),
		sql_text(a->location),
		SQL_VALUE(TimestampTzGetDatum(a->start_at)),
		SQL_VALUE(TimestampTzGetDatum(a->end_at)),
		sql_text(a->timezone),
		sql_text(a->locale),
		SQL_VALUE(BoolGetDatum(a->notifications_active)),
		sql_jsonb(a->metadata),
		sql_jsonb(a->interaction),
		notification_headers,
		SQL_VALUE(TimestampTzGetDatum(a->created_at))
	};

	(void) statement_run_nullable(&insert, arguments);
}

static void
push_participant(JsonbParseState **state, const char *id, const char *type)
{
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(state, "id", id);
	json_push_member(state, "type", type);
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* As appointment_reload would find them: created together, so ordered by id. */
static Jsonb *
participant_ids(const char *agent_id, const char *customer_id)
{
	JsonbParseState *state = NULL;
	bool		agent_first = customer_id == NULL || strcmp(agent_id, customer_id) < 0;

	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	if (agent_first)
		push_participant(&state, agent_id, PARTICIPANT_AGENT);
	if (customer_id != NULL)
		push_participant(&state, customer_id, PARTICIPANT_CUSTOMER);
	if (!agent_first)
		push_participant(&state, agent_id, PARTICIPANT_AGENT);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

/* Store the appointment with its people and room, and plan what it owes. */
static void
store(Appointment *appointment, const Customer *customer, NullableDatum notification_headers,
	  const Settings *settings, TimestampTz now)
{
	char	   *customer_id = NULL;

	insert_appointment(appointment, notification_headers);
	agent_insert(&appointment->key, appointment->organizer_id);
	if (customer != NULL)
		customer_id = customer_insert(&appointment->key, customer);
	appointment->participant_ids = participant_ids(appointment->organizer_id, customer_id);
	if (settings->auto_activate)
	{
		appointment->room = room_open(&appointment->key, &settings->room, appointment->end_at);
		wake_on_commit(LANE_CHORES, appointment->end_at + settings->end_grace);
	}
	plan_scheduled(&appointment->key, now);
}

/*
 * appt.schedule_appointment(application_id uuid, start_at timestamptz, duration interval,
 *		customer jsonb = null, organizer_id text = null, title, notes, location, timezone, locale,
 *		metadata jsonb = null, interaction jsonb = null, notification_headers jsonb = null)
 *		-> appt.appointment_details
 *
 * duration is elapsed time, a day being 24 hours. 22023 for malformed
 * arguments, PT404 for an application that is not there or not the caller's.
 * Source: auvious-appointments-api.txt, "Schedule a New Appointment".
 */
Datum
schedule_appointment(PG_FUNCTION_ARGS)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	Appointment *appointment;
	Customer   *customer = NULL;
	Settings   *settings;
	Jsonb	   *customer_object;
	Call		call;
	Datum		details;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_CLIENT_SERVICE);
	appointment = (Appointment *) palloc0(sizeof(Appointment));
	appointment->key.application_id = *required_uuid(fcinfo, ARGUMENT_APPLICATION_ID, "application_id");
	settings = find_settings(&call.caller, &appointment->key.application_id);

	read_schedule(fcinfo, appointment, settings, now);
	read_content(fcinfo, appointment);
	customer_object = optional_object(fcinfo, ARGUMENT_CUSTOMER, "customer");
	if (customer_object != NULL)
		customer = customer_parse(customer_object, settings->calling_code);

	appointment->key.id = random_uuid();
	appointment->conference_id = random_uuid();
	appointment->organizer_id = choose_organizer(fcinfo, &call.caller);
	appointment->organizer_type = PARTICIPANT_AGENT;
	appointment->state = settings->auto_activate ? APPOINTMENT_ACTIVATED : APPOINTMENT_SCHEDULED;
	appointment->notifications_active = settings->notifications_enabled;
	appointment->created_at = appointment->updated_at = now;
	store(appointment, customer, fcinfo->args[ARGUMENT_NOTIFICATION_HEADERS],
		  settings, now);

	details = appointment_details(&call, fcinfo, appointment);
	call_end(&call);
	return details;
}
