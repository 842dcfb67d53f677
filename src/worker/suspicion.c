/*
 * suspicion.c
 *		How often workers crashed, and which notifications may be to blame.
 *
 * Every notification that the worker was working on may be to blame. So each of
 * them is claimed alone from then on, until that went well; all others are sent
 * as before. If a worker crashes over one alone, that may still be a coincidence
 * (a kill -9 by hand). If it crashes over the same one a second time, that one is
 * guilty.
 *
 * A worker that crashed asleep was working on nothing: no notification is
 * suspect, and the pause does not grow, because something outside of the worker
 * killed it. A PANIC is a fault of the server (a full disk, say): no notification
 * is suspect either, but the pause grows, because the next worker may meet the
 * same fault.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "worker/suspicion.h"

#define PAUSE_FIRST (1 * USECS_PER_SEC)
#define PAUSE_MOST (60 * USECS_PER_SEC)
#define LONG_LIFE (60 * USECS_PER_SEC)

/* Crashes over a suspect alone that make it guilty. */
#define GUILTY_AFTER 2

/* ---- histories ---- */

CrashHistory *
crash_history(Suspicion *suspicion, Oid database)
{
	for (int i = 0; i < suspicion->history_count; i++)
		if (suspicion->histories[i].database == database)
			return &suspicion->histories[i];
	return NULL;
}

static void
remove_history(Suspicion *suspicion, const CrashHistory *history)
{
	suspicion->histories[history - suspicion->histories] =
		suspicion->histories[--suspicion->history_count];
}

static CrashHistory *
oldest_history(Suspicion *suspicion)
{
	CrashHistory *oldest = &suspicion->histories[0];

	for (int i = 1; i < suspicion->history_count; i++)
		if (suspicion->histories[i].last_at < oldest->last_at)
			oldest = &suspicion->histories[i];
	return oldest;
}

static CrashHistory *
find_or_add_history(Suspicion *suspicion, Oid database)
{
	CrashHistory *history = crash_history(suspicion, database);

	if (history != NULL)
		return history;
	if (suspicion->history_count == CRASH_HISTORIES)
		remove_history(suspicion, oldest_history(suspicion));
	history = &suspicion->histories[suspicion->history_count++];
	*history = (CrashHistory) {.database = database};
	return history;
}

void
suspicion_forget_history(Suspicion *suspicion, Oid database)
{
	CrashHistory *history = crash_history(suspicion, database);

	if (history != NULL)
		remove_history(suspicion, history);
}

bool
crash_is_over(TimestampTz started_at, TimestampTz now)
{
	return now >= started_at + LONG_LIFE;
}

TimeOffset
crash_pause(const CrashHistory *history)
{
	TimeOffset	pause = PAUSE_FIRST;

	for (int i = 1; i < history->crashes && pause < PAUSE_MOST; i++)
		pause *= 2;
	return Min(pause, PAUSE_MOST);
}

/* ---- suspects ---- */

static Suspect *
find_suspect(Suspicion *suspicion, Oid database, int64 id)
{
	for (int i = 0; i < suspicion->suspect_count; i++)
	{
		Suspect    *suspect = &suspicion->suspects[i];

		if (suspect->id == id && suspect->database == database && suspect->kind != SUSPECT_SLOT)
			return suspect;
	}
	return NULL;
}

static void
remove_suspect(Suspicion *suspicion, const Suspect *suspect)
{
	suspicion->suspects[suspect - suspicion->suspects] =
		suspicion->suspects[--suspicion->suspect_count];
}

static void
add_suspect(Suspicion *suspicion, Oid database, SuspectKind kind, int64 id, int crashes_alone)
{
	if (suspicion->suspect_count < SUSPECTS_MAX)
		suspicion->suspects[suspicion->suspect_count++] = (Suspect) {id, database, kind, crashes_alone};
}

void
suspicion_clear(Suspicion *suspicion, Oid database, int64 id)
{
	Suspect    *suspect = find_suspect(suspicion, database, id);

	if (suspect != NULL)
		remove_suspect(suspicion, suspect);
}

/* How many of these are suspects already; *known is one of them. */
static int
count_known(Suspicion *suspicion, Oid database, const int64 *ids, int count, Suspect **known)
{
	int			known_count = 0;

	for (int i = 0; i < count; i++)
	{
		Suspect    *suspect = find_suspect(suspicion, database, ids[i]);

		if (suspect == NULL)
			continue;
		*known = suspect;
		known_count++;
	}
	return known_count;
}

/*
 * One of these is to blame. If some of them are suspects already, one of those
 * is. If only one remains, the crash counts as one over it alone.
 */
static void
suspicion_blame(Suspicion *suspicion, Oid database, SuspectKind kind, const int64 *ids, int count)
{
	Suspect    *known;
	int			known_count = count_known(suspicion, database, ids, count, &known);

	if (known_count == 0)
		for (int i = 0; i < count; i++)
			add_suspect(suspicion, database, kind, ids[i], count == 1 ? 1 : 0);
	if (known_count == 1)
		known->kind = ++known->crashes_alone >= GUILTY_AFTER ? SUSPECT_GUILTY : kind;
}

void
suspicion_blame_slot(Suspicion *suspicion, Oid database, int slot, const int64 *ids, int count)
{
	for (int i = 0; i < suspicion->suspect_count; i++)
	{
		Suspect    *suspect = &suspicion->suspects[i];

		if (suspect->database != database || suspect->kind != SUSPECT_SLOT || suspect->id != slot)
			continue;
		remove_suspect(suspicion, suspect);
		suspicion_blame(suspicion, database, SUSPECT_IN_FLIGHT, ids, count);
		return;
	}
}

void
suspicion_forget_database(Suspicion *suspicion, Oid database)
{
	suspicion_forget_history(suspicion, database);
	for (int i = suspicion->suspect_count - 1; i >= 0; i--)
		if (suspicion->suspects[i].database == database)
			remove_suspect(suspicion, &suspicion->suspects[i]);
}

/* ---- crashes ---- */

void
suspicion_note(Suspicion *suspicion, const Journal *journal, TimestampTz now)
{
	CrashHistory *history = find_or_add_history(suspicion, journal->database);

	if (crash_is_over(journal->started_at, now))
		history->crashes = 0;
	if (journal->activity != ACTIVITY_ASLEEP || history->crashes == 0)
		history->crashes++;
	history->last_at = now;
	history->slot = journal->slot;
	history->activity = journal->activity;
	if (journal->activity == ACTIVITY_TRANSFERRING)
		add_suspect(suspicion, journal->database, SUSPECT_SLOT, journal->slot, 0);
	else
		suspicion_blame(suspicion, journal->database, SUSPECT_CLAIMED, journal->ids, journal->count);
}
