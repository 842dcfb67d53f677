/*
 * one_time_code.c
 *		The key that codes are derived with, and the wrong guesses at them.
 *
 * A code has to be sent minutes after it was asked for, by another process,
 * and yet must stand in no table, log or dump. So none is stored: the six
 * digits are HMAC-SHA256 of what the code is for and a random nonce, which
 * the row of the code and the notification keep. Without the key a nonce
 * tells nothing. The key is made when the server starts, and lives in shared
 * memory: codes do not outlive the server, nor work on a copy of it.
 *
 * Wrong guesses are counted beside the key, not in the table: who guesses can
 * have the transaction undone. (A client of PostgREST asks for exactly one row
 * and filters the null row of a wrong guess away: an error, after the guess.)
 * What is counted here stays counted, and is forgotten together with the key,
 * when it counts no more. A code enters at its first guess and leaves once it
 * has expired. There is room for more than are guessed at within ten minutes;
 * should it run out, further codes are refused: what can't be counted is not
 * compared.
 *
 * Without preloading each session has a key and counts of its own. Nothing
 * is sent then, so nobody misses what another session's codes would be.
 */
#include "postgres.h"

#include "common/hmac.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "core/one_time_code.h"

#define KEY_BYTES 32

/* Codes with guesses at any one time; 512 kB. */
#define MAX_GUESSED 16384

/* 10 ^ ONE_TIME_CODE_DIGITS; of 64 bits its remainder is as good as uniform. */
#define CODES 1000000

typedef struct Guessed
{
	pg_uuid_t	nonce;
	int			wrong;
	TimestampTz expires_at;
} Guessed;

typedef struct CodeMemory
{
	LWLock	   *lock;			/* NULL: the session's own */
	uint8		key[KEY_BYTES];
	int			count;
	Guessed		guessed[MAX_GUESSED];
} CodeMemory;

static CodeMemory *code_memory = NULL;

static void
make_key(uint8 *key)
{
	if (!pg_strong_random(key, KEY_BYTES))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
}

void
one_time_code_shared_request(void)
{
	RequestAddinShmemSpace(sizeof(CodeMemory));
	RequestNamedLWLockTranche("appt codes", 1);
}

void
one_time_code_shared_create(void)
{
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	code_memory = ShmemInitStruct("appt codes", sizeof(CodeMemory), &found);
	if (!found)
	{
		make_key(code_memory->key);
		code_memory->lock = &GetNamedLWLockTranche("appt codes")->lock;
		code_memory->count = 0;
	}
	LWLockRelease(AddinShmemInitLock);
}

/* The shared memory or, without preloading, the session's own. */
static CodeMemory *
memory(void)
{
	if (code_memory == NULL)
	{
		CodeMemory *own = MemoryContextAllocZero(TopMemoryContext, sizeof(CodeMemory));

		make_key(own->key);
		code_memory = own;
	}
	return code_memory;
}

/* ---- deriving ---- */

static bool
add_text(pg_hmac_ctx *context, const char *text)
{
	/* With its NUL: so no two sets of parts are the same bytes. */
	return pg_hmac_update(context, (const uint8 *) text, strlen(text) + 1) >= 0;
}

static bool
digest(const OneTimeCode *code, uint8 *result)
{
	const uint8 *key = memory()->key;
	pg_hmac_ctx *context = pg_hmac_create(PG_SHA256);
	bool		done;

	if (context == NULL)
		return false;
	done = pg_hmac_init(context, key, KEY_BYTES) >= 0 &&
		pg_hmac_update(context, code->application_id.data, UUID_LEN) >= 0 &&
		pg_hmac_update(context, code->nonce.data, UUID_LEN) >= 0 &&
		add_text(context, code->purpose) &&
		add_text(context, code->contact) &&
		pg_hmac_final(context, result, PG_SHA256_DIGEST_LENGTH) >= 0;
	pg_hmac_free(context);
	return done;
}

bool
one_time_code_derive(const OneTimeCode *code, char *digits)
{
	uint8		bytes[PG_SHA256_DIGEST_LENGTH];
	uint64		number;

	if (!digest(code, bytes))
		return false;
	memcpy(&number, bytes, sizeof(number));
	number = pg_ntoh64(number) % CODES;
	for (int i = ONE_TIME_CODE_DIGITS; i-- > 0; number /= 10)
		digits[i] = '0' + number % 10;
	digits[ONE_TIME_CODE_DIGITS] = '\0';
	return true;
}

/* ---- guessing ---- */

static bool
is_same(const char *digits, const char *guess)
{
	volatile uint8 difference = 0;

	if (strlen(guess) != ONE_TIME_CODE_DIGITS)
		return false;
	for (int i = 0; i < ONE_TIME_CODE_DIGITS; i++)
		difference |= digits[i] ^ guess[i];
	return difference == 0;
}

/* What is counted of a code; NULL if there is no room. Passes by what has expired, and forgets it. */
static Guessed *
find_guessed(CodeMemory *shared, const pg_uuid_t *nonce, TimestampTz expires_at, TimestampTz now)
{
	int			i = 0;

	while (i < shared->count)
	{
		Guessed    *guessed = &shared->guessed[i];

		if (memcmp(&guessed->nonce, nonce, UUID_LEN) == 0)
			return guessed;
		if (guessed->expires_at < now)
			*guessed = shared->guessed[--shared->count];
		else
			i++;
	}
	if (shared->count == MAX_GUESSED)
		return NULL;
	shared->guessed[shared->count] = (Guessed) {*nonce, 0, expires_at};
	return &shared->guessed[shared->count++];
}

static CodeGuess
count_guess(Guessed *guessed, bool is_right)
{
	if (guessed == NULL || guessed->wrong >= ONE_TIME_CODE_TRIES)
		return GUESS_REFUSED;
	if (is_right)
		return GUESS_RIGHT;
	guessed->wrong++;
	return GUESS_WRONG;
}

CodeGuess
one_time_code_guess(const OneTimeCode *code, const char *guess,
					TimestampTz expires_at, TimestampTz now)
{
	CodeMemory *shared = memory();
	char		digits[ONE_TIME_CODE_DIGITS + 1];
	CodeGuess	result;

	if (!one_time_code_derive(code, digits))
		elog(ERROR, "could not derive a one-time code");
	if (shared->lock != NULL)
		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	result = count_guess(find_guessed(shared, &code->nonce, expires_at, now), is_same(digits, guess));
	if (shared->lock != NULL)
		LWLockRelease(shared->lock);
	explicit_bzero(digits, sizeof(digits));
	return result;
}
