/*
 * blanking.c
 *		Blanking the content of messages of deleted appointments.
 *
 * A notification of a deleted appointment has in its context what its message is
 * composed from (planning.c), until no notification of the appointment is
 * unsettled. Then contexts and bodies are blanked. An index holds the rows that
 * have a context, so a pass over it finds whatever was not blanked when it was
 * settled, also after a crash.
 *
 * A manual retry revives a settled row: it locks the row, then looks for the
 * context. So the pass locks the rows with a context first and checks after that
 * whether anything is unsettled. Either it sees the retry and blanks nothing, or
 * the retry finds no context and is refused. A row that is locked may be about
 * to be revived, so its appointment is left for another pass; so is one of
 * which an attempt is locked, to record a receipt. Workers wait neither for
 * callers nor for each other: the worker that settles an
 * appointment's last message looks again after its commit.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/column.h"
#include "core/held.h"
#include "core/row.h"
#include "core/statement.h"
#include "core/wake.h"
#include "notify/blanking.h"

/* Rows with a context that one transaction examines. */
#define KEPT_BATCH 500

/* Attempts that one transaction blanks. */
#define BODIES_BATCH 1000

/* Keys of appointments as two columns for a statement. */
typedef struct Keys
{
	Column	   *applications;
	Column	   *appointments;
} Keys;

/* Keys that are parameters $1 and $2. */
#define KEYS "(SELECT unnest($1) AS application_id, unnest($2) AS appointment_id) k"

#define OF_KEY(row) row ".appointment_id = k.appointment_id AND " row ".application_id = k.application_id"

static Keys
keys_create(void)
{
	return (Keys) {column_create(UUIDOID, 8), column_create(UUIDOID, 8)};
}

static void
keys_add(Keys *keys, const AppointmentKey *key)
{
	column_add_uuid(keys->applications, &key->application_id);
	column_add_uuid(keys->appointments, &key->id);
}

/* The next two columns are a key. */
static void
keys_add_row(Keys *keys, Row *row)
{
	column_add_uuid(keys->applications, next_uuid_or_null(row));
	column_add_uuid(keys->appointments, next_uuid_or_null(row));
}

void
blanking_request(const int64 *notification_ids, int count)
{
	static Statement find = {
		"SELECT FROM appt.notification n WHERE n.id = ANY ($1) AND n.context ? 'appointment' LIMIT 1",
		1, {INT8ARRAYOID}
	};
	Column	   *ids = column_create(INT8OID, count);

	for (int i = 0; i < count; i++)
		column_add(ids, Int64GetDatum(notification_ids[i]));
	if (count > 0 && statement_run(&find, column_array(ids)) > 0)
		wake_on_commit(LANE_BLANKING, DT_NOBEGIN);
}

/* ---- the steps of a pass ---- */

/* The next appointments that have contexts, and nothing unsettled among the rows that were examined. */
static Keys
find_candidates(BlankingPass *pass)
{
	static Statement find = {
		"SELECT w.application_id, w.appointment_id, max(w.id), count(*), bool_and(w.settled_at IS NOT NULL)"
		" FROM (SELECT n.application_id, n.appointment_id, n.id, n.settled_at FROM appt.notification n"
		"  WHERE n.context ? 'appointment' AND (n.application_id, n.appointment_id, n.id) > ($1, $2, $3)"
		"   AND " IS_NOT_HELD("n.application_id")
		"  ORDER BY n.application_id, n.appointment_id, n.id LIMIT $4) w"
		" GROUP BY 1, 2 ORDER BY 1, 2",
		4, {UUIDOID, UUIDOID, INT8OID, INT8OID}
	};
	uint64		found = statement_run(&find, UUIDPGetDatum(&pass->appointment.application_id),
									  UUIDPGetDatum(&pass->appointment.id),
									  Int64GetDatum(pass->notification_id), Int64GetDatum(KEPT_BATCH));
	Keys		candidates = keys_create();
	int64		walked = 0;

	for (uint64 n = 0; n < found; n++)
	{
		Row		   *row = ROW(n);

		pass->appointment.application_id = next_uuid(row);
		pass->appointment.id = next_uuid(row);
		pass->notification_id = next_int64(row);
		walked += next_int64(row);
		if (next_bool(row))
			keys_add(&candidates, &pass->appointment);
	}
	pass->is_over = (walked < KEPT_BATCH);
	return candidates;
}

/* Lock the rows with a context of these appointments, without waiting; count them by appointment. */
static Keys
lock_kept(const Keys *candidates, Column **counts)
{
	static Statement lock = {
		"WITH locked AS MATERIALIZED ("
		" SELECT n.application_id, n.appointment_id FROM " KEYS
		" JOIN appt.notification n ON " OF_KEY("n")
		" WHERE n.context IS NOT NULL AND n.settled_at IS NOT NULL"
		" ORDER BY n.id FOR UPDATE OF n SKIP LOCKED"
		") SELECT application_id, appointment_id, count(*) FROM locked GROUP BY 1, 2",
		2, {UUIDARRAYOID, UUIDARRAYOID}
	};
	uint64		rows = statement_run(&lock, column_array(candidates->applications),
									 column_array(candidates->appointments));
	Keys		locked = keys_create();

	*counts = column_create(INT8OID, (int) rows);
	for (uint64 n = 0; n < rows; n++)
	{
		Row		   *row = ROW(n);

		keys_add_row(&locked, row);
		column_add(*counts, Int64GetDatum(next_int64(row)));
	}
	return locked;
}

/*
 * Those of which nothing is unsettled now, with the locks held. An appointment is
 * skipped if not all of its rows with a context could be locked.
 */
static Keys
choose_settled(const Keys *locked, const Column *counts, bool *has_skipped)
{
	static Statement choose = {
		"SELECT k.locked = (SELECT count(*) FROM appt.notification n"
		"  WHERE " OF_KEY("n") " AND n.context IS NOT NULL), k.application_id, k.appointment_id"
		" FROM (SELECT unnest($1) AS application_id, unnest($2) AS appointment_id, unnest($3) AS locked) k"
		" WHERE NOT EXISTS (SELECT FROM appt.notification n WHERE " OF_KEY("n") " AND n.settled_at IS NULL)"
		"  AND NOT EXISTS (SELECT FROM appt.appointment a"
		"   WHERE a.application_id = k.application_id AND a.id = k.appointment_id)",
		3, {UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID}
	};
	uint64		rows = statement_run(&choose, column_array(locked->applications),
									 column_array(locked->appointments), column_array(counts));
	Keys		settled = keys_create();

	for (uint64 n = 0; n < rows; n++)
	{
		Row		   *row = ROW(n);

		if (next_bool(row))
			keys_add_row(&settled, row);
		else
			*has_skipped = true;
	}
	return settled;
}

/* ---- writing ---- */

/* The attempts b with bodies of the appointment k. */
#define BODIES_OF_KEY \
	"appt.notification o, appt.attempt b WHERE " OF_KEY("o") \
	" AND b.notification_id = o.id AND num_nonnulls(b.subject, b.text_body, b.html_body, b.shown) > 0"

#define BLANK_BODIES(lock) \
	"UPDATE appt.attempt t SET subject = NULL, text_body = NULL, html_body = NULL, shown = NULL" \
	" WHERE t.id = ANY (ARRAY(SELECT b.id FROM " KEYS ", " BODIES_OF_KEY " LIMIT $3" lock "))"

/* Blank all attempts of these appointments. */
static void
blank_bodies(const Keys *keys)
{
	static Statement blank = {BLANK_BODIES(""), 3, {UUIDARRAYOID, UUIDARRAYOID, INT8OID}};

	(void) statement_run(&blank, column_array(keys->applications), column_array(keys->appointments),
						 Int64GetDatum(PG_INT64_MAX));
}

/* Blank at most BODIES_BATCH of them, and none that somebody has locked; false if there may be more. */
static bool
blank_some_bodies(const Keys *keys)
{
	static Statement blank = {
		BLANK_BODIES(" FOR NO KEY UPDATE OF b SKIP LOCKED"), 3, {UUIDARRAYOID, UUIDARRAYOID, INT8OID}
	};

	return statement_run(&blank, column_array(keys->applications), column_array(keys->appointments),
						 Int64GetDatum(BODIES_BATCH)) < BODIES_BATCH;
}

/* Of appointments without bodies. */
static void
blank_contexts(const Keys *keys)
{
	static Statement blank = {
		"UPDATE appt.notification n SET context = NULL FROM " KEYS
		" WHERE " OF_KEY("n") " AND n.context IS NOT NULL AND NOT EXISTS (SELECT FROM " BODIES_OF_KEY ")",
		2, {UUIDARRAYOID, UUIDARRAYOID}
	};

	(void) statement_run(&blank, column_array(keys->applications), column_array(keys->appointments));
}

/* Are there bodies left, because somebody has locked them? */
static bool
have_bodies(const Keys *keys)
{
	static Statement find = {
		"SELECT FROM " KEYS ", " BODIES_OF_KEY " LIMIT 1", 2, {UUIDARRAYOID, UUIDARRAYOID}
	};

	return statement_run(&find, column_array(keys->applications), column_array(keys->appointments)) > 0;
}

/* ---- the whole ---- */

/*
 * Contexts are blanked last: as long as there is one, a later pass finds the
 * appointment. False: there is more to blank.
 */
static bool
blank_settled(const Keys *settled, BlankingPass *pass)
{
	if (!blank_some_bodies(settled))
		return false;
	blank_contexts(settled);
	if (have_bodies(settled))
		pass->has_skipped = true;
	return true;
}

void
blanking_continue(BlankingPass *pass)
{
	BlankingPass before = *pass;
	Keys		candidates = find_candidates(pass);
	Keys		locked;
	Keys		settled;
	Column	   *counts;

	if (candidates.applications->count == 0)
		return;
	locked = lock_kept(&candidates, &counts);
	if (locked.applications->count < candidates.applications->count)
		pass->has_skipped = true;
	if (locked.applications->count == 0)
		return;
	settled = choose_settled(&locked, counts, &pass->has_skipped);
	if (settled.applications->count > 0 && !blank_settled(&settled, pass))
		*pass = before;
}

/* Lock them before their attempts are changed: the retention skips locked notifications, but would wait for attempts. */
static void
lock_messages(const AppointmentKey *key)
{
	static Statement lock = {
		"SELECT FROM appt.notification n WHERE n.appointment_id = $2 AND n.application_id = $1"
		" ORDER BY n.id FOR UPDATE",
		2, {UUIDOID, UUIDOID}
	};

	(void) statement_run(&lock, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id));
	statement_done();
}

/* What customers wrote about it; no pending message is composed from it. */
static void
blank_inbound(const AppointmentKey *key)
{
	static Statement blank_texts = {
		"UPDATE appt.inbound_message SET text = NULL"
		" WHERE appointment_id = $2 AND application_id = $1 AND text IS NOT NULL",
		2, {UUIDOID, UUIDOID}
	};
	static Statement blank_responses = {
		"UPDATE appt.response SET reason = NULL, raw = NULL"
		" WHERE application_id = $1 AND appointment_id = $2 AND num_nonnulls(reason, raw) > 0",
		2, {UUIDOID, UUIDOID}
	};

	(void) statement_run(&blank_texts, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id));
	(void) statement_run(&blank_responses, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id));
}

void
blanking_of_deleted(const AppointmentKey *key)
{
	static Statement find = {
		"SELECT FROM appt.notification n WHERE n.appointment_id = $2 AND n.application_id = $1"
		" AND n.settled_at IS NULL LIMIT 1",
		2, {UUIDOID, UUIDOID}
	};
	Keys		keys = keys_create();

	blank_inbound(key);
	if (statement_run(&find, UUIDPGetDatum(&key->application_id), UUIDPGetDatum(&key->id)) > 0)
		return;
	keys_add(&keys, key);
	lock_messages(key);
	blank_bodies(&keys);
	blank_contexts(&keys);
}
