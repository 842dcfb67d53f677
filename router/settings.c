/*
 * settings.c
 *		The settings of the router, and the start of its library.
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "utils/guc.h"

#include "router/settings.h"

PG_MODULE_MAGIC;

int			router_move_timeout;
int			router_connect_timeout;

void		_PG_init(void);

void
_PG_init(void)
{
	DefineCustomIntVariable("appt_router.move_timeout", "Sets how long a call waits for a tenant that is being moved.",
							NULL, &router_move_timeout, 10000, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("appt_router.connect_timeout", "Sets how long a call waits for a connection to a shard, for each host of its connection string.",
							NULL, &router_connect_timeout, 5000, 1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	MarkGUCPrefixReserved("appt_router");
}
