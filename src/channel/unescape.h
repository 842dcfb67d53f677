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

/*
 * The length of the escape at `at`, 0 if none is there. Its *count bytes, fewer
 * than the escape has, go to `unescaped`.
 */
extern int	unescape(const char *at, const char *end, char *unescaped, int *count);

/* The value of a hexadecimal digit of either case; -1: it is none. */
extern int	hex_digit(char digit);

#endif							/* APPT_UNESCAPE_H */
