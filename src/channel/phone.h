/*
 * phone.h
 *		Phone numbers and the senders of text messages.
 */
#ifndef APPT_PHONE_H
#define APPT_PHONE_H

/* E.164: "+306900000000". */
extern bool phone_number_is_valid(const char *number);

/* Of 3 to 8 digits. */
extern bool short_code_is_valid(const char *sender);

/* Of at most 11 characters, at least one of them a letter. */
extern bool alphanumeric_sender_is_valid(const char *sender);

/*
 * A phone number as E.164 if it can be read as one, else a copy. calling_code is
 * the country's, for numbers without one, "30" or "+30"; it may be NULL.
 */
extern char *phone_normalize(const char *phone, const char *calling_code);

/*
 * The same for one end of a text message, which may be no phone number: a short
 * code (up to 6 digits) or a name stays as it is.
 */
extern char *sms_end_normalize(const char *end, const char *calling_code);

#endif							/* APPT_PHONE_H */
