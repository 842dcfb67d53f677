/*
 * locales.h
 *		Which locales are known, and the order in which texts are looked up.
 *
 * Nothing here raises an error but out of memory.
 */
#ifndef APPT_LOCALES_H
#define APPT_LOCALES_H

#define LOCALE_MAX_FALLBACKS	6
#define LOCALE_MAX_LENGTH		16	/* zh-Hant-TW and the like, with its NUL */

/*
 * Does ICU know the locale: a language it has data for, with a script and a
 * country if given?  Hyphen or underscore, any case; no encodings, variants or
 * keywords.
 */
extern bool locale_is_known(const char *locale);

/* Is its language written from right to left? */
extern bool locale_is_right_to_left(const char *locale);

/*
 * Writes the locale's name for ICU.  If the locale is not known, returns false
 * and sets *error to a palloc'd sentence.
 */
extern bool locale_for_icu(const char *locale, char name[LOCALE_MAX_LENGTH], char **error);

/*
 * The locales to look a text up in, best first: the locale, then the same
 * without country, then without script, then the same of the application's
 * locale.  Written with hyphens and in BCP 47's case, without duplicates.
 * Either may be NULL.  Returns how many were set, 0 to LOCALE_MAX_FALLBACKS.
 */
extern int	locale_fallbacks(const char *locale, const char *application_locale,
							 char chain[LOCALE_MAX_FALLBACKS][LOCALE_MAX_LENGTH]);

#endif							/* APPT_LOCALES_H */
