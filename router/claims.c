/*
 * claims.c
 *		The claims of a token that tell where a call goes.
 *
 * They are read as appt reads them (core/call.c).
 */
#include "postgres.h"

#include "core/json_strings.h"
#include "router/claims.h"

static int
hexadecimal_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
uuid_from_text(const char *text, pg_uuid_t *uuid)
{
	int			digits = 0;

	if (text == NULL)
		return false;
	memset(uuid, 0, sizeof(*uuid));
	for (const char *c = text; *c != '\0'; c++)
	{
		int			digit = hexadecimal_digit(*c);

		if (*c == '-' || *c == '{' || *c == '}')
			continue;
		if (digit < 0 || digits >= 2 * UUID_LEN)
			return false;
		uuid->data[digits / 2] |= digits % 2 == 0 ? digit << 4 : digit;
		digits++;
	}
	return digits == 2 * UUID_LEN;
}

void
claims_read(Claims *claims, const char *text)
{
	JsonString	wanted[] = {{"application_id"}, {"organization_id"}};

	find_json_strings(text, wanted, lengthof(wanted));
	claims->has_application = uuid_from_text(wanted[0].value, &claims->application_id);
	claims->has_organization = uuid_from_text(wanted[1].value, &claims->organization_id);
}
