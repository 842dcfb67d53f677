/*
 * crashes.c
 *		What the server remembers of crashes of workers.
 *
 * It is kept in shared memory, which does not survive a crash, and in a file,
 * which does. The file is written anew whenever something changes; without
 * crashes nothing does. The launcher is the first process of appt to run after a
 * crash. It reads the file and the journals of the workers that died (journal.c),
 * judges them (suspicion.c), and only then starts workers.
 *
 * Neither file is in a backup or on a standby. A file that can't be read or
 * written is reported, and its crashes are forgotten.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "worker/crashes.h"

#define CRASHES_FILE PG_STAT_TMP_DIR "/appt_crashes"
#define CRASHES_NEW_FILE CRASHES_FILE ".new"
#define CRASHES_MAGIC 0x61707432

typedef struct CrashesShared
{
	LWLock	   *lock;			/* protects all that follows but `version` */
	pg_atomic_uint32 version;
	bool		is_collected;
	Suspicion	suspicion;
} CrashesShared;

static CrashesShared *crashes = NULL;

/* ---- shared memory ---- */

void
crashes_shared_request(void)
{
	RequestAddinShmemSpace(MAXALIGN(sizeof(CrashesShared)));
	RequestNamedLWLockTranche("appt crashes", 1);
}

void
crashes_shared_create(void)
{
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	crashes = ShmemInitStruct("appt crashes", sizeof(CrashesShared), &found);
	if (!found)
	{
		memset(crashes, 0, sizeof(CrashesShared));
		crashes->lock = &GetNamedLWLockTranche("appt crashes")->lock;
		pg_atomic_init_u32(&crashes->version, 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

/* ---- the file: a magic number, and the state ---- */

static bool
is_valid(const Suspicion *suspicion)
{
	return suspicion->history_count >= 0 && suspicion->history_count <= CRASH_HISTORIES &&
		suspicion->suspect_count >= 0 && suspicion->suspect_count <= SUSPECTS_MAX;
}

static void
read_file(void)
{
	FILE	   *file = AllocateFile(CRASHES_FILE, PG_BINARY_R);
	Suspicion  *found;
	uint32		magic;

	if (file == NULL)
		return;
	found = (Suspicion *) palloc(sizeof(Suspicion));
	if (fread(&magic, sizeof(magic), 1, file) == 1 && magic == CRASHES_MAGIC &&
		fread(found, sizeof(Suspicion), 1, file) == 1 && is_valid(found))
		crashes->suspicion = *found;
	else
		ereport(LOG,
				(errmsg("ignoring invalid data in file \"%s\"", CRASHES_FILE)));
	FreeFile(file);
	pfree(found);
}

static bool
write_new_file(void)
{
	FILE	   *file = AllocateFile(CRASHES_NEW_FILE, PG_BINARY_W);
	uint32		magic = CRASHES_MAGIC;
	bool		is_written;

	if (file == NULL)
		return false;
	is_written = fwrite(&magic, sizeof(magic), 1, file) == 1 &&
		fwrite(&crashes->suspicion, sizeof(Suspicion), 1, file) == 1;
	return (FreeFile(file) == 0) && is_written;
}

/* Without anything to remember there is no file. */
static void
write_file(void)
{
	if (crashes->suspicion.history_count == 0 && crashes->suspicion.suspect_count == 0)
		(void) unlink(CRASHES_FILE);
	else if (!write_new_file() || rename(CRASHES_NEW_FILE, CRASHES_FILE) != 0)
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", CRASHES_FILE)));
}

/* The lock is held exclusively. */
static void
note_change(void)
{
	pg_atomic_fetch_add_u32(&crashes->version, 1);
	write_file();
}

/* ---- what happened ---- */

void
crashes_describe(const CrashHistory *history, char *text, Size size)
{
	static const char *const doing[ACTIVITIES] = {
		[ACTIVITY_OTHER] = "while it looked for what is due, or did chores",
		[ACTIVITY_ASLEEP] = "while it slept: something outside of it killed it",
		[ACTIVITY_CLAIMING] = "while it claimed notifications",
		[ACTIVITY_RECOVERING] = "while it closed attempts that a crash had interrupted",
		[ACTIVITY_TRANSFERRING] = "while it transferred messages",
		[ACTIVITY_PANIC] = "for a PANIC: see the log before it"
	};

	snprintf(text, size, "worker %d crashed %s", history->slot, doing[history->activity]);
}

static void
take_journal(const Journal *journal)
{
	CrashHistory *history;
	char		text[128];

	suspicion_note(&crashes->suspicion, journal, GetCurrentTimestamp());
	history = crash_history(&crashes->suspicion, journal->database);
	crashes_describe(history, text, sizeof(text));
	ereport(LOG,
			(errmsg("appt %s", text),
			 errdetail("Workers of the database with OID %u start again in %d s. The notifications that it worked on are claimed one by one.",
					   journal->database, (int) (crash_pause(history) / USECS_PER_SEC))));
}

void
crashes_collect(void)
{
	LWLockAcquire(crashes->lock, LW_EXCLUSIVE);
	if (!crashes->is_collected)
	{
		read_file();
		journals_collect(take_journal);
		note_change();
		crashes->is_collected = true;
	}
	LWLockRelease(crashes->lock);
}

/* ---- what is remembered ---- */

bool
crashes_recall(Oid database, CrashHistory *history)
{
	CrashHistory *found;

	LWLockAcquire(crashes->lock, LW_SHARED);
	found = crash_history(&crashes->suspicion, database);
	if (found != NULL)
		*history = *found;
	LWLockRelease(crashes->lock);
	return found != NULL;
}

TimestampTz
crashes_pause_until(Oid database, TimestampTz now)
{
	CrashHistory history;
	TimestampTz until;

	if (!crashes_recall(database, &history))
		return 0;
	until = history.last_at + crash_pause(&history);
	/* A clock that is set back prolongs no pause. */
	return now >= history.last_at && now < until ? until : 0;
}

void
crashes_forget_history(Oid database)
{
	LWLockAcquire(crashes->lock, LW_EXCLUSIVE);
	if (crash_history(&crashes->suspicion, database) != NULL)
	{
		suspicion_forget_history(&crashes->suspicion, database);
		note_change();
	}
	LWLockRelease(crashes->lock);
}

static Oid
first_unlisted(List *databases)
{
	const Suspicion *suspicion = &crashes->suspicion;

	for (int i = 0; i < suspicion->history_count; i++)
		if (!list_member_oid(databases, suspicion->histories[i].database))
			return suspicion->histories[i].database;
	for (int i = 0; i < suspicion->suspect_count; i++)
		if (!list_member_oid(databases, suspicion->suspects[i].database))
			return suspicion->suspects[i].database;
	return InvalidOid;
}

void
crashes_forget_databases_except(List *databases)
{
	Oid			gone;

	LWLockAcquire(crashes->lock, LW_EXCLUSIVE);
	while (OidIsValid(gone = first_unlisted(databases)))
	{
		suspicion_forget_database(&crashes->suspicion, gone);
		note_change();
	}
	LWLockRelease(crashes->lock);
}

/* ---- suspects ---- */

uint32
crashes_version(void)
{
	return pg_atomic_read_u32(&crashes->version);
}

static int
compare_suspects(const void *a, const void *b)
{
	return ((const Suspect *) a)->crashes_alone - ((const Suspect *) b)->crashes_alone;
}

Suspect *
crashes_suspects(Oid database, int *count)
{
	const Suspicion *suspicion = &crashes->suspicion;
	Suspect    *suspects;

	LWLockAcquire(crashes->lock, LW_SHARED);
	suspects = (Suspect *) palloc(Max(suspicion->suspect_count, 1) * sizeof(Suspect));
	*count = 0;
	for (int i = 0; i < suspicion->suspect_count; i++)
		if (suspicion->suspects[i].database == database)
			suspects[(*count)++] = suspicion->suspects[i];
	LWLockRelease(crashes->lock);
	qsort(suspects, *count, sizeof(Suspect), compare_suspects);
	return suspects;
}

void
crashes_blame_slot(Oid database, int slot, const int64 *ids, int count)
{
	LWLockAcquire(crashes->lock, LW_EXCLUSIVE);
	suspicion_blame_slot(&crashes->suspicion, database, slot, ids, count);
	note_change();
	LWLockRelease(crashes->lock);
}

void
crashes_clear(Oid database, const int64 *ids, int count)
{
	LWLockAcquire(crashes->lock, LW_EXCLUSIVE);
	for (int i = 0; i < count; i++)
		suspicion_clear(&crashes->suspicion, database, ids[i]);
	note_change();
	LWLockRelease(crashes->lock);
}
