/*
 * retention.c
 *		The log's end: one pass over the old part of appt.notification.
 *
 * Ids grow with created_at, and what was created within the retention can't
 * have settled before it. So a pass walks the primary key from the lowest id
 * to the first row that is young, a batch a transaction, and no index on
 * settled_at is needed (it would keep settling from being a HOT update). What
 * a pass walks over in vain is old and unsettled: reminders planned long ahead.
 * What a caller has locked is left for the next pass.
 *
 * Changes (appt.change) are kept as long; the oldest are found by their time.
 * One-time codes go sooner: an hour after they have expired nobody asks for
 * them, nor counts them to limit requests. Those that opened an appointment go
 * with it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "core/settings.h"
#include "core/statement.h"
#include "worker/retention.h"
#include "worker/worker.h"

#define RETENTION_BATCH 500

#define CODES_KEPT USECS_PER_HOUR

typedef struct Retention
{
	int64		after;			/* where the pass has come to */
	int64		walked;
	int64		dropped;
	uint64		changes;		/* dropped, like the codes */
	uint64		codes;
} Retention;

static Statement drop_batch = {
	"WITH batch AS MATERIALIZED ("
	"  SELECT w.id, w.settled_at"
	"  FROM (SELECT id, created_at, settled_at FROM appt.notification WHERE id > $1 ORDER BY id LIMIT $3) w"
	"  WHERE w.created_at < $2),"
	" free AS MATERIALIZED ("
	"  SELECT id FROM appt.notification"
	"  WHERE id = ANY (ARRAY(SELECT id FROM batch WHERE settled_at < $2)) AND settled_at < $2 FOR UPDATE SKIP LOCKED),"
	" dropped AS ("
	"  DELETE FROM appt.notification n USING free f WHERE n.id = f.id RETURNING n.id),"
	" dropped_attempts AS ("
	"  DELETE FROM appt.attempt a USING dropped d WHERE a.notification_id = d.id) "
	"SELECT (SELECT max(id) FROM batch), (SELECT count(*) FROM batch), (SELECT count(*) FROM dropped)",
	3, {INT8OID, TIMESTAMPTZOID, INT8OID}
};

/* By place, where locked rows stay: one transaction may have made any number of changes of one time. */
static Statement drop_changes = {
	"DELETE FROM appt.change c"
	" USING (SELECT ctid FROM appt.change WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED) old"
	" WHERE c.ctid = old.ctid",
	2, {TIMESTAMPTZOID, INT8OID}
};

static Statement drop_codes = {
	"DELETE FROM appt.one_time_code c"
	" USING (SELECT application_id, id FROM appt.one_time_code WHERE expires_at < $1 AND appointment_id IS NULL"
	"  ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED) old"
	" WHERE c.application_id = old.application_id AND c.id = old.id",
	2, {TIMESTAMPTZOID, INT8OID}
};

static Retention retention;

/*
 * A crash may undo what was dropped, and it is dropped again: no need to wait for
 * the disk. PGC_S_OVERRIDE would change the session's default, too, and claims
 * would no longer wait for a standby.
 */
static void
commit_in_time(void)
{
	(void) set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

static void
drop_step(void *argument)
{
	TimestampTz before = GetCurrentTimestamp() - (TimestampTz) appt_log_retention * USECS_PER_MINUTE;

	commit_in_time();
	(void) statement_run(&drop_batch, Int64GetDatum(retention.after), TimestampTzGetDatum(before),
						 Int64GetDatum(RETENTION_BATCH));
	retention.walked = row_int64(0, 2);
	retention.dropped = row_int64(0, 3);
	if (retention.walked > 0)
		retention.after = row_int64(0, 1);
	retention.changes = statement_run(&drop_changes, TimestampTzGetDatum(before), Int64GetDatum(RETENTION_BATCH));
	retention.codes = statement_run(&drop_codes, TimestampTzGetDatum(GetCurrentTimestamp() - CODES_KEPT),
									Int64GetDatum(RETENTION_BATCH));
}

bool
retention_drop_some(int *dropped)
{
	*dropped = 0;
	if (!worker_run(drop_step, NULL, NULL))
		return false;
	*dropped = (int) retention.dropped;
	if (retention.walked < RETENTION_BATCH)
		retention.after = 0;
	return retention.walked == RETENTION_BATCH || retention.changes == RETENTION_BATCH ||
		retention.codes == RETENTION_BATCH;
}
