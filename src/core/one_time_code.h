/*
 * one_time_code.h
 *		One-time codes, which are not stored: a code is derived from a random
 *		nonce by a key that is kept in memory while the server runs.
 */
#ifndef APPT_ONE_TIME_CODE_H
#define APPT_ONE_TIME_CODE_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#define ONE_TIME_CODE_DIGITS 6

/* How long a code is valid, in microseconds; texts of messages say so, too. */
#define ONE_TIME_CODE_LIFETIME (10 * USECS_PER_MINUTE)

/* Values of appt.one_time_code.purpose. */
#define CODE_FOR_CUSTOMER "CUSTOMER"
#define CODE_FOR_SENDER "SENDER"
#define CODE_FOR_LOGGED_SENDER "LOGGED_SENDER"	/* of a provider of kind LOG,
												 * whose codes the log keeps */
#define CODE_FOR_PHONE "PHONE"

/* What a code is derived from, besides the key. */
typedef struct OneTimeCode
{
	pg_uuid_t	application_id;
	const char *purpose;
	const char *contact;		/* in the form in which contacts are compared */
	pg_uuid_t	nonce;			/* random, new for each code */
} OneTimeCode;

/*
 * The code: ONE_TIME_CODE_DIGITS digits and NUL. It changes with the server's
 * next start and, without preloading, with the session. False if the crypto
 * library fails. Depends on nothing else. In a transaction.
 */
extern bool one_time_code_derive(const OneTimeCode *code, char *digits);

/*
 * Is the guess right? In constant time for guesses of the right length. The
 * caller counts the guess: see code_counts.h.
 */
extern bool one_time_code_is(const OneTimeCode *code, const char *guess);

/* ---- for process/init.c, when the library is loaded ---- */
extern void one_time_code_shared_request(void);
extern void one_time_code_shared_create(void);

#endif							/* APPT_ONE_TIME_CODE_H */
