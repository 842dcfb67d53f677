/*
 * hosts.c
 *		The hosts that requests go to, and the look-ups of their names.
 *
 * libcurl looks up each name in a thread, and nothing can stop a thread that
 * hangs in getaddrinfo(). So that threads stay bounded, one look-up per host is
 * under way at a time; other transfers to the host wait until it is over and
 * then find the address in libcurl's cache. A look-up that was given up counts
 * until its thread has probably ended.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "transfer/clock.h"
#include "transfer/hosts.h"

/* How long libcurl's cache keeps an address. */
#define ADDRESSES_KEPT_SECONDS 60

/* How long the thread of a look-up that was given up counts as running. */
#define LOOKUP_LINGER_MS 30000

/* A sweep begins when there are this many hosts more than transfers. */
#define HOSTS_TO_SWEEP 1000

/* The table must not raise an error when it can't grow. */
static void *
allocate_plainly(Size size)
{
	return malloc(size);
}

void
create_hosts(Hosts *hosts)
{
	HASHCTL		control = {0};

	control.keysize = DESTINATION_SIZE;
	control.entrysize = sizeof(Host);
	control.alloc = allocate_plainly;
	hosts->table = hash_create("appt transfer hosts", 256, &control,
							   HASH_ELEM | HASH_STRINGS | HASH_ALLOC);
}

Host *
acquire_host(Hosts *hosts, const char *url)
{
	char		key[DESTINATION_SIZE];
	bool		found;
	Host	   *host;

	destination_of_url(url, key);
	host = hash_search(hosts->table, key, HASH_ENTER_NULL, &found);
	if (host == NULL)
		return NULL;
	if (!found)
	{
		host->in_flight = 0;
		host->looking_up = false;
		host->lookup_hangs_until = 0;
	}
	host->in_flight++;
	return host;
}

bool
lookup_hangs(const Host *host)
{
	return host->lookup_hangs_until > monotonic_ms();
}

static void
forget_host(Hosts *hosts, Host *host)
{
	if (host->in_flight == 0 && !lookup_hangs(host))
		hash_search(hosts->table, host->key, HASH_REMOVE, NULL);
}

void
release_host(Hosts *hosts, Host *host)
{
	host->in_flight--;
	forget_host(hosts, host);
}

void
sweep_hosts(Hosts *hosts, int in_flight)
{
	HASH_SEQ_STATUS scan;
	Host	   *host;

	if (hash_get_num_entries(hosts->table) <= in_flight + HOSTS_TO_SWEEP)
		return;
	hash_seq_init(&scan, hosts->table);
	while ((host = hash_seq_search(&scan)) != NULL)
		forget_host(hosts, host);
}

static int
lookups_lingering(const Hosts *hosts, int64 now)
{
	int			lingering = 0;

	for (int i = 0; i < LOOKUP_LIMIT; i++)
	{
		if (hosts->abandoned_lookups[i] > now)
			lingering++;
	}
	return lingering;
}

bool
lookup_may_begin(const Hosts *hosts, const Host *host)
{
	return !host->looking_up && hosts->lookups < LOOKUP_LIMIT &&
		(hosts->lookups < LOOKUP_LIMIT / 2 ||
		 hosts->lookups + lookups_lingering(hosts, monotonic_ms()) < LOOKUP_LIMIT);
}

/*
 * A look-up that hangs is given up only at its timeout, but one may be left a
 * moment after it began: whoever turns a switch off and on would otherwise
 * leave any number of threads behind.
 */
bool
lookup_may_be_left(const Hosts *hosts)
{
	return lookups_lingering(hosts, monotonic_ms()) < LOOKUP_LIMIT / 2;
}

void
begin_lookup(Hosts *hosts, Host *host)
{
	host->looking_up = true;
	hosts->lookups++;
}

void
end_lookup(Hosts *hosts, Host *host, LookupEnd end)
{
	int64		now = monotonic_ms();

	host->looking_up = false;
	hosts->lookups--;
	if (end == LOOKUP_OVER)
		return;
	if (end == LOOKUP_HANGS)
		host->lookup_hangs_until = now + LOOKUP_LINGER_MS;
	for (int i = 0; i < LOOKUP_LIMIT; i++)
	{
		if (hosts->abandoned_lookups[i] <= now)
		{
			hosts->abandoned_lookups[i] = now + LOOKUP_LINGER_MS;
			break;
		}
	}
}

/* Hosts that share a slot are looked up more often; nothing worse follows. */
static int
distrust_slot(const Host *host)
{
	return hash_bytes((const unsigned char *) host->key, strlen(host->key)) % DISTRUST_SLOTS;
}

/*
 * From now on libcurl's cache must not answer for the host: a name that can't
 * be looked up is in no cache, so the time taken would tell the two apart.
 */
void
distrust_address(Hosts *hosts, const Host *host)
{
	hosts->distrusted_until[distrust_slot(host)] = monotonic_ms() + ADDRESSES_KEPT_SECONDS * 1000;
}

long
address_cache_seconds(const Hosts *hosts, const Host *host)
{
	return hosts->distrusted_until[distrust_slot(host)] > monotonic_ms() ? 0 : ADDRESSES_KEPT_SECONDS;
}
