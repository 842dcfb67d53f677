/*
 * appearance.h
 *		How the buttons and the calendar block of a rule's messages look:
 *		rule.appearance.
 *
 * {"button_color", "button_text_color", "calendar_color", "calendar_text_color":
 * colours as #RRGGBB, "calendar_block": boolean}, each optional. Pure.
 */
#ifndef APPT_APPEARANCE_H
#define APPT_APPEARANCE_H

#include "utils/jsonb.h"

/* Whether messages have a calendar block. */
typedef enum CalendarBlock
{
	CALENDAR_BLOCK_WHERE_PLACED,	/* where a template places it */
	CALENDAR_BLOCK_ALWAYS,
	CALENDAR_BLOCK_NEVER
} CalendarBlock;

typedef struct Appearance
{
	const char *button_color;
	const char *button_text_color;
	const char *calendar_color;
	const char *calendar_text_color;
	CalendarBlock calendar_block;
} Appearance;

/*
 * A button's colour that is not given is `button_color`, a calendar block's is appt's own; a text's is black or white,
 * whichever is easier to read. NULL: nothing is given.
 */
extern Appearance appearance_of(const Jsonb *jsonb, const char *button_color);

/* Is it a colour like #1a56db? NULL is none. */
extern bool is_color(const char *text);

/* Black or white, whichever has more contrast to the colour. */
extern const char *readable_on(const char *color);

/* What is wrong with it, as a sentence; NULL: nothing. */
extern const char *appearance_problem(const Jsonb *jsonb);

#endif							/* APPT_APPEARANCE_H */
