/*
 * claims.c
 *		The claims of a token that tell where a call goes.
 *
 * They are read as appt reads them (core/call.c).
 */
#include "postgres.h"

#include "core/json_strings.h"
#include "core/text.h"
#include "router/claims.h"

void
claims_read(Claims *claims, const char *text)
{
	JsonString	wanted[] = {{"application_id"}, {"organization_id"}};

	find_json_strings(text, wanted, lengthof(wanted));
	claims->has_application = uuid_parse(wanted[0].value, &claims->application_id);
	claims->has_organization = uuid_parse(wanted[1].value, &claims->organization_id);
}
