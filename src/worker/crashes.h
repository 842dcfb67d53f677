/*
 * crashes.h
 *		What the server remembers of crashes of workers. It survives the restart
 *		that each of them causes.
 */
#ifndef APPT_CRASHES_H
#define APPT_CRASHES_H

#include "nodes/pg_list.h"

#include "worker/suspicion.h"

extern void crashes_shared_request(void);
extern void crashes_shared_create(void);

/*
 * Find out who crashed. Call it before any worker is started; it does nothing if
 * it ran since shared memory was made. Never raises an error for a file.
 */
extern void crashes_collect(void);

/* No worker of this database may start before that time; 0: it may start now. */
extern TimestampTz crashes_pause_until(Oid database, TimestampTz now);

/* Copy the database's history; false if there is none. */
extern bool crashes_recall(Oid database, CrashHistory *history);

/* What the worker was doing at the last crash, in words. */
extern void crashes_describe(const CrashHistory *history, char *text, Size size);

/* The database's worker has lived for a minute: its crashes no longer count. */
extern void crashes_forget_history(Oid database);

/* Forget all other databases: they were dropped. */
extern void crashes_forget_databases_except(List *databases);

/* Changes whenever the suspects of any database change. Cheap. */
extern uint32 crashes_version(void);

/* A copy of this database's suspects in CurrentMemoryContext, those with the fewest crashes first. */
extern Suspect *crashes_suspects(Oid database, int *count);

/* As suspicion_blame_slot and suspicion_clear. */
extern void crashes_blame_slot(Oid database, int slot, const int64 *ids, int count);
extern void crashes_clear(Oid database, const int64 *ids, int count);

#endif							/* APPT_CRASHES_H */
