/*
 * keep_application.c
 *		Keeps an application while a transaction plans messages for it, and tells whether
 *		it is in this database.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/errors.h"
#include "core/keep_application.h"
#include "core/lookup.h"
#include "core/statement.h"

void
keep_application(const pg_uuid_t *id)
{
	static Statement keep = {
		"SELECT FROM appt.application a WHERE a.id = $1" KEEP_APPLICATION, 1, {UUIDOID}
	};

	if (statement_run(&keep, UUIDPGetDatum(id)) == 0)
		report_not_found("application", id);
}

bool
application_is_here(const pg_uuid_t *id)
{
	static const LookupSource applications = {"application", "application_pkey", {"id"}, 1, {"id"}};
	const Datum key = UUIDPGetDatum(id);
	Lookup	   *lookup = lookup_begin(&applications, &key, 1, false);
	bool		is_here = lookup_next(lookup) != NULL;

	lookup_end(lookup);
	return is_here;
}
