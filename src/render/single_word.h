/*
 * single_word.h
 *		Text messages that are one word, and codes that are compared with them.
 */
#ifndef APPT_SINGLE_WORD_H
#define APPT_SINGLE_WORD_H

/* Maximum number of characters of a word. */
#define SINGLE_WORD_MAX 32

/*
 * The word that a text consists of, in the form in which words are compared:
 * without blanks and punctuation around it, in lower case, wide and styled
 * letters as plain ones, digits of any script as 0 to 9. In UTF-8 and
 * CurrentMemoryContext. NULL if the text is none: it is empty, has a blank
 * within, is longer than SINGLE_WORD_MAX characters or no valid text. Pure.
 */
extern char *single_word(const char *text);

#endif							/* APPT_SINGLE_WORD_H */
