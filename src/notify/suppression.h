/*
 * suppression.h
 *		Addresses that an application must not write to over a channel.
 *
 * An address is known by keyed hashes: HMAC-SHA256 over channel and normalized
 * address, by the application's ADDRESS_KEY, which never rotates. Several keys
 * exist if several transactions made the first one at once: then an address has a
 * hash by each, and is suppressed if any of them is.
 *
 * Each reason has a row of its own, so that none hides another: who has opted out
 * stays so if a mail also bounces, and if that is taken back. Nothing here waits
 * for a row of suppressions: none is unique, and those that a caller is about to
 * add or to remove do not hinder anybody. Two rows that say the same do no harm.
 *
 * With SPI connected, as the owner, unless a function says otherwise.
 */
#ifndef APPT_SUPPRESSION_H
#define APPT_SUPPRESSION_H

#include "utils/uuid.h"

#include "core/vocabulary.h"
#include "notify/link_token.h"

/* A set of reasons: their bits. */
typedef int SuppressionSet;
#define SUPPRESSION_BIT(reason) (1 << ((reason) - REASON_OPTED_OUT))

/* Bytes of a hash. */
#define ADDRESS_KEY_BYTES 32

/* What one of the application's keys makes of an address: a bytea in CurrentMemoryContext. Needs no SPI. */
extern bytea *address_key(const ApplicationKey *key, ChannelCode channel, const char *address);

typedef struct Suppression
{
	pg_uuid_t	application_id;
	ChannelCode channel;
	const char *address;		/* as messages are sent to */
	Reason		reason;			/* OPTED_OUT, UNDELIVERABLE, COMPLAINED,
								 * BLOCKED */
	const char *source;			/* for people; NULL: not known */
	int64		notification_id;	/* in answer to which; 0: none */
} Suppression;

/* Suppress the address; nothing happens if it is for this reason. */
extern void suppression_add(const Suppression *suppression);

/* Remove what suppresses the address for these reasons. False: nothing does. */
extern bool suppression_remove(const pg_uuid_t *application_id, ChannelCode channel, const char *address,
							   SuppressionSet reasons);

/* The person at the address does not want messages any more, or wants them again. */
extern void consent_opt_out(const pg_uuid_t *application_id, ChannelCode channel, const char *address,
							const char *source, int64 notification_id);
extern bool consent_opt_in(const pg_uuid_t *application_id, ChannelCode channel, const char *address);

#endif							/* APPT_SUPPRESSION_H */
