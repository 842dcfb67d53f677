/*
 * bounces.h
 *		Mail servers that know no such mailbox: its address is suppressed.
 */
#ifndef APPT_BOUNCES_H
#define APPT_BOUNCES_H

#include "nodes/pg_list.h"

#include "worker/guard.h"

typedef struct Bounces Bounces;

/* In CurrentMemoryContext. */
extern Bounces *bounces_create(Worker *worker);

/*
 * Suppress the addresses that these attempts went to, a List of their ids as int64
 * *. Within the transaction that closes them. Returns those that are left for
 * later, in CurrentMemoryContext: what a caller has locked, and what is too much for
 * one transaction.
 */
extern List *bounces_suppress(List *attempt_ids);

/* After its commit: suppress these later. */
extern void bounces_add(Bounces *bounces, const int64 *attempt_ids, int count);

/* When bounces_write has something to do. */
extern TimestampTz bounces_next(const Bounces *bounces);

/* Suppress what was left, in a transaction of its own. */
extern void bounces_write(Bounces *bounces, TimestampTz now);

/* The clock was set back. */
extern void bounces_clock_was_set(Bounces *bounces);

#endif							/* APPT_BOUNCES_H */
