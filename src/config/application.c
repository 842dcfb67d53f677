/*
 * application.c
 *		Applications: the tenants, their settings and default rules.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/rel.h"

#include "config/application.h"
#include "config/branding.h"
#include "config/checks.h"
#include "config/contact.h"
#include "core/arguments.h"
#include "core/call.h"
#include "core/errors.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/text.h"

PG_FUNCTION_INFO_V1(create_application);
PG_FUNCTION_INFO_V1(administered_applications);
PG_FUNCTION_INFO_V1(keep_auto_activate);

/* Arguments of create_application. */
enum
{
	ARGUMENT_ORGANIZATION_ID, ARGUMENT_NAME, ARGUMENT_PLATFORM,
	ARGUMENT_AUTO_ACTIVATE, ARGUMENT_ROOM_ACTIVATES, ARGUMENT_ROOM_URL,
	ARGUMENT_ROOM_CODE_LENGTH, ARGUMENT_PUBLIC_URL, ARGUMENT_LOCALE,
	ARGUMENT_TIMEZONE, ARGUMENT_CALLING_CODE, ARGUMENT_MAX_DURATION,
	ARGUMENT_END_GRACE, ARGUMENT_MAX_OVERLAP, ARGUMENT_ORGANIZER_EXCLUSIVE,
	ARGUMENT_MAX_ATTEMPTS, ARGUMENT_RETRY_BASE, ARGUMENT_RETRY_CAP,
	ARGUMENT_MAX_CONCURRENCY, ARGUMENT_MAX_PER_SECOND, ARGUMENT_AGENT_SCOPE,
	ARGUMENT_REPORT_TIME, ARGUMENT_SHORT_URL, ARGUMENT_CONTACT, ARGUMENT_ONE_CLICK,
	ARGUMENT_SUPPRESS_UNDELIVERABLE, ARGUMENT_SENDER_IMAGE, ARGUMENT_BRANDING
};

static const char *const platforms[] = {"GENESYS_CLOUD", "TALKDESK", "STANDALONE", NULL};
static const char *const agent_scopes[] = {"APPLICATION", "OWN", NULL};

/* The same check as application_calling_code_check: 1 to 3 digits, the first not 0. */
static void
check_calling_code(const char *code)
{
	const char *digits = (code[0] == '+') ? code + 1 : code;
	size_t		length = strlen(digits);

	if (length < 1 || length > 3 || strspn(digits, "0123456789") != length || digits[0] == '0')
		report_invalid("invalid calling code", "\"%s\" is not a country calling code like +49.", code);
}

static void
check_texts(FunctionCallInfo fcinfo)
{
	char	   *text;

	(void) required_text(fcinfo, ARGUMENT_NAME, "name");
	check_code(required_text(fcinfo, ARGUMENT_PLATFORM, "platform"), platforms, "platform");
	check_code(required_text(fcinfo, ARGUMENT_AGENT_SCOPE, "agent_scope"), agent_scopes, "agent_scope");
	require_known_locale(required_text(fcinfo, ARGUMENT_LOCALE, "locale"));
	require_known_timezone(required_text(fcinfo, ARGUMENT_TIMEZONE, "timezone"));
	if ((text = text_argument(fcinfo, ARGUMENT_ROOM_URL)) != NULL)
		check_url(text, false);
	if ((text = text_argument(fcinfo, ARGUMENT_PUBLIC_URL)) != NULL)
		check_url(text, false);
	if ((text = text_argument(fcinfo, ARGUMENT_SHORT_URL)) != NULL)
		check_url(text, false);
	if ((text = text_argument(fcinfo, ARGUMENT_CALLING_CODE)) != NULL)
		check_calling_code(text);
}

#define MAX_SENDER_IMAGE 65536

/* The same check as of the column: a PNG or JPEG by its first bytes. */
static void
check_sender_image(FunctionCallInfo fcinfo)
{
	static const char png[] = "\x89PNG\r\n\x1a\n";
	static const char jpeg[] = "\xff\xd8\xff";
	bytea	   *image;
	Size		size;

	if (PG_ARGISNULL(ARGUMENT_SENDER_IMAGE))
		return;
	size = toast_raw_datum_size(PG_GETARG_DATUM(ARGUMENT_SENDER_IMAGE)) - VARHDRSZ;
	if (size > MAX_SENDER_IMAGE)
		report_invalid("sender image too large", "It has %zu bytes, more than %d.", size, MAX_SENDER_IMAGE);
	image = PG_GETARG_BYTEA_PP(ARGUMENT_SENDER_IMAGE);
	if (!(size >= strlen(png) && memcmp(VARDATA_ANY(image), png, strlen(png)) == 0) &&
		!(size >= strlen(jpeg) && memcmp(VARDATA_ANY(image), jpeg, strlen(jpeg)) == 0))
		report_invalid("invalid sender image", "It is neither a PNG nor a JPEG.");
}

static void
check_customer_side(FunctionCallInfo fcinfo)
{
	Jsonb	   *contact = optional_object(fcinfo, ARGUMENT_CONTACT, "contact");
	Jsonb	   *branding = optional_object(fcinfo, ARGUMENT_BRANDING, "branding");

	if (contact != NULL)
		check_contact(contact);
	if (branding != NULL)
		check_branding(branding);
	require_argument(fcinfo, ARGUMENT_ONE_CLICK, "one_click");
	require_argument(fcinfo, ARGUMENT_SUPPRESS_UNDELIVERABLE, "suppress_undeliverable");
	check_sender_image(fcinfo);
}

static void
check_report_time(FunctionCallInfo fcinfo)
{
	require_argument(fcinfo, ARGUMENT_REPORT_TIME, "report_time");
	if (PG_GETARG_TIMEADT(ARGUMENT_REPORT_TIME) >= USECS_PER_DAY)
		report_invalid("report_time out of range", "It must be before 24:00.");
}

static void
check_settings(FunctionCallInfo fcinfo)
{
	require_argument(fcinfo, ARGUMENT_AUTO_ACTIVATE, "auto_activate");
	require_argument(fcinfo, ARGUMENT_ROOM_ACTIVATES, "room_activates");
	require_argument(fcinfo, ARGUMENT_ORGANIZER_EXCLUSIVE, "organizer_exclusive");
	require_argument(fcinfo, ARGUMENT_MAX_ATTEMPTS, "max_attempts");
	check_range(fcinfo, ARGUMENT_ROOM_CODE_LENGTH, "room_code_length", 6, 64);
	check_range(fcinfo, ARGUMENT_MAX_ATTEMPTS, "max_attempts", 1, 100);
	check_range(fcinfo, ARGUMENT_MAX_OVERLAP, "max_overlap", 1, PG_INT32_MAX);
	check_range(fcinfo, ARGUMENT_MAX_CONCURRENCY, "max_concurrency", 1, PG_INT32_MAX);
	check_rate(fcinfo, ARGUMENT_MAX_PER_SECOND, "max_per_second");
	check_elapsed(fcinfo, ARGUMENT_MAX_DURATION, "max_duration", false);
	check_elapsed(fcinfo, ARGUMENT_END_GRACE, "end_grace", true);
	check_elapsed(fcinfo, ARGUMENT_RETRY_BASE, "retry_base", false);
	check_elapsed(fcinfo, ARGUMENT_RETRY_CAP, "retry_cap", false);
	check_report_time(fcinfo);
}

/* PT404 unless the organization exists and is the caller's. */
static void
require_organization(const Caller *caller, const pg_uuid_t *id)
{
	static Statement find = {
		"SELECT FROM appt.organization WHERE id = $1 FOR KEY SHARE", 1, {UUIDOID}
	};

	if ((caller->role == CALLER_ADMIN &&
		 memcmp(&caller->organization_id, id, UUID_LEN) != 0) ||
		statement_run(&find, UUIDPGetDatum(id)) == 0)
		report_not_found("organization", id);
}

/*
 * appt.create_application(organization_id uuid, name text, platform text = 'STANDALONE',
 *		auto_activate boolean = true, room_activates boolean = false, ...) -> uuid
 *
 * Creates default rules, too: every type but ROOM by webhook; CREATE,
 * RESCHEDULE, CANCELLED and REMINDER by email; the first three by SMS;
 * REMINDER 1 day and 1 hour before. A TALKDESK application gets the webhook
 * rules only. 22023: an invalid value. PT404: no such organization. Source:
 * auvious-notifications.txt, default settings; design.md section 2.
 */
Datum
create_application(PG_FUNCTION_ARGS)
{
	static Statement insert = {
		"WITH created AS ("
		" INSERT INTO appt.application (organization_id, name, platform, auto_activate,"
		"  room_activates, room_url, room_code_length, public_url, locale, timezone,"
		"  calling_code, max_duration, end_grace, max_overlap, organizer_exclusive,"
		"  max_attempts, retry_base, retry_cap, max_concurrency, max_per_second,"
		"  agent_scope, report_time, short_url, contact, one_click, suppress_undeliverable, sender_image, branding)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
		"  $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)"
		" ON CONFLICT (substr(uuid_send(id), 1, 4)) DO NOTHING"
		" RETURNING id, platform"
		"), default_rules AS ("
		" INSERT INTO appt.rule (application_id, type, channel, time_offset)"
		" SELECT created.id, type, channel, time_offset"
		" FROM created, (VALUES ('CREATE', interval '0'), ('RESCHEDULE', '0'),"
		"   ('CANCELLED', '0'), ('REMINDER', '24 hours'), ('REMINDER', '1 hour'),"
		"   ('FOLLOW_UP', '0'), ('UPDATE', '0'), ('ACTIVATE', '0')) AS types (type, time_offset),"
		"  (VALUES ('WEBHOOK'), ('EMAIL'), ('SMS')) AS channels (channel)"
		" WHERE channel = 'WEBHOOK' OR platform <> 'TALKDESK' AND"
		"  (type IN ('CREATE', 'RESCHEDULE', 'CANCELLED') OR type = 'REMINDER' AND channel = 'EMAIL')"
		") SELECT id FROM created",
		28, {UUIDOID, TEXTOID, TEXTOID, BOOLOID,
			BOOLOID, TEXTOID, INT4OID, TEXTOID, TEXTOID, TEXTOID,
			TEXTOID, INTERVALOID, INTERVALOID, INT4OID, BOOLOID,
			INT4OID, INTERVALOID, INTERVALOID, INT4OID, NUMERICOID, TEXTOID, TIMEOID,
		TEXTOID, JSONBOID, BOOLOID, BOOLOID, BYTEAOID, JSONBOID}
	};
	pg_uuid_t  *id = (pg_uuid_t *) palloc(sizeof(pg_uuid_t));
	Call		call;

	require_arguments(fcinfo, 2);
	check_texts(fcinfo);
	check_settings(fcinfo);
	check_customer_side(fcinfo);

	call_begin(&call, fcinfo, CALLER_ADMIN);
	require_organization(&call.caller, PG_GETARG_UUID_P(ARGUMENT_ORGANIZATION_ID));
	/* Draw the id again while its tag is taken (core/tagged_id.h). */
	while (statement_run_nullable(&insert, fcinfo->args) == 0)
		CHECK_FOR_INTERRUPTS();
	*id = next_uuid(ROW(0));
	call_end(&call);
	PG_RETURN_UUID_P(id);
}

void
lock_application(const Caller *caller, const pg_uuid_t *application_id)
{
	static Statement lock = {
		"SELECT FROM appt.application WHERE id = $1 FOR NO KEY UPDATE", 1, {UUIDOID}
	};

	if (!caller_may_use_application(caller, application_id) ||
		statement_run(&lock, UUIDPGetDatum(application_id)) == 0)
		report_not_found("application", application_id);
}

/*
 * appt.administered_applications() -> uuid[]
 *
 * The applications of the admin's organization, for policies (core/scope.c);
 * NULL unless the caller acts as appt_admin. 42501: no valid claim.
 */
Datum
administered_applications(PG_FUNCTION_ARGS)
{
	static Statement find = {
		"SELECT coalesce(array_agg(id), '{}') FROM appt.application WHERE organization_id = $1",
		1, {UUIDOID}, true
	};
	Call		call;
	NullableDatum ids = SQL_NULL;

	call_begin(&call, fcinfo, CALLER_ALL);
	if (call.caller.role == CALLER_ADMIN)
	{
		(void) statement_run(&find, UUIDPGetDatum(&call.caller.organization_id));
		ids = SQL_VALUE(call_copy(&call, next_value(ROW(0)).value, false, -1));
	}
	call_end(&call);
	if (ids.isnull)
		PG_RETURN_NULL();
	return ids.value;
}

/*
 * appt.keep_auto_activate() -> trigger, BEFORE UPDATE of auto_activate that is on
 *
 * PT409 for everybody, including the owner: users rely on each appointment
 * having a link. Source: auvious-notifications.txt, automatic activation.
 */
Datum
keep_auto_activate(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	descriptor;
	bool		is_null;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("keep_auto_activate is a trigger for updated rows")));
	descriptor = RelationGetDescr(trigger->tg_relation);
	if (!DatumGetBool(heap_getattr(trigger->tg_newtuple,
								   SPI_fnumber(descriptor, "auto_activate"),
								   descriptor, &is_null)))
		report_conflict("automatic activation cannot be switched off again",
						"Application \"%s\" has it on.",
						uuid_text(DatumGetUUIDP(heap_getattr(trigger->tg_newtuple,
															 SPI_fnumber(descriptor, "id"),
															 descriptor, &is_null))));
	return PointerGetDatum(trigger->tg_newtuple);
}
