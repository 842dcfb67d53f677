/*
 * plans.c
 *		Planner settings under which appt's statements run.
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

static void
pin(const char *name, const char *value, bool for_good)
{
	(void) set_config_option(name, value, PGC_USERSET,
							 for_good ? PGC_S_OVERRIDE : PGC_S_SESSION,
							 for_good ? GUC_ACTION_SET : GUC_ACTION_SAVE,
							 true, 0, false);
}

void
pin_plans(bool for_good)
{
	for (int i = 0; i < lengthof(pinned); i++)
		pin(pinned[i][0], pinned[i][1], for_good);
}

/* Incremental sort is not disabled: it needs an index's order. */
void
pin_order(void)
{
	pin("enable_sort", "off", false);
}
