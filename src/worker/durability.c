/*
 * durability.c
 *		Is a commit durable: on disk, and on the synchronous standbys?
 *
 * A commit waits for its synchronous standby, but returns normally also when
 * that wait is cut short: by a cancel, by SIGTERM, by the death of the
 * postmaster. Then the commit is on the disk of this server, and a failover may
 * lose it. So this reads the position that the wait would have waited for: up to
 * it the standbys have confirmed, and it never goes back.
 *
 * A commit's record comes after the records of all that the transaction could
 * see: commits of callers, with synchronous_commit off or not, and earlier
 * commits of the worker. If it is durable, so are all of those.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "postmaster/interrupt.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/lwlock.h"
#include "storage/pmsignal.h"

#include "worker/durability.h"

/* A reload that this process has not read yet may have configured standbys. */
static bool
standby_is_required(void)
{
	return SyncRepRequested() && (SyncRepConfig != NULL || ConfigReloadPending);
}

static int
wait_mode(void)
{
	switch (synchronous_commit)
	{
		case SYNCHRONOUS_COMMIT_REMOTE_WRITE:
			return SYNC_REP_WAIT_WRITE;
		case SYNCHRONOUS_COMMIT_REMOTE_APPLY:
			return SYNC_REP_WAIT_APPLY;
		default:
			return SYNC_REP_WAIT_FLUSH;
	}
}

static bool
standby_has_confirmed(XLogRecPtr commit)
{
	XLogRecPtr	confirmed;

	LWLockAcquire(SyncRepLock, LW_SHARED);
	confirmed = WalSndCtl->lsn[wait_mode()];
	LWLockRelease(SyncRepLock);
	return commit <= confirmed;
}

/* Without a postmaster this server is going down, and a standby may have been promoted. */
bool
commit_is_durable(void)
{
	return PostmasterIsAlive() &&
		(!standby_is_required() || standby_has_confirmed(XactLastCommitEnd));
}
