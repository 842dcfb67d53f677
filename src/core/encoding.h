/*
 * encoding.h
 *		From the database's encoding to UTF-8, without errors.
 */
#ifndef APPT_ENCODING_H
#define APPT_ENCODING_H

/*
 * A text of the database's encoding in UTF-8, in CurrentMemoryContext or the
 * text itself; NULL if it is not valid, or has a character that UTF-8 lacks.
 * Raises nothing and reads no catalog once encoding_prepare has been called;
 * before, and outside of a transaction, only ASCII can be converted.
 */
extern char *encoding_to_utf8(const char *text);

/* The same for a text that may be NULL, and is NULL then; false if it can't be converted. */
extern bool encoding_optional_to_utf8(const char *text, char **utf8);

/* Look up the conversion, for the lifetime of the process. Needs a transaction. */
extern void encoding_prepare(void);

#endif							/* APPT_ENCODING_H */
