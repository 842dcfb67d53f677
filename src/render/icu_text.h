/*
 * icu_text.h
 *		Texts between ICU and the database.
 */
#ifndef APPT_ICU_TEXT_H
#define APPT_ICU_TEXT_H

#include <unicode/umachine.h>

#define ICU_TEXT_MAX	256		/* UTF-16 units of a formatted text */

/* Converts ASCII, NUL included. */
extern void icu_text_from_ascii(UChar *to, const char *ascii);

/*
 * ICU's text, of at most ICU_TEXT_MAX units, palloc'd in the database's
 * encoding; narrow no-break spaces become spaces, in `text` too.  If it cannot
 * be written, NULL, and *error is set to a palloc'd sentence.
 */
extern char *icu_text_to_database(UChar *text, int length, char **error);

#endif							/* APPT_ICU_TEXT_H */
