/*
 * nothing_found.c
 *		A list that is empty is not found.
 */
#include "postgres.h"

#include "fmgr.h"

#include "core/errors.h"

PG_FUNCTION_INFO_V1(rest_nothing_found);

/*
 * appt_rest.nothing_found() -> appt_rest.appointment_page
 *
 * PT404, always. Source: auvious-appointments-api.txt, "No appointments found
 * matching the criteria".
 */
Datum
rest_nothing_found(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_APPT_NOT_FOUND),
			 errmsg("no appointments found"),
			 errdetail("No appointment that you may see matches, or the page is past the last one.")));
	pg_unreachable();
}
