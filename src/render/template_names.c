/*
 * template_names.c
 *		What a saved template may mention.
 */
#include "postgres.h"

#include "render/date_pattern.h"
#include "render/template_names.h"

static const char *const known_names[] = {
	"firstName", "lastName", "fullName", "username", "title", "notes",
	"location", "organizer", "cancelReason", "joinUrl", "icalUrl", "googleCalendarUrl", "outlookCalendarUrl",
	"time24", "time12", "time", "date", "shortDate", "fullDate", "zone", "zoneName", "duration", "previousDate", "previousTime",
	"applicationName", "code", "invitation",
	"landingUrl", "acceptUrl", "declineUrl", "rescheduleUrl", "unsubscribeUrl",
	"status", "meetingType", "videoPlatform", "contactName", "contactPhone", "contactEmail", "contactUrl",
	"buttons", "calendarBlock",
	"customerName", "line", "contact.name", "contact.phone", "contact.email", "contact.id",
	"branding.logo_url", "branding.color", "branding.text_color", "branding.footer", "branding.address",
	"locale", "direction",
	"content", "heading", "subject" /* of a layout */
};

/* Objects with keys that the application chose, and the contents of a report and of a response. */
static const char *const open_objects[] = {"metadata", "participant.metadata", "payload", "report", "response"};

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

/* A key of an open object; without a key only as a section, like the contact. */
static bool
is_name_of_object(const char *name, bool is_section)
{
	for (int i = 0; i < lengthof(open_objects); i++)
	{
		size_t		length = strlen(open_objects[i]);

		if (strncmp(name, open_objects[i], length) == 0 &&
			(name[length] == '\0' ? is_section : name[length] == '.' && name[length + 1] != '\0'))
			return true;
	}
	return is_section && strcmp(name, "contact") == 0;
}

static bool
may_mention(const MustacheName *mentioned)
{
	const char *name = mentioned->name;

	/* Inside an open object any name may be a key. */
	if (mentioned->in_open_object)
		return true;
	if (strcmp(name, ".") == 0)
		return mentioned->section != NULL;
	return is_known_name(name) ||
		is_name_of_object(name, mentioned->is_section) ||
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
