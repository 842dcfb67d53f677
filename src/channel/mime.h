/*
 * mime.h
 *		Headers and bodies of a mail in 7-bit text.
 *
 * Each function appends whole lines. Texts are UTF-8, addresses ASCII.
 */
#ifndef APPT_MIME_H
#define APPT_MIME_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

/* A header of free text in one line, encoded and folded as it needs. */
extern void append_text_header(StringInfo buffer, const char *name, const char *text);

/* "From: name <address>"; the name may be NULL or "". */
extern void append_mailbox_header(StringInfo buffer, const char *header, const char *name,
								  const char *address);

/* Date, in UTC; nothing for infinity. */
extern void append_date_header(StringInfo buffer, TimestampTz timestamp);

/*
 * A body of type text/..., with its headers and the blank line between. The type
 * is what follows the slash: "html", perhaps with parameters.
 */
extern void append_part(StringInfo buffer, const char *type, const char *body);

/* A body in base64, in lines of 76 characters. */
extern void append_base64(StringInfo buffer, const char *text);

/*
 * Several parts: begin_multipart writes the header, next_part the line before
 * each part, end_multipart the line after the last. The level, "a" or "b", tells
 * nested ones apart; with the mail's uid it makes the boundary.
 */
extern void begin_multipart(StringInfo buffer, const char *subtype, const char *level,
							const char *uid);
extern void next_part(StringInfo buffer, const char *level, const char *uid);
extern void end_multipart(StringInfo buffer, const char *level, const char *uid);

#endif							/* APPT_MIME_H */
