/*
 * numbers.h
 *		Numbers and amounts of money as people read them, in a locale, by ICU.
 */
#ifndef APPT_NUMBERS_H
#define APPT_NUMBERS_H

/*
 * A decimal number, "1234.5", as the locale writes it; with a currency (a code of
 * ISO 4217) as an amount, with up to four decimals, because a text message costs
 * less than a cent. NULL and *error, a palloc'd sentence, if ICU can't.
 */
extern char *numbers_format(const char *decimal, const char *currency, const char *locale, char **error);

#endif							/* APPT_NUMBERS_H */
