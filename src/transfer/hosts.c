/*
 * hosts.c
 *		What the engine has in flight to each host, and its name look-ups.
 *
 * libcurl looks up names in threads of its own, one a transfer, and nothing
 * can stop a thread that hangs in getaddrinfo. So at most one look-up per host
 * name is under way: libcurl asks before each one, and a transfer whose host is
 * being looked up already is called back and started again when that is over,
 * by then out of libcurl's cache. A look-up that was given up is counted until
 * its thread can be supposed to have ended.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "transfer/parts.h"

Host *
find_host(TransferEngine *engine, const char *url, HASHACTION action)
{
	char		key[DESTINATION_SIZE];
	bool		found;
	Host	   *host;

	destination_of_url(url, key);
	host = hash_search(engine->hosts, key, action, &found);
	if (host != NULL && !found && action != HASH_FIND)
	{
		host->in_flight = 0;
		host->looking_up = false;
		host->lookup_hangs_until = 0;
	}
	return host;
}

/* Forget a host of which nothing is known any more. */
void
release_host(TransferEngine *engine, Host *host)
{
	if (--host->in_flight == 0 && host->lookup_hangs_until <= monotonic_ms())
		hash_search(engine->hosts, host->key, HASH_REMOVE, NULL);
}

/* Those whose look-up hung stay behind until nothing is in flight to them. */
void
sweep_hosts(TransferEngine *engine)
{
	HASH_SEQ_STATUS scan;
	Host	   *host;
	int64		now = monotonic_ms();

	hash_seq_init(&scan, engine->hosts);
	while ((host = hash_seq_search(&scan)) != NULL)
	{
		if (host->in_flight == 0 && host->lookup_hangs_until <= now)
			hash_search(engine->hosts, host->key, HASH_REMOVE, NULL);
	}
}

static int
lookups_lingering(TransferEngine *engine, int64 now)
{
	int			lingering = 0;

	for (int i = 0; i < LOOKUP_LIMIT; i++)
	{
		if (engine->abandoned_lookups[i] > now)
			lingering++;
	}
	return lingering;
}

bool
lookup_may_start(TransferEngine *engine, const Host *host)
{
	return !host->looking_up && engine->lookups < LOOKUP_LIMIT &&
		(engine->lookups < LOOKUP_LIMIT / 2 ||
		 engine->lookups + lookups_lingering(engine, monotonic_ms()) < LOOKUP_LIMIT);
}

/*
 * One that hangs is given up when its time is over; one that is left may have
 * begun a moment ago, and whoever plays with a switch would leave any number.
 */
bool
lookup_may_be_left(TransferEngine *engine)
{
	return lookups_lingering(engine, monotonic_ms()) < LOOKUP_LIMIT / 2;
}

void
end_lookup(Transfer *transfer, LookupEnd end)
{
	TransferEngine *engine = transfer->engine;
	int64		now;

	if (!transfer->looking_up)
		return;
	transfer->looking_up = false;
	transfer->host->looking_up = false;
	engine->lookups--;
	engine->may_unblock = true;
	if (end == LOOKUP_OVER)
		return;

	now = monotonic_ms();
	if (end == LOOKUP_HANGS)
		transfer->host->lookup_hangs_until = now + LOOKUP_LINGER_MS;
	for (int i = 0; i < LOOKUP_LIMIT; i++)
	{
		if (engine->abandoned_lookups[i] <= now)
		{
			engine->abandoned_lookups[i] = now + LOOKUP_LINGER_MS;
			break;
		}
	}
}

/* Others that share the slot are looked up more often, no more than that. */
static int64 *
distrust_slot(const Transfer *transfer)
{
	const char *key = transfer->host->key;
	uint32		hash = hash_bytes((const unsigned char *) key, strlen(key));

	return &transfer->engine->distrusted_until[hash % DISTRUST_SLOTS];
}

/*
 * The host's name led to an address that was refused. If libcurl's cache answered
 * for it from now on, the time would show it: a name that can't be looked up is
 * in no cache.
 */
void
distrust_address(const Transfer *transfer)
{
	*distrust_slot(transfer) = monotonic_ms() + ADDRESSES_KEPT_SECONDS * 1000;
}

/* How old an address out of libcurl's cache may be. */
long
address_cache_seconds(const Transfer *transfer)
{
	return *distrust_slot(transfer) > monotonic_ms() ? 0 : ADDRESSES_KEPT_SECONDS;
}

/* libcurl is about to look up a name that its cache does not hold. */
int
lookup_callback(void *resolver, void *reserved, void *clientp)
{
	Transfer   *transfer = clientp;

	if (transfer->looking_up)
		return 0;
	if (!lookup_may_start(transfer->engine, transfer->host))
	{
		transfer->must_wait = true;
		return 1;
	}
	transfer->looking_up = true;
	transfer->host->looking_up = true;
	transfer->engine->lookups++;
	return 0;
}
