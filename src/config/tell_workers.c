/*
 * tell_workers.c
 *		From a change of configuration to the workers, who keep limits and
 *		destinations in memory, and have messages under way.
 *
 * Everything else that a message depends on they read anew for each message.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"

#include "core/wake.h"

PG_FUNCTION_INFO_V1(tell_workers);

/*
 * appt.tell_workers(what) -> trigger, AFTER a statement that may change what a
 * lane may send and where it leads, or ('switch') whether it may send at all
 *
 * Nobody is told if the transaction is rolled back. A restore fires it too,
 * which costs a running worker one more look.
 */
Datum
tell_workers(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("tell_workers is a trigger")));
	if (((TriggerData *) fcinfo->context)->tg_trigger->tgnargs > 0)
		wake_for_switch_on_commit();
	else
		wake_for_configuration_on_commit();
	return PointerGetDatum(NULL);
}
