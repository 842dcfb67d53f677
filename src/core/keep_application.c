/*
 * keep_application.c
 *		Keeps an application while a transaction plans messages for it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/errors.h"
#include "core/keep_application.h"
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
