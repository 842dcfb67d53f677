/*
 * durability.c
 *		Does a commit survive what the operator has provided for?
 *
 * A commit waits for its synchronous standby, but returns normally also when
 * that wait is cut short: by a cancel, by SIGTERM, by the death of the
 * postmaster. What it wrote is on disk here then, and a failover may lose it.
 * So this looks up what the wait would have waited for: the position up to
 * which the standbys have confirmed, which never goes back.
 *
 * A commit's record comes after the records of all that the transaction could
 * see: what callers committed, with synchronous_commit off or not, and what the
 * worker committed before. A commit that is durable answers for all of them.
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

/* A reload that is not read yet may ask for standbys that this process does not know of. */
static bool
standby_is_asked_for(void)
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

/* Without a postmaster this server is failing, and another one may have taken over. */
bool
commit_is_durable(void)
{
	return PostmasterIsAlive() &&
		(!standby_is_asked_for() || standby_has_confirmed(XactLastCommitEnd));
}
