/*
 * appearance.c
 *		How the buttons and the calendar block of a rule's messages look.
 */
#include "postgres.h"

#include <ctype.h>
#include <math.h>

#include "core/json.h"
#include "core/text.h"
#include "notify/appearance.h"

#define CALENDAR_BLOCK "calendar_block"

/* Members that are colours. */
static const char *const color_names[] = {
	"button_color", "button_text_color", "calendar_color", "calendar_text_color"
};

bool
is_color(const char *text)
{
	if (text == NULL || strlen(text) != 7 || text[0] != '#')
		return false;
	for (int i = 1; i < 7; i++)
		if (!isxdigit((unsigned char) text[i]))
			return false;
	return true;
}

/* ---- contrast (WCAG 2) ---- */

static double
light_of(const char *color, int channel)
{
	const char	digits[] = {color[1 + 2 * channel], color[2 + 2 * channel], '\0'};
	double		part = strtol(digits, NULL, 16) / 255.0;

	return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4);
}

const char *
readable_on(const char *color)
{
	double		luminance = 0.2126 * light_of(color, 0) + 0.7152 * light_of(color, 1) + 0.0722 * light_of(color, 2);

	/* Where 1.05 / (luminance + 0.05) is (luminance + 0.05) / 0.05. */
	return luminance > 0.179 ? "#000000" : "#ffffff";
}

/* ---- reading ---- */

static const char *
color_or(const Jsonb *jsonb, const char *name, const char *otherwise)
{
	char	   *color = json_root_text(jsonb, name);

	return is_color(color) ? color : otherwise;
}

static CalendarBlock
calendar_block_of(const Jsonb *jsonb)
{
	if (!json_has_member(jsonb, CALENDAR_BLOCK))
		return CALENDAR_BLOCK_WHERE_PLACED;
	return json_root_bool(jsonb, CALENDAR_BLOCK, false) ? CALENDAR_BLOCK_ALWAYS : CALENDAR_BLOCK_NEVER;
}

Appearance
appearance_of(const Jsonb *jsonb, const char *button_color)
{
	Appearance	appearance = {
		.button_color = color_or(jsonb, "button_color", button_color),
		.calendar_color = color_or(jsonb, "calendar_color", "#e4e7eb"),
		.calendar_block = calendar_block_of(jsonb)
	};

	appearance.button_text_color = color_or(jsonb, "button_text_color", readable_on(appearance.button_color));
	appearance.calendar_text_color = color_or(jsonb, "calendar_text_color", readable_on(appearance.calendar_color));
	return appearance;
}

/* ---- checking ---- */

static bool
is_color_name(const char *name)
{
	for (int i = 0; i < lengthof(color_names); i++)
		if (strcmp(color_names[i], name) == 0)
			return true;
	return false;
}

static const char *
member_problem(const char *name, const JsonbValue *value)
{
	if (is_color_name(name))
		return is_color(json_text(value)) ? NULL : psprintf("\"%s\" is not a colour like #1a56db.", name);
	if (strcmp(name, CALENDAR_BLOCK) == 0)
		return value->type == jbvBool ? NULL : "\"" CALENDAR_BLOCK "\" is neither true nor false.";
	return psprintf("\"%s\" is not known.", quotable_text(name));
}

const char *
appearance_problem(const Jsonb *jsonb)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	item;
	const char *name = "";
	const char *problem = NULL;

	if (!JB_ROOT_IS_OBJECT(jsonb))
		return "It is not an object.";
	iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &jsonb->root));
	while (problem == NULL && (token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = json_text(&item);
		else if (token == WJB_VALUE)
			problem = member_problem(name, &item);
	}
	return problem;
}
