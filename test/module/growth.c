/*
 * growth.c
 *		How much a process grows when it repeats an operation.
 */
#include "postgres.h"

#include <unistd.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "growth.h"

PG_FUNCTION_INFO_V1(test_resident_bytes);

/* Bytes of this process that are in memory and its own. */
int64
resident_bytes(void)
{
	FILE	   *statm = fopen("/proc/self/statm", "r");
	long		size,
				resident,
				shared;

	if (statm == NULL || fscanf(statm, "%ld %ld %ld", &size, &resident, &shared) != 3)
		elog(ERROR, "could not read /proc/self/statm");
	fclose(statm);
	return (int64) (resident - shared) * sysconf(_SC_PAGESIZE);
}

int64
growth(int times, void (*work) (int i, void *argument), void *argument)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "work",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	int64		before = 0;

	for (int i = 0; i < times; i++)
	{
		if (i == times / 10)
			before = resident_bytes();
		CHECK_FOR_INTERRUPTS();
		work(i, argument);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(caller);
	return resident_bytes() - before;
}

Datum
test_resident_bytes(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(resident_bytes());
}
