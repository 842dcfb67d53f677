/*
 * page_words.h
 *		Words in the languages that appt knows: of pages, buttons and messages.
 *
 * They are constants, made of the files in src/notify/words, and not rows, so that a dump does not restore old words over
 * those of a newer version. A text may be a Mustache template.
 */
#ifndef APPT_PAGE_WORDS_H
#define APPT_PAGE_WORDS_H

#define WORDS_ENGLISH 0			/* the language that has all words */

/* How many languages there are, and the code of one: "en", "de", ... */
extern int	words_languages(void);
extern const char *words_language_code(int language);

/* The language of a locale ("de", "de-AT", "de_at"); -1 if it is not known or NULL. */
extern int	words_language(const char *locale);

/*
 * The text in the locale's language, else in English: "page.title". In the
 * database's encoding, constant, or palloc'd where that is not UTF-8. A key
 * that there is not is returned itself.
 */
extern const char *page_word(const char *locale, const char *key);

/* The language's own text, in UTF-8; NULL if it has none. */
extern const char *words_own(int language, const char *key);

/* All keys, in the order of their bytes; NULL after the last. */
extern const char *words_key(int number);

/*
 * A text of UTF-8 in the database's encoding: itself, or palloc'd; NULL if that
 * lacks a character.
 */
extern const char *words_for_database(const char *text);

#endif							/* APPT_PAGE_WORDS_H */
