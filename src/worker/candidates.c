/*
 * candidates.c
 *		Finds the notifications that a claim works on.
 *
 * It waits for nobody, and leaves out those that other transactions have locked.
 * It does not lock those that it finds, because a lock would cost as much as a
 * change. So another transaction may lock or change one before the claim writes
 * it: then the claim can't write it, and leaves it as it is (core/table_write.h).
 * Only a suspect, which is claimed alone, is locked: so the first one that nobody
 * has locked is found by one statement.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/column.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/table_write.h"
#include "worker/candidates.h"

static Statement select_due = {
	"SELECT l.ordinal, c.due_at, c.notification_id, c.place, c.notification_place "
	"FROM (SELECT unnest($1) AS lane, unnest($2) AS position_due, unnest($3) AS position_id,"
	"  unnest($4) AS quota, generate_subscripts($1, 1) AS ordinal) l "
	"CROSS JOIN LATERAL ("
	"  SELECT d.due_at, d.notification_id, d.ctid AS place, n.ctid AS notification_place"
	"  FROM appt.due d JOIN appt.notification n ON n.id = d.notification_id"
	"  WHERE d.lane = l.lane AND (d.due_at, d.notification_id) > (l.position_due, l.position_id)"
	"    AND d.due_at <= $5 AND n.state IN ('PENDING', 'RETRYING')"
	"    AND (n.next_attempt_at = d.due_at OR n.next_attempt_at IS NULL)"
	"    AND n.id <> ALL ($6)"
	"  ORDER BY d.due_at, d.notification_id LIMIT l.quota) c",
	6, {INT8ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, INT4ARRAYOID, TIMESTAMPTZOID, INT8ARRAYOID}
};

/* Locks the first of these suspects, in their order, that is due in one of these lanes and not locked. */
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

/* The lane's ordinal, due_at and notification id in a row of the last statement. */
static Candidate
read_candidate(const Quotas *quotas, Row *row)
{
	Candidate	candidate = {0};

	candidate.quota = &quotas->lanes[next_int32(row) - 1];
	candidate.key.lane_id = candidate.quota->lane->id;
	candidate.key.due_at = next_timestamp(row);
	candidate.key.notification_id = next_int64(row);
	return candidate;
}

/* Its lane reads on after it. */
static void
pass(const Candidate *candidate)
{
	LaneQuota  *quota = candidate->quota;

	quota->passed++;
	quota->lane->position_due = candidate->key.due_at;
	quota->lane->position_id = candidate->key.notification_id;
}

/* Of the rows of the last statement: those that are not locked. */
static Candidates
read_free(const Quotas *quotas, uint64 rows)
{
	Candidates	candidates = {(Candidate *) palloc(sizeof(Candidate) * Max(rows, 1)), 0};
	TableWriter *notifications = table_look_begin("notification");
	TableWriter *queue = table_look_begin("due");

	for (uint64 number = 0; number < rows; number++)
	{
		Row		   *row = ROW(number);
		Candidate	candidate = read_candidate(quotas, row);
		Datum		id = Int64GetDatum(candidate.key.notification_id);

		candidate.key.place = next_place(row);
		candidate.key.notification_place = next_place(row);
		pass(&candidate);
		if (table_find_same(notifications, &candidate.key.notification_place, &id) == ROW_FREE &&
			queue_row_is_free(queue, &candidate.key))
			candidates.all[candidates.count++] = candidate;
	}
	table_write_end(queue);
	table_write_end(notifications);
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
	candidates = read_free(quotas, statement_run(&select_due, column_array(lanes), column_array(position_dues),
												 column_array(position_ids), column_array(limits),
												 TimestampTzGetDatum(quotas->now),
												 column_array(suspects_all(suspects))));
	qsort(candidates.all, candidates.count, sizeof(Candidate), compare_candidates);
	return candidates;
}

Candidates
candidates_take_suspect(const Quotas *quotas, Suspects *suspects)
{
	Column	   *lanes = column_create(INT8OID, quotas->count);
	Candidates	candidates = {(Candidate *) palloc(sizeof(Candidate)), 0};

	for (int i = 0; i < quotas->count; i++)
		column_add(lanes, Int64GetDatum(quotas->lanes[i].lane->id));
	if (statement_run(&select_suspect, column_array(suspects_to_claim(suspects, quotas->now)), column_array(lanes),
					  TimestampTzGetDatum(quotas->now)) > 0)
		candidates.all[candidates.count++] = read_candidate(quotas, ROW(0));
	return candidates;
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
