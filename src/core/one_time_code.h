/*
 * one_time_code.h
 *		One-time codes that stand nowhere: what is stored of one is a random
 *		nonce, and the code is derived from it whenever it is needed, by a key
 *		that lives in memory alone and as long as the server runs.
 */
#ifndef APPT_ONE_TIME_CODE_H
#define APPT_ONE_TIME_CODE_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#define ONE_TIME_CODE_DIGITS 6

/* How long a code is valid; the texts of messages say so, too. */
#define ONE_TIME_CODE_LIFETIME (10 * USECS_PER_MINUTE)

/* What codes are for: spellings of appt.one_time_code.purpose. */
#define CODE_FOR_CUSTOMER "CUSTOMER"
#define CODE_FOR_SENDER "SENDER"

/* What a code is derived from. */
typedef struct OneTimeCode
{
	pg_uuid_t	application_id;
	const char *purpose;
	const char *contact;		/* as contacts are compared */
	pg_uuid_t	nonce;			/* random, another one for each code */
} OneTimeCode;

/*
 * The code: ONE_TIME_CODE_DIGITS digits, and NUL. Another one after the
 * server's next start and, without preloading, in another session. False if
 * the crypto library fails; pure but for the key. In a transaction.
 */
extern bool one_time_code_derive(const OneTimeCode *code, char *digits);

/*
 * Is it the code? In constant time for guesses of the right length. Who asks
 * counts the guess: see code_counts.h.
 */
extern bool one_time_code_is(const OneTimeCode *code, const char *guess);

/* ---- for the start of the library, process/init.c ---- */
extern void one_time_code_shared_request(void);
extern void one_time_code_shared_create(void);

#endif							/* APPT_ONE_TIME_CODE_H */
