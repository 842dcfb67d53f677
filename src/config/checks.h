/*
 * checks.h
 *		Checks of values that both functions and CHECK constraints make.
 *
 * Each raises 22023 with a constant message and the value in DETAIL.
 */
#ifndef APPT_CHECKS_H
#define APPT_CHECKS_H

/* An IANA timezone name; a locale like en, en-GB or en_GB. */
extern void require_known_timezone(const char *timezone);
extern void require_known_locale(const char *locale);

/* A URL that a message may be sent to: http and https, or smtp and smtps. DETAIL masks credentials in it. */
extern void check_url(const char *url, bool smtp);

/* An email address, with or without a display name. */
extern void check_sender(const char *sender);

/* 22023 if the text or JSON has more bytes; it is neither decompressed nor shown. `name` is the column's. */
extern void check_length(const char *name, Datum value, Size most);

#endif							/* APPT_CHECKS_H */
