/*
 * branding.c
 *		How the emails of an application look.
 *
 * The URL of the logo is one that the programs of all who read the emails fetch,
 * so it is https; appt never fetches it.
 */
#include "postgres.h"

#include "fmgr.h"

#include "config/branding.h"
#include "config/checks.h"
#include "core/arguments.h"
#include "core/errors.h"
#include "core/text.h"
#include "notify/appearance.h"

#define MAX_LOGO_URL 2048
#define MAX_LINE 1000

PG_FUNCTION_INFO_V1(branding_is_valid);

static void
check_logo_url(const char *url)
{
	if (pg_strncasecmp(url, "https://", 8) != 0 || strlen(url) > MAX_LOGO_URL || strpbrk(url, " \"<>\\^`{|}") != NULL)
		report_invalid("invalid logo URL", "\"%s\" is not an https URL of at most %d bytes.", quotable_text(url), MAX_LOGO_URL);
	check_url(url, false);
}

static void
check_color(const char *color)
{
	if (!is_color(color))
		report_invalid("invalid color", "\"%s\" is not a color like #1a56db.", quotable_text(color));
}

static void
check_line(const char *line)
{
	if (strlen(line) > MAX_LINE)
		report_invalid("text of branding too long", "It has %zu bytes, more than %d.", strlen(line), MAX_LINE);
}

static const struct
{
	const char *name;
	void		(*check) (const char *text);
}			members[] = {
	{"logo_url", check_logo_url},
	{"color", check_color},
	{"footer", check_line},
	{"address", check_line}
};

void
check_branding(Jsonb *branding)
{
	const char *names[lengthof(members) + 1] = {NULL};

	for (int i = 0; i < lengthof(members); i++)
		names[i] = members[i].name;
	if (!JB_ROOT_IS_OBJECT(branding))
		report_invalid("invalid branding", "The branding is not a JSON object.");
	check_members(&branding->root, names, "branding");
	for (int i = 0; i < lengthof(members); i++)
	{
		char	   *text = member_text(branding, names[i], psprintf("branding.%s", names[i]));

		if (text == NULL)
			continue;
		if (!is_one_line(text))
			report_invalid("invalid branding", "\"branding.%s\" has control characters.", names[i]);
		members[i].check(text);
	}
}

/* appt.branding_is_valid(branding jsonb) -> boolean; 22023 */
Datum
branding_is_valid(PG_FUNCTION_ARGS)
{
	check_branding(PG_GETARG_JSONB_P(0));
	PG_RETURN_BOOL(true);
}
