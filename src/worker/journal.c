/*
 * journal.c
 *		What a worker is doing, in a file that outlives its crash.
 *
 * When a worker crashes, the postmaster ends every other process and makes
 * shared memory anew: nothing in there tells who crashed, nor over what. So
 * each worker has a small file, and writes into it what it is about to do. It
 * removes the file when it exits, also when the postmaster tells it to quit
 * (SIGQUIT: another process crashed, or an immediate shutdown). A file that is
 * found later means a crash.
 *
 * The file is never flushed: when a process dies, the kernel keeps what the
 * process has written, and a crash of the machine is no crash of a worker. The
 * file has its full size from the start, so that a full disk does not matter
 * later. Its directory is left out by base backups and pg_rewind. A batch writes
 * a few bytes, which takes some microseconds.
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "utils/timestamp.h"

#include "worker/journal.h"

#define JOURNAL_MAGIC 0x61707431
#define JOURNAL_PREFIX "appt_worker."

/* File-level, for signal handlers and the log hook write or remove the journal. */
static Journal journal;
static int	journal_file = -1;
static char journal_path[MAXPGPATH];

static bool
create_file(void)
{
	journal_file = BasicOpenFile(journal_path, O_RDWR | O_CREAT | O_TRUNC | PG_BINARY);
	if (journal_file < 0)
		return false;
	errno = 0;
	if (pwrite(journal_file, &journal, sizeof(Journal), 0) == sizeof(Journal))
		return true;
	if (errno == 0)
		errno = ENOSPC;
	return false;
}

void
journal_open(Oid database, int slot)
{
	snprintf(journal_path, sizeof(journal_path), "%s/" JOURNAL_PREFIX "%d", PG_STAT_TMP_DIR, MyProcPid);
	journal.magic = JOURNAL_MAGIC;
	journal.database = database;
	journal.slot = slot;
	journal.started_at = GetCurrentTimestamp();
	ReserveExternalFD();
	if (create_file())
		return;
	ereport(LOG,
			(errcode_for_file_access(),
			 errmsg("could not write file \"%s\": %m", journal_path),
			 errdetail("If this worker crashes, the notifications that it worked on will not be known.")));
	journal_close();
	ReleaseExternalFD();
}

void
journal_close(void)
{
	int			save_errno = errno;

	if (journal_file < 0)
		return;
	(void) unlink(journal_path);
	(void) close(journal_file);
	journal_file = -1;
	errno = save_errno;
}

/* A journal that can't be written any more is removed: it would tell of an activity that has ended. */
static void
write_activity(Activity activity, int count)
{
	Size		start = offsetof(Journal, activity);
	Size		size = offsetof(Journal, ids) - start + count * sizeof(int64);

	journal.activity = activity;
	journal.count = count;
	if (journal_file >= 0 && pwrite(journal_file, (char *) &journal + start, size, start) < 0)
		journal_close();
}

void
journal_begin(Activity activity, const int64 *ids, int count)
{
	count = Min(count, JOURNAL_IDS);
	if (count > 0)
		memcpy(journal.ids, ids, count * sizeof(int64));
	write_activity(activity, count);
}

void
journal_end(void)
{
	if (journal.activity != ACTIVITY_OTHER)
		write_activity(ACTIVITY_OTHER, 0);
}

/* ---- the journals of crashed processes ---- */

static bool
is_valid(const Journal *found)
{
	return found->magic == JOURNAL_MAGIC && found->activity >= 0 && found->activity < ACTIVITIES &&
		found->count >= 0 && found->count <= JOURNAL_IDS;
}

static bool
read_journal(const char *path, Journal *found)
{
	int			file = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	bool		is_whole;

	if (file < 0)
		return false;
	is_whole = read(file, found, sizeof(Journal)) == sizeof(Journal);
	CloseTransientFile(file);
	return is_whole && is_valid(found);
}

void
journals_collect(void (*take) (const Journal *journal))
{
	DIR		   *directory = AllocateDir(PG_STAT_TMP_DIR);
	Journal    *found = (Journal *) palloc(sizeof(Journal));
	char		path[MAXPGPATH];
	struct dirent *entry;

	while ((entry = ReadDirExtended(directory, PG_STAT_TMP_DIR, LOG)) != NULL)
	{
		if (strncmp(entry->d_name, JOURNAL_PREFIX, strlen(JOURNAL_PREFIX)) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", PG_STAT_TMP_DIR, entry->d_name);
		if (read_journal(path, found))
			take(found);
		(void) unlink(path);
	}
	FreeDir(directory);
	pfree(found);
}
