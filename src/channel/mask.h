/*
 * mask.h
 *		Secrets out of foreign text.
 */
#ifndef APPT_MASK_H
#define APPT_MASK_H

#include "nodes/pg_list.h"

/*
 * A copy of the text with ******** for each of the secrets (of char *, in UTF-8),
 * also where they are escaped or encoded in it. Not `is_whole`: the text was cut
 * off, so a beginning of a secret at its end is masked, too.
 */
extern char *mask_secrets(const char *text, List *secrets, bool is_whole);

#endif							/* APPT_MASK_H */
