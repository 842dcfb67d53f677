/*
 * hosts.h
 *		The hosts that requests go to, and the look-ups of their names.
 *
 * Nothing here calls libcurl or raises an error, except create_hosts().
 */
#ifndef APPT_HOSTS_H
#define APPT_HOSTS_H

#include "utils/hsearch.h"

#include "channel/destination.h"

/* Look-ups at once. Those given up count as long as their threads may be running. */
#define LOOKUP_LIMIT 256

/* Slots for hosts with a refused address. */
#define DISTRUST_SLOTS 1024

/* A host with its scheme and port. */
typedef struct Host
{
	char		key[DESTINATION_SIZE];	/* hash key */
	int			in_flight;		/* transfers that point here */
	bool		looking_up;		/* for one of them */
	int64		lookup_hangs_until; /* monotonic ms; 0: no look-up was given
									 * up */
} Host;

typedef struct Hosts
{
	HTAB	   *table;
	int			lookups;		/* under way */
	int64		abandoned_lookups[LOOKUP_LIMIT];	/* until when each counts,
													 * monotonic ms */
	int64		distrusted_until[DISTRUST_SLOTS];	/* monotonic ms, by the
													 * hash of the host */
} Hosts;

/* How a look-up ends. Its thread has ended only if it is over. */
typedef enum LookupEnd
{
	LOOKUP_OVER,
	LOOKUP_HANGS,				/* given up at its timeout: spare the host for
								 * a while */
	LOOKUP_LEFT					/* nobody needs it any more */
} LookupEnd;

/* Prepare `hosts`, all zeros before. The table lives for the rest of the process. */
extern void create_hosts(Hosts *hosts);

/* The host of a URL, to which one more transfer points now. NULL if out of memory. */
extern Host *acquire_host(Hosts *hosts, const char *url);

/* One transfer fewer points to the host, which may be freed. */
extern void release_host(Hosts *hosts, Host *host);

/* Free the hosts that release_host() had to keep, once they are many more than `in_flight`. */
extern void sweep_hosts(Hosts *hosts, int in_flight);

/* Did an earlier look-up of the host hang a short while ago? Its thread may still run. */
extern bool lookup_hangs(const Host *host);

/* May a look-up of the host begin now? Only one is under way for each host. */
extern bool lookup_may_begin(const Hosts *hosts, const Host *host);

/* May a look-up that is under way be left to its thread? */
extern bool lookup_may_be_left(const Hosts *hosts);

extern void begin_lookup(Hosts *hosts, Host *host);
extern void end_lookup(Hosts *hosts, Host *host, LookupEnd end);

/* The name of the host led to no address that may be contacted. */
extern void distrust_address(Hosts *hosts, const Host *host);

/* How old an address from libcurl's cache may be, in seconds. */
extern long address_cache_seconds(const Hosts *hosts, const Host *host);

#endif							/* APPT_HOSTS_H */
