/*
 * layout.h
 *		The layout around the text of an email: the application's own, a template
 *		of type LAYOUT, or the built-in one.
 *
 * It is around built-in texts and around templates that are text alone; one with
 * HTML is a whole message. Its names are those of the message, and "content",
 * "subject" and "heading". Pure.
 */
#ifndef APPT_LAYOUT_H
#define APPT_LAYOUT_H

#include "notify/blocks.h"
#include "utils/jsonb.h"

/* The data of a layout: that of the message, and these; NULL is left out. */
extern Jsonb *layout_data(const Jsonb *data, const char *content, const char *subject, const char *heading);

/*
 * A rendered text as HTML: paragraphs where lines are empty, links where it has a
 * URL. The marker of a block that is a paragraph of its own stays as it is.
 */
extern char *text_as_html(const char *text, const Markers *markers);

#endif							/* APPT_LAYOUT_H */
