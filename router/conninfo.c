/*
 * conninfo.c
 *		Reading connection strings of libpq.
 */
#include "postgres.h"

#include "router/conninfo.h"

PQconninfoOption *
conninfo_options(const char *conninfo)
{
	char	   *problem = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &problem);

	if (options == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid connection string"),
				 errdetail_internal("%s", problem == NULL ? "out of memory" : pchomp(problem))));
	return options;
}
