/*
 * candidates.c
 *		Finds and locks the notifications that a claim works on.
 *
 * It waits for nobody: FOR UPDATE SKIP LOCKED. Locked are only notifications; the
 * row in appt.due stays, and is written together with its notification.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/column.h"
#include "core/row.h"
#include "core/statement.h"
#include "worker/candidates.h"

static Statement select_due = {
	"SELECT l.ordinal, c.due_at, c.notification_id "
	"FROM (SELECT unnest($1) AS lane, unnest($2) AS position_due, unnest($3) AS position_id,"
	"  unnest($4) AS quota, generate_subscripts($1, 1) AS ordinal) l "
	"CROSS JOIN LATERAL ("
	"  SELECT d.due_at, d.notification_id"
	"  FROM appt.due d JOIN appt.notification n ON n.id = d.notification_id"
	"  WHERE d.lane = l.lane AND (d.due_at, d.notification_id) > (l.position_due, l.position_id)"
	"    AND d.due_at <= $5 AND n.state IN ('PENDING', 'RETRYING')"

	/*
	 * If somebody has moved it between our snapshot and our lock, it is not
	 * taken: it has another due_at now.
	 */
	"    AND (n.next_attempt_at = d.due_at OR n.next_attempt_at IS NULL)"
	"    AND n.id <> ALL ($6)"
	"  ORDER BY d.due_at, d.notification_id LIMIT l.quota"
	"  FOR UPDATE OF n SKIP LOCKED) c",
	6, {INT8ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, INT4ARRAYOID, TIMESTAMPTZOID, INT8ARRAYOID}
};

/* The first of these suspects, in their order, that is due in one of these lanes and not locked. */
static Statement select_suspect = {
	"SELECT l.ordinal, d.due_at, n.id "
	"FROM (SELECT unnest($1) AS id, generate_subscripts($1, 1) AS rank) s "
	"JOIN appt.notification n ON n.id = s.id "
	"JOIN appt.due d ON d.lane = n.lane AND d.due_at = n.next_attempt_at AND d.notification_id = n.id "
	"JOIN (SELECT unnest($2) AS lane, generate_subscripts($2, 1) AS ordinal) l ON l.lane = n.lane "
	"WHERE d.due_at <= $3 AND n.state IN ('PENDING', 'RETRYING') "
	"ORDER BY s.rank LIMIT 1 FOR UPDATE OF n SKIP LOCKED",
	3, {INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID}
};

static int
compare_candidates(const void *a, const void *b)
{
	int64		id_a = ((const Candidate *) a)->key.notification_id;
	int64		id_b = ((const Candidate *) b)->key.notification_id;

	return id_a < id_b ? -1 : (id_a > id_b ? 1 : 0);
}

/* The rows of the last statement: the ordinal of the lane, due_at, notification id. */
static Candidates
read_candidates(const Quotas *quotas, uint64 rows)
{
	Candidates	candidates = {
		(Candidate *) palloc(sizeof(Candidate) * Max(rows, 1)), (int) rows
	};

	for (uint64 number = 0; number < rows; number++)
	{
		Row		   *row = ROW(number);
		Candidate  *candidate = &candidates.all[number];

		candidate->quota = &quotas->lanes[next_int32(row) - 1];
		candidate->key.lane_id = candidate->quota->lane->id;
		candidate->key.due_at = next_timestamp(row);
		candidate->key.notification_id = next_int64(row);
	}
	return candidates;
}

Candidates
candidates_take(const Quotas *quotas, Suspects *suspects)
{
	Column	   *lanes = column_create(INT8OID, quotas->count);
	Column	   *position_dues = column_create(TIMESTAMPTZOID, quotas->count);
	Column	   *position_ids = column_create(INT8OID, quotas->count);
	Column	   *limits = column_create(INT4OID, quotas->count);
	Candidates	candidates;

	for (int i = 0; i < quotas->count; i++)
	{
		const LaneQuota *quota = &quotas->lanes[i];

		column_add(lanes, Int64GetDatum(quota->lane->id));
		column_add(position_dues, TimestampTzGetDatum(quota->lane->position_due));
		column_add(position_ids, Int64GetDatum(quota->lane->position_id));
		column_add(limits, Int32GetDatum(quota->quota));
	}
	candidates = read_candidates(quotas, statement_run(&select_due, column_array(lanes),
													   column_array(position_dues),
													   column_array(position_ids),
													   column_array(limits),
													   TimestampTzGetDatum(quotas->now),
													   column_array(suspects_all(suspects))));
	for (int i = 0; i < candidates.count; i++)
	{
		const Candidate *candidate = &candidates.all[i];
		LaneQuota  *quota = candidate->quota;

		quota->taken++;
		quota->lane->position_due = candidate->key.due_at;
		quota->lane->position_id = candidate->key.notification_id;
	}
	qsort(candidates.all, candidates.count, sizeof(Candidate), compare_candidates);
	return candidates;
}

Candidates
candidates_take_suspect(const Quotas *quotas, Suspects *suspects)
{
	Column	   *lanes = column_create(INT8OID, quotas->count);

	for (int i = 0; i < quotas->count; i++)
		column_add(lanes, Int64GetDatum(quotas->lanes[i].lane->id));
	return read_candidates(quotas, statement_run(&select_suspect,
												 column_array(suspects_to_claim(suspects, quotas->now)),
												 column_array(lanes),
												 TimestampTzGetDatum(quotas->now)));
}

const Candidate *
candidate_find(const Candidate *candidates, int count, int64 notification_id)
{
	Candidate	key = {.key.notification_id = notification_id};

	return (const Candidate *) bsearch(&key, candidates, count, sizeof(Candidate), compare_candidates);
}

void
candidate_leave(const Candidate *candidate)
{
	const QueueKey *key = &candidate->key;
	Lane	   *lane = candidate->quota->lane;

	if (key->due_at > lane->position_due ||
		(key->due_at == lane->position_due && key->notification_id > lane->position_id))
		return;
	lane->position_due = key->due_at;
	lane->position_id = key->notification_id - 1;
}
