/*
 * unescape.h
 *		One escape of JSON, URLs, HTML or broken lines, decoded.
 */
#ifndef APPT_UNESCAPE_H
#define APPT_UNESCAPE_H

/* The longest escape: two of JSON's \uXXXX. */
#define LONGEST_ESCAPE 12

/* No escape becomes more bytes than this: a character of UTF-8. */
#define LONGEST_UNESCAPED 4

/* The text ends within what may be an escape. */
#define ESCAPE_IS_CUT (-1)

/*
 * The length of the escape that begins at `at`: 0 if none does, or ESCAPE_IS_CUT.
 * Its *count bytes, fewer than the escape has, go to `unescaped`; a line break
 * has none.
 */
extern int	unescape(const char *at, const char *end, char *unescaped, int *count);

#endif							/* APPT_UNESCAPE_H */
