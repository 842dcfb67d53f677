/*
 * contact.c
 *		The contact information of an application.
 *
 * The url becomes a link on a page that customers open, so it must have one of
 * three schemes: others may run a script.
 */
#include "postgres.h"

#include "fmgr.h"

#include "config/checks.h"
#include "config/contact.h"
#include "core/arguments.h"
#include "core/errors.h"
#include "core/text.h"

PG_FUNCTION_INFO_V1(contact_is_valid);

static bool
has_scheme(const char *url, const char *scheme)
{
	return pg_strncasecmp(url, scheme, strlen(scheme)) == 0;
}

/* Something follows the scheme, and all of it is printable ASCII that needs no escape in a URL. */
static bool
is_written_as_url(const char *url, const char *scheme)
{
	const char *c = url + strlen(scheme);

	if (*c == '\0')
		return false;
	for (; *c != '\0'; c++)
		if (*c <= ' ' || *c >= 0x7f || strchr("\"<>\\^`{|}", *c) != NULL)
			return false;
	return true;
}

static void
check_contact_url(const char *url)
{
	static const char *const schemes[] = {"https:", "mailto:", "tel:"};

	for (int i = 0; i < lengthof(schemes); i++)
		if (has_scheme(url, schemes[i]) && is_written_as_url(url, schemes[i]))
		{
			if (i == 0)
				check_url(url, false);
			return;
		}
	report_invalid("invalid contact URL", "\"%s\" is not a URL with https, mailto or tel.", quotable_text(url));
}

void
check_contact(Jsonb *contact)
{
	static const char *const members[] = {"name", "phone", "email", "url", NULL};

	if (!JB_ROOT_IS_OBJECT(contact))
		report_invalid("invalid contact", "The contact is not a JSON object.");
	check_members(&contact->root, members, "contact");
	for (int i = 0; members[i] != NULL; i++)
	{
		char	   *text = member_text(contact, members[i], psprintf("contact.%s", members[i]));

		if (text != NULL && !is_one_line(text))
			report_invalid("invalid contact", "\"contact.%s\" has control characters.", members[i]);
		if (text != NULL && strcmp(members[i], "url") == 0)
			check_contact_url(text);
	}
}

/* appt.contact_is_valid(contact jsonb) -> boolean; 22023 */
Datum
contact_is_valid(PG_FUNCTION_ARGS)
{
	check_contact(PG_GETARG_JSONB_P(0));
	PG_RETURN_BOOL(true);
}
