/*
 * one_time_code.c
 *		The key that codes are derived with.
 *
 * A code is sent by another process, minutes after it was requested, and must
 * not appear in any table, log or dump. So it is not stored: the six digits
 * are the HMAC-SHA256 of what the code is for and a random nonce, which the
 * rows of the code and the notification have. Without the key a nonce tells
 * nothing. The key is generated when the server starts and is kept in shared
 * memory: codes are void after a restart, and on a copy of the server.
 *
 * Without preloading each session has its own key. Nothing is sent then, so no
 * other session needs it.
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

/* 10 ^ ONE_TIME_CODE_DIGITS; the remainder of 64 bits is nearly uniform. */
#define CODES 1000000

static uint8 *shared_key = NULL;

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
	RequestAddinShmemSpace(KEY_BYTES);
}

void
one_time_code_shared_create(void)
{
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared_key = ShmemInitStruct("appt code key", KEY_BYTES, &found);
	if (!found)
		make_key(shared_key);
	LWLockRelease(AddinShmemInitLock);
}

/* The server's key or, without preloading, the session's. */
static const uint8 *
the_key(void)
{
	if (shared_key == NULL)
	{
		uint8	   *own = MemoryContextAlloc(TopMemoryContext, KEY_BYTES);

		make_key(own);
		shared_key = own;
	}
	return shared_key;
}

static bool
add_text(pg_hmac_ctx *context, const char *text)
{
	/* With the final NUL, so that different parts are different bytes. */
	return pg_hmac_update(context, (const uint8 *) text, strlen(text) + 1) >= 0;
}

static bool
digest(const OneTimeCode *code, uint8 *result)
{
	const uint8 *key = the_key();
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

bool
one_time_code_is(const OneTimeCode *code, const char *guess)
{
	char		digits[ONE_TIME_CODE_DIGITS + 1];
	bool		result;

	if (!one_time_code_derive(code, digits))
		elog(ERROR, "could not derive a one-time code");
	result = is_same(digits, guess);
	explicit_bzero(digits, sizeof(digits));
	return result;
}
