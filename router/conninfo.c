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

char *
conninfo_value(const char *conninfo, const char *keyword)
{
	PQconninfoOption *options = conninfo_options(conninfo);
	char	   *value = NULL;

	for (PQconninfoOption *option = options; option->keyword != NULL; option++)
		if (option->val != NULL && strcmp(option->keyword, keyword) == 0)
			value = pstrdup(option->val);
	PQconninfoFree(options);
	return value;
}

int
conninfo_hosts(const char *conninfo)
{
	const char *names = conninfo_value(conninfo, "host");
	const char *addresses = conninfo_value(conninfo, "hostaddr");
	int			count = 1;

	for (const char *c = addresses != NULL ? addresses : names; c != NULL && *c != '\0'; c++)
		count += *c == ',';
	return count;
}
