/*
 * warn_of_platform.c
 *		Warnings about what the platform of an application does not send.
 *
 * Rules and providers of EMAIL and SMS may be stored for a TALKDESK
 * application, so that it can move to another platform; until then their
 * messages are SKIPPED with CHANNEL_NOT_AVAILABLE. Storing one raises a
 * warning, and so does changing an application that has some to TALKDESK.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/rel.h"

#include "core/call.h"
#include "core/statement.h"

PG_FUNCTION_INFO_V1(warn_of_platform);

static bool
sends_webhooks_only(Datum application_id)
{
	static Statement find = {
		"SELECT FROM appt.application WHERE id = $1 AND platform = 'TALKDESK'", 1, {UUIDOID}
	};

	return statement_run(&find, application_id) > 0;
}

static bool
has_rules_or_providers_for_people(Datum application_id)
{
	static Statement find = {
		"SELECT FROM appt.rule WHERE application_id = $1 AND enabled AND channel <> 'WEBHOOK'"
		" UNION ALL SELECT FROM appt.provider WHERE application_id = $1 AND enabled LIMIT 1",
		1, {UUIDOID}
	};

	return statement_run(&find, application_id) > 0;
}

static Datum
column_value(const TriggerData *trigger, const char *name)
{
	TupleDesc	descriptor = RelationGetDescr(trigger->tg_relation);
	HeapTuple	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	bool		is_null;

	return SPI_getbinval(row, descriptor, SPI_fnumber(descriptor, name), &is_null);
}

static bool
is_application(const TriggerData *trigger)
{
	return strcmp(RelationGetRelationName(trigger->tg_relation), "application") == 0;
}

/* Does the stored row, or what the application has, send nothing? */
static bool
is_useless(const TriggerData *trigger)
{
	if (is_application(trigger))
		return has_rules_or_providers_for_people(column_value(trigger, "id"));
	return sends_webhooks_only(column_value(trigger, "application_id"));
}

static void
warn(const TriggerData *trigger)
{
	ereport(WARNING,
			(errmsg("a TALKDESK application sends webhooks only"),
			 is_application(trigger)
			 ? errdetail("Messages by its rules for EMAIL and SMS will be SKIPPED, CHANNEL_NOT_AVAILABLE, and its providers send nothing.")
			 : errdetail("Messages that need this %s will be SKIPPED, CHANNEL_NOT_AVAILABLE.",
						 RelationGetRelationName(trigger->tg_relation))));
}

/*
 * appt.warn_of_platform() -> trigger, AFTER a rule or provider of EMAIL or SMS is
 * stored or enabled, or an application becomes a TALKDESK application.
 */
Datum
warn_of_platform(PG_FUNCTION_ARGS)
{
	const TriggerData *trigger = (const TriggerData *) fcinfo->context;
	Call		call;
	bool		warns;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("warn_of_platform is a trigger")));
	call_begin_as_owner(&call, fcinfo);
	warns = is_useless(trigger);
	call_end(&call);
	if (warns)
		warn(trigger);
	return PointerGetDatum(NULL);
}
