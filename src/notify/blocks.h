/*
 * blocks.h
 *		What a rule adds to its messages, whatever their templates say: buttons,
 *		the block that shows the date like a calendar's leaf, and reply codes.
 *
 * A template may say where: {{{buttons}}} and {{{calendarBlock}}}. While it is
 * rendered these names have markers as values, so that text and HTML get
 * blocks of their own, and what was not placed is known. Pure.
 */
#ifndef APPT_BLOCKS_H
#define APPT_BLOCKS_H

#include "notify/facts.h"
#include "notify/links.h"
#include "render/dates.h"

/* Values of the template's names; NULL: there is no such block. */
typedef struct Markers
{
	const char *buttons;
	const char *calendar_block;
} Markers;

typedef struct Blocks
{
	Markers		markers;
	const char *buttons_text;
	const char *buttons_html;
	const char *reply_codes;	/* a sentence; NULL: none */
	const char *calendar_text;
	const char *calendar_html;
	bool		appends_calendar;	/* to HTML that does not place it */
	const char *token;			/* a short message that has it has a link
								 * itself; NULL: always has none */
} Blocks;

/*
 * The blocks of a message in this locale; without links there are no buttons.
 * With `places_calendar` the template mentions the calendar block. False with
 * *error set to a sentence if a date can't be written.
 */
extern bool blocks_make(const NotificationFacts *facts, const Links *links, const DateFormat *dates,
						bool places_calendar, Blocks *blocks, char **error);

/* A rendered part with the blocks in place, or at its end; NULL of NULL. */
extern const char *blocks_in_subject(const Blocks *blocks, const char *subject);
extern const char *blocks_in_text(const Blocks *blocks, const char *text);
extern const char *blocks_in_html(const Blocks *blocks, const char *html);

#endif							/* APPT_BLOCKS_H */
