/*
 * code_counts.c
 *		Requests of one-time codes, and wrong guesses, in shared memory.
 *
 * They are not counted in a table, because a guesser can roll its transaction
 * back: by an error after the guess, a savepoint or a ROLLBACK.
 *
 * A code is known from its request until it expires. While it is known, its
 * request counts towards the limits, and its wrong guesses are counted.
 * Guesses are compared with known codes only. So a code that is forgotten
 * early is void, and never gets new tries.
 *
 * There is room for MAX_CODES. When it is full, the organization with the most
 * codes loses one: the oldest code of its application with the most. So a
 * flood of requests voids codes of its own organization only. (The request of
 * a code that is forgotten early no longer counts here. Its row counts once it
 * is committed, and before that nobody can guess the code. See
 * notify/codes.c.)
 *
 * Used codes can be repeated as long as their rows are kept, which is too long
 * to know each of them here. Their wrong guesses are counted in USED_SLOTS
 * small counters, chosen by a hash of the random nonce. Codes that share a
 * counter have fewer tries, never more, and no counter ever decreases.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "core/code_counts.h"

/* 4 MB, including applications and organizations, each of which has at least one code. */
#define MAX_CODES 16384

#define USED_SLOTS 65536

/* With the database, because a copy of a database has the same ids. */
typedef struct TenantKey
{
	pg_uuid_t	id;
	Oid			database;
} TenantKey;

typedef struct Organization
{
	TenantKey	key;
	int			count;			/* codes of its applications */
} Organization;

typedef struct Application
{
	TenantKey	key;
	Organization *organization;
	int			count;
	dlist_head	codes;			/* oldest first */
} Application;

typedef struct KnownCode
{
	pg_uuid_t	nonce;			/* the key */
	dlist_node	node;
	Application *application;
	uint64		purpose;		/* these three are hashes */
	uint64		contact;		/* regardless of case */
	uint64		client_address; /* 0: unknown */
	TimestampTz requested_at;
	int			wrong;
} KnownCode;

typedef struct CodeCounts
{
	LWLock	   *lock;			/* NULL: counts of this session only */
	HTAB	   *codes;
	HTAB	   *applications;
	HTAB	   *organizations;
	uint8	   *wrong_at_used;	/* USED_SLOTS of them */
} CodeCounts;

static CodeCounts counts;

/* ---- memory ---- */

void
code_counts_shared_request(void)
{
	RequestAddinShmemSpace(hash_estimate_size(MAX_CODES, sizeof(KnownCode)));
	RequestAddinShmemSpace(hash_estimate_size(MAX_CODES, sizeof(Application)));
	RequestAddinShmemSpace(hash_estimate_size(MAX_CODES, sizeof(Organization)));
	RequestAddinShmemSpace(USED_SLOTS);
	RequestNamedLWLockTranche("appt codes", 1);
}

static HTAB *
shared_table(const char *name, Size key_size, Size entry_size)
{
	HASHCTL		control = {.keysize = key_size, .entrysize = entry_size};

	return ShmemInitHash(name, MAX_CODES, MAX_CODES, &control, HASH_ELEM | HASH_BLOBS);
}

void
code_counts_shared_create(void)
{
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	counts.codes = shared_table("appt codes", UUID_LEN, sizeof(KnownCode));
	counts.applications = shared_table("appt applications with codes", sizeof(TenantKey), sizeof(Application));
	counts.organizations = shared_table("appt organizations with codes", sizeof(TenantKey), sizeof(Organization));
	counts.wrong_at_used = ShmemInitStruct("appt used codes", USED_SLOTS, &found);
	if (!found)
		memset(counts.wrong_at_used, 0, USED_SLOTS);
	counts.lock = &GetNamedLWLockTranche("appt codes")->lock;
	LWLockRelease(AddinShmemInitLock);
}

static HTAB *
own_table(const char *name, Size key_size, Size entry_size)
{
	HASHCTL		control = {.keysize = key_size, .entrysize = entry_size};

	return hash_create(name, MAX_CODES, &control, HASH_ELEM | HASH_BLOBS);
}

static void
make_own(void)
{
	counts.wrong_at_used = MemoryContextAllocZero(TopMemoryContext, USED_SLOTS);
	counts.codes = own_table("appt codes", UUID_LEN, sizeof(KnownCode));
	counts.applications = own_table("appt applications with codes", sizeof(TenantKey), sizeof(Application));
	counts.organizations = own_table("appt organizations with codes", sizeof(TenantKey), sizeof(Organization));
}

static void
lock_counts(void)
{
	if (counts.codes == NULL)
		make_own();
	if (counts.lock != NULL)
		LWLockAcquire(counts.lock, LW_EXCLUSIVE);
}

static void
unlock_counts(void)
{
	if (counts.lock != NULL)
		LWLockRelease(counts.lock);
}

/* ---- removing codes ---- */

static bool
is_expired(const KnownCode *code, TimestampTz now)
{
	return code->requested_at + ONE_TIME_CODE_LIFETIME <= now;
}

static KnownCode *
oldest(Application *application)
{
	return dlist_head_element(KnownCode, node, &application->codes);
}

static void
forget_oldest(Application *application)
{
	KnownCode  *code = oldest(application);

	dlist_delete(&code->node);
	application->count--;
	application->organization->count--;
	(void) hash_search(counts.codes, &code->nonce, HASH_REMOVE, NULL);
}

static void
forget_if_empty(Application *application)
{
	Organization *organization = application->organization;

	if (application->count == 0)
		(void) hash_search(counts.applications, &application->key, HASH_REMOVE, NULL);
	if (organization->count == 0)
		(void) hash_search(counts.organizations, &organization->key, HASH_REMOVE, NULL);
}

static void
forget_expired(Application *application, TimestampTz now)
{
	while (application->count > 0 && is_expired(oldest(application), now))
		forget_oldest(application);
}

static void
forget_all_expired(TimestampTz now)
{
	HASH_SEQ_STATUS all;
	Application *application;

	hash_seq_init(&all, counts.applications);
	while ((application = (Application *) hash_seq_search(&all)) != NULL)
	{
		forget_expired(application, now);
		forget_if_empty(application);
	}
}

static Organization *
fullest_organization(void)
{
	HASH_SEQ_STATUS all;
	Organization *organization;
	Organization *fullest = NULL;

	hash_seq_init(&all, counts.organizations);
	while ((organization = (Organization *) hash_seq_search(&all)) != NULL)
		if (fullest == NULL || organization->count > fullest->count)
			fullest = organization;
	return fullest;
}

static Application *
fullest_application(const Organization *organization)
{
	HASH_SEQ_STATUS all;
	Application *application;
	Application *fullest = NULL;

	hash_seq_init(&all, counts.applications);
	while ((application = (Application *) hash_seq_search(&all)) != NULL)
		if (application->organization == organization &&
			(fullest == NULL || application->count > fullest->count))
			fullest = application;
	return fullest;
}

static void
make_room(TimestampTz now)
{
	Application *fullest;

	if (hash_get_num_entries(counts.codes) < MAX_CODES)
		return;
	forget_all_expired(now);
	if (hash_get_num_entries(counts.codes) < MAX_CODES)
		return;
	fullest = fullest_application(fullest_organization());
	forget_oldest(fullest);
	forget_if_empty(fullest);
}

/* ---- requests ---- */

static uint64
text_hash(const char *text)
{
	return text == NULL ? 0 : hash_bytes_extended((const unsigned char *) text, strlen(text), 0);
}

/* Addresses that differ only by case count as one contact, because most mail servers ignore case. */
static uint64
contact_hash(const char *contact)
{
	char	   *lower = pstrdup(contact);

	for (char *c = lower; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return text_hash(lower);
}

static KnownCode
code_of(const CodeRequest *request, TimestampTz now)
{
	KnownCode	code = {
		.nonce = request->code.nonce,
		.purpose = text_hash(request->code.purpose),
		.contact = contact_hash(request->code.contact),
		.client_address = text_hash(request->client_address),
		.requested_at = now
	};

	return code;
}

static void
count_request(CodeRequests *earlier, const KnownCode *code, const KnownCode *wanted)
{
	if (code->purpose != wanted->purpose)
		return;
	earlier->by_application++;
	earlier->by_contact += code->contact == wanted->contact;
	earlier->by_client += code->client_address != 0 && code->client_address == wanted->client_address;
}

static CodeRequests
count_requests(const pg_uuid_t *application_id, const KnownCode *wanted, TimestampTz now)
{
	CodeRequests earlier = {0};
	TenantKey	key = {*application_id, MyDatabaseId};
	Application *application = hash_search(counts.applications, &key, HASH_FIND, NULL);
	dlist_iter	iter;

	if (application == NULL)
		return earlier;
	forget_expired(application, now);
	dlist_foreach(iter, &application->codes)
		count_request(&earlier, dlist_container(KnownCode, node, iter.cur), wanted);
	forget_if_empty(application);
	return earlier;
}

CodeLimit
code_limit(const CodeRequests *earlier)
{
	if (earlier->by_contact >= CODES_PER_CONTACT)
		return CODE_LIMIT_CONTACT;
	if (earlier->by_client >= CODES_PER_CLIENT)
		return CODE_LIMIT_CLIENT;
	if (earlier->by_application >= CODES_PER_APPLICATION)
		return CODE_LIMIT_APPLICATION;
	return CODE_LIMIT_NONE;
}

static Organization *
enter_organization(const pg_uuid_t *id)
{
	TenantKey	key = {*id, MyDatabaseId};
	bool		found;
	Organization *organization = hash_search(counts.organizations, &key, HASH_ENTER, &found);

	if (!found)
		organization->count = 0;
	return organization;
}

static Application *
enter_application(const CodeRequest *request)
{
	TenantKey	key = {request->code.application_id, MyDatabaseId};
	bool		found;
	Application *application = hash_search(counts.applications, &key, HASH_ENTER, &found);

	if (!found)
	{
		application->organization = enter_organization(&request->organization_id);
		application->count = 0;
		dlist_init(&application->codes);
	}
	return application;
}

/* Insert behind all codes that are not newer. There are newer ones only if the clock was set back. */
static void
add_code(Application *application, KnownCode *code)
{
	dlist_head *codes = &application->codes;
	dlist_node *before = dlist_is_empty(codes) ? NULL : dlist_tail_node(codes);

	while (before != NULL && dlist_container(KnownCode, node, before)->requested_at > code->requested_at)
		before = dlist_has_prev(codes, before) ? dlist_prev_node(codes, before) : NULL;
	if (before != NULL)
		dlist_insert_after(before, &code->node);
	else
		dlist_push_head(codes, &code->node);
	code->application = application;
	application->count++;
	application->organization->count++;
}

static void
remember(const CodeRequest *request, const KnownCode *wanted)
{
	bool		found;
	KnownCode  *code;

	make_room(wanted->requested_at);
	code = hash_search(counts.codes, &wanted->nonce, HASH_ENTER, &found);
	if (found)
		return;
	*code = *wanted;
	add_code(enter_application(request), code);
}

CodeLimit
code_counts_request(const CodeRequest *request, TimestampTz now)
{
	KnownCode	wanted = code_of(request, now);
	CodeRequests earlier;
	CodeLimit	limit;

	lock_counts();
	earlier = count_requests(&request->code.application_id, &wanted, now);
	limit = code_limit(&earlier);
	if (limit == CODE_LIMIT_NONE)
		remember(request, &wanted);
	unlock_counts();
	return limit;
}

/* ---- guesses ---- */

CodeGuess
code_counts_guess(const pg_uuid_t *nonce, bool is_right, TimestampTz now)
{
	CodeGuess	guess = is_right ? GUESS_RIGHT : GUESS_WRONG;
	KnownCode  *code;

	lock_counts();
	code = hash_search(counts.codes, nonce, HASH_FIND, NULL);
	if (code == NULL || is_expired(code, now) || code->wrong >= ONE_TIME_CODE_TRIES)
		guess = GUESS_REFUSED;
	else if (!is_right)
		code->wrong++;
	unlock_counts();
	return guess;
}

CodeGuess
code_counts_guess_used(const pg_uuid_t *nonce, bool is_right)
{
	uint64		slot = hash_bytes_extended(nonce->data, UUID_LEN, 0) % USED_SLOTS;
	CodeGuess	guess = is_right ? GUESS_RIGHT : GUESS_WRONG;

	lock_counts();
	if (counts.wrong_at_used[slot] >= ONE_TIME_CODE_TRIES)
		guess = GUESS_REFUSED;
	else if (!is_right)
		counts.wrong_at_used[slot]++;
	unlock_counts();
	return guess;
}
