/*
 * template_names.c
 *		What a saved template may mention.
 */
#include "postgres.h"

#include "render/date_pattern.h"
#include "render/template_names.h"

static const char *const known_names[] = {
	"firstName", "lastName", "fullName", "username", "title", "notes",
	"location", "organizer", "cancelReason", "joinUrl", "icalUrl", "googleCalendarUrl",
	"time24", "time12", "date", "zone", "duration", "applicationName", "code",
};

static bool
is_known_name(const char *name)
{
	for (int i = 0; i < lengthof(known_names); i++)
	{
		if (strcmp(known_names[i], name) == 0)
			return true;
	}
	return false;
}

/* metadata.KEY and participant.metadata.KEY; without a key only as a section. */
static bool
is_metadata_name(const char *name, bool is_section)
{
	if (strncmp(name, "participant.", 12) == 0)
		name += 12;
	if (strncmp(name, "metadata", 8) != 0)
		return false;
	return name[8] == '\0' ? is_section : name[8] == '.' && name[9] != '\0';
}

static bool
may_mention(const MustacheName *mentioned)
{
	const char *name = mentioned->name;

	/* Inside metadata any name may be a key. */
	if (mentioned->in_metadata)
		return true;
	if (strcmp(name, ".") == 0)
		return mentioned->section != NULL;
	return is_known_name(name) ||
		is_metadata_name(name, mentioned->is_section) ||
		(!mentioned->is_section && is_date_pattern(name));
}

bool
template_names_are_known(const Mustache *m, char **error)
{
	for (int i = 0; i < m->name_count; i++)
	{
		const MustacheName *mentioned = &m->names[i];

		if (may_mention(mentioned))
			continue;
		*error = psprintf("The name \"%s\" in line %d is neither a known name nor a date pattern.",
						  mentioned->name, mentioned->line);
		return false;
	}
	return true;
}
