/*
 * template_data.h
 *		The values of a template's names.
 */
#ifndef APPT_TEMPLATE_DATA_H
#define APPT_TEMPLATE_DATA_H

#include "notify/blocks.h"
#include "notify/facts.h"
#include "notify/links.h"
#include "notify/unpacking.h"
#include "render/dates.h"
#include "render/mustache.h"

/* What a message is rendered from. */
typedef enum TemplatePart
{
	PART_SUBJECT, PART_TEXT, PART_HTML,
	PART_HEADING,				/* these three: of the layout */
	PART_LAYOUT_TEXT, PART_LAYOUT_HTML
} TemplatePart;
#define TEMPLATE_PARTS (PART_LAYOUT_HTML + 1)

/* The texts, parsed, and the locale they are written in. */
typedef struct ParsedTemplate
{
	const Mustache *parts[TEMPLATE_PARTS];	/* NULL: none */
	DateFormat	dates;			/* start_at is 0 if the message has none */
	TimestampTz end_at;
	const Links *links;			/* NULL: none */
	Blocks		blocks;
} ParsedTemplate;

/*
 * The values of the names that the template mentions, as an object. `code` is
 * that of a CODE, "" for others. NULL if a date can't be written, with *error
 * set to a sentence, or if more than the budget is needed.
 */
extern Jsonb *template_data(const NotificationFacts *facts, const ParsedTemplate *template,
							const char *code, Unpacking *unpacking, char **error);

#endif							/* APPT_TEMPLATE_DATA_H */
