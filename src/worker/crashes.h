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

/* No worker of this database is to start before then; 0: it may. */
extern TimestampTz crashes_pause_until(Oid database, TimestampTz now);

/* A copy of what is remembered of this database; false if nothing is. */
extern bool crashes_recall(Oid database, CrashHistory *history);

/* What the last crash came over, for people. */
extern void crashes_describe(const CrashHistory *history, char *text, Size size);

/* A worker has lived for long; a database is gone. */
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
