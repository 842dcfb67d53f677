/*
 * booking.c
 *		The part of scheduling that agents and customers share: reading the
 *		arguments, storing the appointment and planning its notifications.
 *
 * Bookings of one application run concurrently: its row is read, and locked
 * only by the foreign key's share lock. If the application has a capacity,
 * bookings that touch the same days wait for each other. All ids are made
 * here, so that each table takes one INSERT and nothing is read back.
 * Arguments are checked before the first INSERT.
 */
#include "postgres.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/tagged_id.h"
#include "core/wake.h"
#include "schedule/booking.h"
#include "schedule/told_state.h"
#include "schedule/validate.h"

static BookingSettings *
find_settings(const pg_uuid_t *application_id)
{
	static Statement find = {
		"SELECT o.notifications_enabled,"
		" EXISTS (SELECT FROM appt.user_profile u WHERE u.application_id = a.id)"
		"  OR EXISTS (SELECT FROM appt.subscription s WHERE s.application_id = a.id AND s.types IS NOT NULL),"
		" a.auto_activate, a.room_url, a.room_code_length, a.locale,"
		" a.timezone, a.calling_code, a.max_duration, a.end_grace, a.max_overlap, a.organizer_exclusive "
		"FROM appt.application a JOIN appt.organization o ON o.id = a.organization_id WHERE a.id = $1",
		1, {UUIDOID}
	};
	BookingSettings *settings;
	Row		   *row;

	if (statement_run(&find, UUIDPGetDatum(application_id)) == 0)
		report_not_found("application", application_id);
	row = ROW(0);
	settings = (BookingSettings *) palloc(sizeof(BookingSettings));
	settings->notifications_enabled = next_bool(row);
	settings->has_users = next_bool(row);
	settings->auto_activate = next_bool(row);
	settings->room.url = next_text(row);
	settings->room.code_length = next_int32(row);
	settings->locale = next_text(row);
	settings->timezone = next_text(row);
	settings->calling_code = next_text(row);
	settings->max_duration = next_elapsed(row);
	settings->end_grace = next_elapsed(row);
	settings->capacity.max_overlap = next_int32(row);
	settings->capacity.organizer_exclusive = next_bool(row);
	return settings;
}

/* {"state": "PENDING"} and the members that the caller may set: routing and customFields. */
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
	/*
	 * A caller may send back an interaction that it received, with its state;
	 * the state is ignored.
	 */
	static const char *const members[] = {"routing", "customFields", "state", NULL};
	static const char *const routing_members[] = {"type", "properties", NULL};
	Jsonb	   *routing = member_object(interaction, "routing", "interaction.routing");

	if (interaction != NULL)
		check_members(&interaction->root, members, "interaction");
	if (routing != NULL)
		check_members(&routing->root, routing_members, "interaction.routing");
	(void) member_text(routing, "type", "interaction.routing.type");
	(void) member_object(routing, "properties", "interaction.routing.properties");
}

static void
read_meeting_template(FunctionCallInfo fcinfo, const BookingArguments *where, Booking *booking)
{
	const pg_uuid_t *application_id = &booking->appointment->key.application_id;

	if (where->meeting_template_id != BOOKING_NO_ARGUMENT && !PG_ARGISNULL(where->meeting_template_id))
		booking->meeting = meeting_template_find(application_id, PG_GETARG_UUID_P(where->meeting_template_id));
}

static Interval *
choose_duration(FunctionCallInfo fcinfo, const BookingArguments *where, const MeetingTemplate *meeting)
{
	if (meeting == NULL || meeting->duration == NULL || !PG_ARGISNULL(where->duration))
		return required_interval(fcinfo, where->duration, "duration");
	return meeting->duration;
}

/* Read times, timezone and locale; the application has defaults. */
static void
read_schedule(FunctionCallInfo fcinfo, const BookingArguments *where, Booking *booking)
{
	Appointment *appointment = booking->appointment;
	Interval   *duration = choose_duration(fcinfo, where, booking->meeting);

	appointment->start_at = required_time(fcinfo, where->start_at, "start_at");
	check_start(appointment->start_at, booking->now);
	appointment->end_at = end_of(appointment->start_at, check_duration(duration));
	check_max_duration(duration, booking->settings->max_duration);

	appointment->timezone = text_argument(fcinfo, where->timezone);
	if (appointment->timezone == NULL)
		appointment->timezone = booking->settings->timezone;
	else
		appointment->timezone = timezone_name(appointment->timezone);
	appointment->locale = text_argument(fcinfo, where->locale);
	if (appointment->locale == NULL)
		appointment->locale = booking->settings->locale;
	else
		check_locale_name(appointment->locale);
}

static void
read_content(FunctionCallInfo fcinfo, const BookingArguments *where, Booking *booking)
{
	Appointment *appointment = booking->appointment;

	appointment->title = optional_words(fcinfo, where->title, "title");
	appointment->notes = optional_words(fcinfo, where->notes, "notes");
	appointment->location = optional_words(fcinfo, where->location, "location");
	appointment->metadata = optional_object(fcinfo, where->metadata, "metadata");
	if (appointment->metadata == NULL)
		appointment->metadata = json_empty_object();
}

/* Read the arguments that only trusted callers have. */
static void
read_integration(FunctionCallInfo fcinfo, const BookingArguments *where, Booking *booking)
{
	Jsonb	   *interaction = NULL;

	if (where->interaction != BOOKING_NO_ARGUMENT)
		interaction = optional_object(fcinfo, where->interaction, "interaction");
	check_routing(interaction);
	booking->appointment->interaction = new_interaction(interaction);
	if (where->notification_headers != BOOKING_NO_ARGUMENT &&
		!PG_ARGISNULL(where->notification_headers))
	{
		booking->notification_headers = PG_GETARG_JSONB_P(where->notification_headers);
		check_notification_headers(booking->notification_headers);
	}
}

/* The states are those after the confirmation, if it is sent by itself. */
static void
apply_meeting_template(Booking *booking)
{
	Appointment *appointment = booking->appointment;

	meeting_template_apply(booking->meeting, appointment);
	booking->confirms = meeting_template_confirms(booking->meeting, booking->customer);
	if (!booking->confirms)
		return;
	appointment->booking_state = unconstify(char *, booking_state_code(notification_types[TYPE_CREATE].sets_booking_state));
	appointment->notification_state = "CONFIRMED";
}

Booking *
booking_read(FunctionCallInfo fcinfo, const BookingArguments *where, TimestampTz now)
{
	Booking    *booking = (Booking *) palloc0(sizeof(Booking));
	Appointment *appointment = (Appointment *) palloc0(sizeof(Appointment));
	Jsonb	   *customer;

	booking->now = now;
	booking->appointment = appointment;
	appointment->changed_fields = SQL_NULL;
	appointment->has_own_title = true;
	appointment->key.application_id = *required_uuid(fcinfo, where->application_id, "application_id");
	booking->settings = find_settings(&appointment->key.application_id);
	read_meeting_template(fcinfo, where, booking);
	read_schedule(fcinfo, where, booking);
	read_content(fcinfo, where, booking);
	read_integration(fcinfo, where, booking);
	customer = optional_object(fcinfo, where->customer, "customer");
	if (customer != NULL)
		booking->customer = customer_parse(customer, booking->settings->calling_code);
	if (booking->meeting != NULL)
		apply_meeting_template(booking);

	appointment->key.id = tagged_uuid(&appointment->key.application_id);
	appointment->conference_id = tagged_uuid(&appointment->key.application_id);
	appointment->state = booking->settings->auto_activate ? APPOINTMENT_ACTIVATED : APPOINTMENT_SCHEDULED;
	appointment->notifications_active = booking->settings->notifications_enabled;
	appointment->created_at = appointment->updated_at = now;
	return booking;
}

#define INSERT_APPOINTMENT(columns, values) \
	"INSERT INTO appt.appointment (application_id, id, conference_id, organizer_id, organizer_type," \
	" state, title, notes, location, start_at, end_at, timezone, locale, notifications_active," \
	" metadata, interaction, notification_headers, activated_at, created_at, updated_at" columns ") " \
	"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17," \
	" CASE $6 WHEN 'ACTIVATED' THEN $18 END, $18, $18" values ")"

/* What the customer of the appointment that is inserted is told. */
#define TOLD \
	"(SELECT " WHAT_IS_SO("a.title_for_customers") " FROM (SELECT $4 AS organizer_id, $5 AS organizer_type, $7 AS title," \
	" $8 AS notes, $9 AS location, $10 AS start_at, $11 AS end_at, $12 AS timezone, $19 AS meeting_template_id," \
	" $20 AS has_own_title, $21 AS title_for_customers) a)"

static void
insert_appointment(const Appointment *a, const Jsonb *notification_headers, bool is_told)
{
	static Statement insert = {
		INSERT_APPOINTMENT("", ""),
		18, {UUIDOID, UUIDOID, UUIDOID, TEXTOID, TEXTOID,
			TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, BOOLOID,
		JSONBOID, JSONBOID, JSONBOID, TIMESTAMPTZOID}
	};
	static Statement insert_with_template = {
		INSERT_APPOINTMENT(", meeting_template_id, has_own_title, title_for_customers, booking_state, notification_state, told",
						   ", $19, $20, $21, $22, $23, CASE WHEN $24 THEN " TOLD " END"),
		24, {UUIDOID, UUIDOID, UUIDOID, TEXTOID, TEXTOID,
			TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, BOOLOID,
			JSONBOID, JSONBOID, JSONBOID, TIMESTAMPTZOID,
		UUIDOID, BOOLOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID}
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
		sql_jsonb(notification_headers),
		SQL_VALUE(TimestampTzGetDatum(a->created_at)),
		sql_uuid(&a->meeting_template_id),
		SQL_VALUE(BoolGetDatum(a->has_own_title)),
		sql_text(a->title_for_customers),
		sql_text(a->booking_state),
		sql_text(a->notification_state),
		SQL_VALUE(BoolGetDatum(is_told))
	};

	(void) statement_run_nullable(a->key.has_meeting_template ? &insert_with_template : &insert, arguments);
}

static void
push_participant(JsonbParseState **state, const char *id, const char *type)
{
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	json_push_member(state, "id", id);
	json_push_member(state, "type", type);
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/*
 * The organizing agent and the customer, if any, in the order in which
 * appointment_reload finds them: both have the same created_at, so by id.
 */
static Jsonb *
participant_ids(const char *agent_id, const char *customer_id)
{
	JsonbParseState *state = NULL;
	bool		agent_first = agent_id != NULL && customer_id != NULL && strcmp(agent_id, customer_id) < 0;

	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	if (agent_first)
		push_participant(&state, agent_id, PARTICIPANT_AGENT);
	if (customer_id != NULL)
		push_participant(&state, customer_id, PARTICIPANT_CUSTOMER);
	if (agent_id != NULL && !agent_first)
		push_participant(&state, agent_id, PARTICIPANT_AGENT);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

static void
insert_people(Appointment *appointment, Customer *customer)
{
	bool		has_agent = strcmp(appointment->organizer_type, PARTICIPANT_AGENT) == 0;
	char	   *agent_id = has_agent ? appointment->organizer_id : NULL;

	if (customer != NULL)
		customer->is_lead = true;
	participants_insert(&appointment->key, agent_id, customer, appointment->created_at);
	appointment->participant_ids = participant_ids(agent_id, customer ? customer->id : NULL);
}

/*
 * What a confirmation changes is stored with the appointment, before the notifications
 * are planned. A rule that another session changes between the two may say otherwise.
 */
static void
plan(Booking *booking)
{
	Appointment *appointment = booking->appointment;
	bool		is_told = plan_scheduled(&appointment->key, booking->settings->has_users, booking->actor, booking->now);

	if (is_told == booking->confirms)
		return;
	if (is_told)
		told_of_booking(&appointment->key);
	else
		told_nothing(&appointment->key);
	*appointment = *appointment_reload(&appointment->key);
}

void
booking_store(Booking *booking)
{
	Appointment *appointment = booking->appointment;
	const BookingSettings *settings = booking->settings;

	capacity_require(&settings->capacity, appointment, NULL);
	if (booking->meeting != NULL)
		meeting_template_entitle(booking->meeting, appointment, booking->customer);
	insert_appointment(appointment, booking->notification_headers, booking->confirms);
	insert_people(appointment, booking->customer);
	if (settings->auto_activate)
	{
		appointment->room = room_open(&appointment->key, &settings->room, appointment->end_at);
		wake_on_commit(LANE_CHORES, appointment->end_at + settings->end_grace);
	}
	plan(booking);
}
