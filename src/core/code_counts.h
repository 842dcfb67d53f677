/*
 * code_counts.h
 *		What is counted of one-time codes where no rollback undoes it: who asked
 *		for them, and wrong guesses.
 *
 * Counts are exact and need no transaction. They last as long as the server,
 * like the key that codes are derived with; without preloading as long as the
 * session.
 */
#ifndef APPT_CODE_COUNTS_H
#define APPT_CODE_COUNTS_H

#include "core/one_time_code.h"

/* Requests granted within ONE_TIME_CODE_LIFETIME, for one purpose in one application. */
#define CODES_PER_CONTACT 3
#define CODES_PER_CLIENT 20
#define CODES_PER_APPLICATION 300

/* Wrong guesses after which not even the right code is accepted. */
#define ONE_TIME_CODE_TRIES 5

/* Earlier requests that count towards the limits of a new one. */
typedef struct CodeRequests
{
	int64		by_contact;
	int64		by_client;
	int64		by_application;
} CodeRequests;

typedef enum CodeLimit
{
	CODE_LIMIT_NONE,			/* one more is granted */
	CODE_LIMIT_CONTACT,
	CODE_LIMIT_CLIENT,
	CODE_LIMIT_APPLICATION
} CodeLimit;

/* The first limit that is reached. Pure. */
extern CodeLimit code_limit(const CodeRequests *earlier);

typedef struct CodeRequest
{
	pg_uuid_t	organization_id;
	OneTimeCode code;			/* the one to be sent; its nonce is new */
	const char *client_address; /* NULL: not known */
} CodeRequest;

/*
 * Ask for a code. CODE_LIMIT_NONE: the request is granted and counted, and the
 * code may be guessed at from now on. Else nothing is counted.
 */
extern CodeLimit code_counts_request(const CodeRequest *request, TimestampTz now);

typedef enum CodeGuess
{
	GUESS_RIGHT,
	GUESS_WRONG,
	GUESS_REFUSED				/* not accepted, right or wrong */
} CodeGuess;

/*
 * Guess at a code that was not used yet. Refused if it is not known (any more)
 * or too many guesses were wrong. A wrong one is counted.
 */
extern CodeGuess code_counts_guess(const pg_uuid_t *nonce, bool is_right, TimestampTz now);

/* Guess at a used code, however long ago it was used: it has ONE_TIME_CODE_TRIES of its own. */
extern CodeGuess code_counts_guess_used(const pg_uuid_t *nonce, bool is_right);

/* ---- for the start of the library, process/init.c ---- */
extern void code_counts_shared_request(void);
extern void code_counts_shared_create(void);

#endif							/* APPT_CODE_COUNTS_H */
