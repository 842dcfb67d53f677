/*
 * plans.c
 *		The planner's settings under which appt's statements run.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "core/plans.h"

static const char *const pinned[][2] = {
	{"plan_cache_mode", "force_generic_plan"},
	{"enable_seqscan", "off"},
	{"enable_bitmapscan", "off"},
	{"enable_hashjoin", "off"},
	{"enable_mergejoin", "off"},
	{"enable_material", "off"},
	{"jit", "off"}
};

void
pin_plans(bool for_good)
{
	for (int i = 0; i < lengthof(pinned); i++)
		(void) set_config_option(pinned[i][0], pinned[i][1], PGC_USERSET,
								 for_good ? PGC_S_OVERRIDE : PGC_S_SESSION,
								 for_good ? GUC_ACTION_SET : GUC_ACTION_SAVE,
								 true, 0, false);
}
