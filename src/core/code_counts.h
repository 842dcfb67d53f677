/*
 * code_counts.h
 *		Counts of one-time codes that no rollback undoes: requests and wrong
 *		guesses.
 *
 * Counts are exact and need no transaction. They live as long as the server,
 * like the key that codes are derived with; without preloading, as long as the
 * session.
 */
#ifndef APPT_CODE_COUNTS_H
#define APPT_CODE_COUNTS_H

#include "core/one_time_code.h"

/* Maximum number of requests within ONE_TIME_CODE_LIFETIME, for one purpose in one application. */
#define CODES_PER_CONTACT 3
#define CODES_PER_CLIENT 20
#define CODES_PER_APPLICATION 300

/* Number of wrong guesses after which even the right code is refused. */
#define ONE_TIME_CODE_TRIES 5

/* Earlier requests, by limit. */
typedef struct CodeRequests
{
	int64		by_contact;
	int64		by_client;
	int64		by_application;
} CodeRequests;

typedef enum CodeLimit
{
	CODE_LIMIT_NONE,			/* no limit is reached */
	CODE_LIMIT_CONTACT,
	CODE_LIMIT_CLIENT,
	CODE_LIMIT_APPLICATION
} CodeLimit;

/* The first limit that is reached. A pure function. */
extern CodeLimit code_limit(const CodeRequests *earlier);

typedef struct CodeRequest
{
	pg_uuid_t	organization_id;
	OneTimeCode code;			/* the code to be sent; its nonce is new */
	const char *client_address; /* NULL: unknown */
} CodeRequest;

/*
 * Request a code. CODE_LIMIT_NONE: the request is granted and counted, and the
 * code may be guessed from now on. Otherwise nothing is counted.
 */
extern CodeLimit code_counts_request(const CodeRequest *request, TimestampTz now);

typedef enum CodeGuess
{
	GUESS_RIGHT,
	GUESS_WRONG,
	GUESS_REFUSED				/* refused, right or wrong */
} CodeGuess;

/*
 * Guess a code that is not used yet. Refused if it is not known (any more) or
 * had too many wrong guesses. A wrong guess is counted.
 */
extern CodeGuess code_counts_guess(const pg_uuid_t *nonce, bool is_right, TimestampTz now);

/* Guess a used code, however long ago it was used: its wrong guesses are counted anew, up to ONE_TIME_CODE_TRIES. */
extern CodeGuess code_counts_guess_used(const pg_uuid_t *nonce, bool is_right);

/* ---- for process/init.c, when the library is loaded ---- */
extern void code_counts_shared_request(void);
extern void code_counts_shared_create(void);

#endif							/* APPT_CODE_COUNTS_H */
