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
#include "core/lookup.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/table_write.h"
#include "core/vocabulary.h"
#include "worker/candidates.h"

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

/* What a search reads, and what it has found. */
typedef struct Search
{
	TimestampTz now;
	const Column *suspects;		/* ids */
	Lookup	   *same_time;		/* entries that are due when the lane's
								 * position is */
	Lookup	   *later;			/* and later */
	Lookup	   *notifications;
	TableWriter *queue_rows;
	TableWriter *notification_rows;
	Candidates	found;
} Search;

static bool
is_suspect(const Search *search, int64 notification_id)
{
	for (int i = 0; i < search->suspects->count; i++)
		if (DatumGetInt64(search->suspects->values[i]) == notification_id)
			return true;
	return false;
}

/* Is the notification of this entry to be judged now? Sets its place. */
static bool
is_waiting(const Search *search, QueueKey *key)
{
	const Datum id = Int64GetDatum(key->notification_id);
	Row		   *row = lookup_row(search->notifications, &id, 1);
	TimestampTz next_attempt_at;
	NotificationState state;

	if (row == NULL)
		return false;
	key->notification_place = lookup_place(search->notifications);
	if (!state_from_code(next_text(row), &state))
		return false;
	next_attempt_at = next_timestamp(row);
	return (state == STATE_PENDING || state == STATE_RETRYING) &&
		(next_attempt_at == key->due_at || next_attempt_at == 0) && !is_suspect(search, key->notification_id);
}

static bool
is_free(const Search *search, const QueueKey *key)
{
	const Datum id = Int64GetDatum(key->notification_id);

	return table_find_same(search->notification_rows, &key->notification_place, &id) == ROW_FREE &&
		queue_row_is_free(search->queue_rows, key);
}

/* The next entry that is due; false if there is none. */
static bool
next_entry(Lookup *entries, const Lane *lane, TimestampTz now, QueueKey *key)
{
	Row		   *row = lookup_next(entries);

	if (row == NULL)
		return false;
	*key = (QueueKey) {.lane_id = lane->id, .place = lookup_place(entries)};
	key->due_at = next_timestamp(row);
	key->notification_id = next_int64(row);
	return key->due_at <= now;
}

/* What is locked is passed over. */
static void
take_entries(Search *search, LaneQuota *quota, Lookup *entries)
{
	Candidate	candidate = {.quota = quota};

	while (quota->passed < quota->quota && next_entry(entries, quota->lane, search->now, &candidate.key))
	{
		if (!is_waiting(search, &candidate.key))
			continue;
		pass(&candidate);
		if (is_free(search, &candidate.key))
			search->found.all[search->found.count++] = candidate;
	}
}

/* From the lane's position on. An index does not find what is greater by two of its columns at once. */
static void
search_lane(Search *search, LaneQuota *quota)
{
	Datum		lane = Int64GetDatum(quota->lane->id);
	TimestampTz due_at = quota->position_due;

	lookup_find_from(search->same_time, (Datum[]) {lane, TimestampTzGetDatum(due_at), Int64GetDatum(quota->position_id + 1)}, 3);
	take_entries(search, quota, search->same_time);
	lookup_find_from(search->later, (Datum[]) {lane, TimestampTzGetDatum(due_at + 1)}, 2);
	take_entries(search, quota, search->later);
}

static int
sum_of_quotas(const Quotas *quotas)
{
	int			sum = 0;

	for (int i = 0; i < quotas->count; i++)
		sum += quotas->lanes[i].quota;
	return sum;
}

Candidates
candidates_take(const Quotas *quotas, Suspects *suspects)
{
	static const LookupSource queue = {"due", "due_pkey", {"lane", "due_at", "notification_id"}, 2, {"due_at", "notification_id"}};
	static const LookupSource notifications = {
		"notification", "notification_pkey", {"id"}, 2, {"state", "next_attempt_at"}
	};
	Search		search = {
		.now = quotas->now,
		.suspects = suspects_all(suspects),
		.same_time = lookup_open(&queue, false),
		.later = lookup_open(&queue, false),
		.notifications = lookup_open(&notifications, false),
		.queue_rows = table_look_begin("due"),
		.notification_rows = table_look_begin("notification"),
		.found = {(Candidate *) palloc(sizeof(Candidate) * sum_of_quotas(quotas)), 0}
	};

	for (int i = 0; i < quotas->count; i++)
		search_lane(&search, &quotas->lanes[i]);
	table_write_end(search.notification_rows);
	table_write_end(search.queue_rows);
	lookup_end(search.notifications);
	lookup_end(search.later);
	lookup_end(search.same_time);
	qsort(search.found.all, search.found.count, sizeof(Candidate), compare_candidates);
	return search.found;
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
