/*
 * encoding.h
 *		Converting text from the database's encoding to UTF-8 without errors.
 */
#ifndef APPT_ENCODING_H
#define APPT_ENCODING_H

/*
 * The text in UTF-8, in CurrentMemoryContext or the argument itself; NULL if
 * it is not valid or has a character that UTF-8 lacks. After encoding_prepare
 * it raises no errors and reads no catalog; before that, outside of a
 * transaction, only ASCII can be converted.
 */
extern char *encoding_to_utf8(const char *text);

/* The same for a text that may be NULL, which stays NULL; false if it cannot be converted. */
extern bool encoding_optional_to_utf8(const char *text, char **utf8);

/* Look up the conversion, for the lifetime of the process. Needs a transaction. */
extern void encoding_prepare(void);

#endif							/* APPT_ENCODING_H */
