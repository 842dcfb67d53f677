/*
 * tell_workers.c
 *		Telling the workers of a change of configuration.
 *
 * They cache limits and destinations, and have messages under way. All else
 * that a message depends on they read for each message.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/rel.h"
#include "utils/uuid.h"

#include "core/wake.h"

PG_FUNCTION_INFO_V1(tell_workers);

/* The application that the row belongs to, or is. It is the same in the old and the new row. */
static pg_uuid_t *
application_of(const TriggerData *trigger)
{
	TupleDesc	descriptor = RelationGetDescr(trigger->tg_relation);
	int			column = SPI_fnumber(descriptor, trigger->tg_trigger->tgargs[0]);
	bool		is_null;

	return DatumGetUUIDP(SPI_getbinval(trigger->tg_trigtuple, descriptor, column, &is_null));
}

/*
 * appt.tell_workers(column) -> trigger
 *
 * With a column, AFTER a change of a row that limits or routes an application's
 * messages; the column has the application's id. Without one, AFTER a statement
 * that changes a switch.
 *
 * Nothing is sent if the transaction is rolled back. A restore fires the
 * trigger, too, which costs a running worker one more look.
 */
Datum
tell_workers(PG_FUNCTION_ARGS)
{
	const TriggerData *trigger = (const TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("tell_workers is a trigger")));
	if (trigger->tg_trigger->tgnargs == 0)
		wake_for_switch_on_commit();
	else
		wake_for_configuration_on_commit(application_of(trigger));
	return PointerGetDatum(NULL);
}
