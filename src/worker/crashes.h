/*
 * crashes.h
 *		What the server remembers of crashes of workers, across the restart
 *		that each of them brings about.
 */
#ifndef APPT_CRASHES_H
#define APPT_CRASHES_H

#include "nodes/pg_list.h"

#include "worker/suspicion.h"

extern void crashes_shared_request(void);
extern void crashes_shared_create(void);

/*
 * Find out who crashed, unless that was done since shared memory was made: to
 * be called before any worker is started. Never raises an error for a file.
 */
extern void crashes_collect(void);

/* The time before which no worker of this database may start; 0: it may start now. */
extern TimestampTz crashes_pause_until(Oid database, TimestampTz now);

/* A copy of what is remembered of this database; false if nothing is. */
extern bool crashes_recall(Oid database, CrashHistory *history);

/* What the worker was doing at the last crash, as text for people. */
extern void crashes_describe(const CrashHistory *history, char *text, Size size);

/* Forget a database's crashes: its worker has run for long, or the database is gone. */
extern void crashes_forget_history(Oid database);
extern void crashes_forget_databases_but(List *databases);

/* Changes whenever the suspects of any database do. Cheap. */
extern uint32 crashes_version(void);

/* A copy of this database's suspects in CurrentMemoryContext, those with the fewest crashes first. */
extern Suspect *crashes_suspects(Oid database, int *count);

/* As suspicion_blame_slot and suspicion_clear. */
extern void crashes_blame_slot(Oid database, int slot, const int64 *ids, int count);
extern void crashes_clear(Oid database, const int64 *ids, int count);

#endif							/* APPT_CRASHES_H */
