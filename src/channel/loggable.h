/*
 * loggable.h
 *		What the log may keep of text that another side wrote.
 */
#ifndef APPT_LOGGABLE_H
#define APPT_LOGGABLE_H

#include "channel/message.h"
#include "channel/response.h"

/*
 * The secrets that the other side was told and the log must not have: a list of
 * char * in UTF-8, partly the route's and the message's own strings.
 */
extern List *secrets_to_mask(const Message *message, const Route *route, const Response *response);

/*
 * The text without the secrets, valid in the server's encoding, of at most
 * `longest` bytes. NULL for NULL and "". Not `is_whole`: the text was cut off and
 * may end within a secret. A new string in CurrentMemoryContext.
 */
extern char *loggable_text(const char *bytes, bool is_whole, List *secrets, int longest);

/* The same with blanks for line breaks and tabs. */
extern char *loggable_line(const char *bytes, bool is_whole, List *secrets, int longest);

#endif							/* APPT_LOGGABLE_H */
