/*
 * overlap.c
 *		How many appointments overlap a window of time?
 *
 * A btree over (start_at, end_at) alone would have to look back from the
 * window as far as the longest appointment reaches, however few are that long.
 * So the index leads with the appointment's duration class, the least c with
 * 4^c seconds >= its duration: within a class nothing that starts more than
 * 4^c seconds before the window still reaches into it. A search hops from class
 * to class that the application has, and one very long appointment costs one
 * more probe of the index, not a longer range.
 *
 * The index is read directly and not by a statement: the planner has been seen
 * to join the classes by hash over the whole application, and what is a few
 * probes of a btree should not wait for planning either. All conditions are
 * keys of the index; its predicate leaves SCHEDULED and ACTIVATED ones alone,
 * and a change of state makes a new entry or none, so that an entry whose row
 * version is visible is one to count. As in an index-only scan, pages that are
 * visible to all spare the look at the row.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/itup.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/visibilitymap.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/call.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(count_overlapping);

/* Columns of the index appt.appointment_overlap. */
enum
{
	COLUMN_APPLICATION_ID = 1, COLUMN_DURATION_CLASS, COLUMN_START_AT, COLUMN_END_AT
};

#define CLASS_KEYS 2
#define OVERLAP_KEYS 5

/* 4^20 seconds are 35,000 years; classes beyond reach back to the beginning. */
#define MAX_CLASS_LENGTH 20

typedef struct Search
{
	Relation	table;
	Relation	index;
	IndexScanDesc classes;		/* which come after one */
	IndexScanDesc overlapping;	/* in one class */
	TupleTableSlot *slot;
	Buffer		visibility_map;
} Search;

static void
search_begin(Search *search)
{
	Oid			schema = get_namespace_oid("appt", false);
	Oid			index = get_relname_relid("appointment_overlap", schema);

	if (!OidIsValid(index))
		elog(ERROR, "index appt.appointment_overlap does not exist");
	search->table = table_open(get_relname_relid("appointment", schema), AccessShareLock);
	search->index = index_open(index, AccessShareLock);
	search->slot = table_slot_create(search->table, NULL);
	search->visibility_map = InvalidBuffer;
	search->classes = index_beginscan(search->table, search->index, GetActiveSnapshot(), CLASS_KEYS, 0);
	search->overlapping = index_beginscan(search->table, search->index, GetActiveSnapshot(), OVERLAP_KEYS, 0);
	search->classes->xs_want_itup = true;
	search->overlapping->xs_want_itup = true;
}

static void
search_end(Search *search)
{
	if (BufferIsValid(search->visibility_map))
		ReleaseBuffer(search->visibility_map);
	index_endscan(search->classes);
	index_endscan(search->overlapping);
	ExecDropSingleTupleTableSlot(search->slot);
	index_close(search->index, NoLock);
	table_close(search->table, NoLock);
}

/* The application's next duration class after one; false if there is none. */
static bool
next_class(Search *search, const pg_uuid_t *application_id, int16 *duration_class)
{
	ScanKeyData keys[CLASS_KEYS];
	bool		is_null;

	ScanKeyInit(&keys[0], COLUMN_APPLICATION_ID, BTEqualStrategyNumber, F_UUID_EQ,
				UUIDPGetDatum(application_id));
	ScanKeyInit(&keys[1], COLUMN_DURATION_CLASS, BTGreaterStrategyNumber, F_INT2GT,
				Int16GetDatum(*duration_class));
	index_rescan(search->classes, keys, CLASS_KEYS, NULL, 0);
	if (index_getnext_tid(search->classes, ForwardScanDirection) == NULL)
		return false;
	*duration_class = DatumGetInt16(index_getattr(search->classes->xs_itup, COLUMN_DURATION_CLASS,
												  search->classes->xs_itupdesc, &is_null));
	return true;
}

/*
 * Before which instant nothing of the class reaches into the window. A second
 * more than need be, because the logarithm that classes come from is rounded.
 */
static TimestampTz
earliest_start(int16 duration_class, TimestampTz start_at)
{
	if (duration_class > MAX_CLASS_LENGTH)
		return DT_NOBEGIN;
	return start_at - ((INT64CONST(1) << (2 * duration_class)) + 1) * USECS_PER_SEC;
}

/* Is the version of the row that the index entry points to ours to see? */
static bool
is_visible(Search *search, ItemPointer tid)
{
	BlockNumber block = ItemPointerGetBlockNumber(tid);
	bool		found;

	if (VM_ALL_VISIBLE(search->table, block, &search->visibility_map))
	{
		PredicateLockPage(search->table, block, search->overlapping->xs_snapshot);
		return true;
	}
	found = index_fetch_heap(search->overlapping, search->slot);
	ExecClearTuple(search->slot);
	return found;
}

static int64
count_class(Search *search, const pg_uuid_t *application_id, int16 duration_class,
			TimestampTz start_at, TimestampTz end_at)
{
	ScanKeyData keys[OVERLAP_KEYS];
	ItemPointer tid;
	int64		count = 0;

	ScanKeyInit(&keys[0], COLUMN_APPLICATION_ID, BTEqualStrategyNumber, F_UUID_EQ,
				UUIDPGetDatum(application_id));
	ScanKeyInit(&keys[1], COLUMN_DURATION_CLASS, BTEqualStrategyNumber, F_INT2EQ,
				Int16GetDatum(duration_class));
	ScanKeyInit(&keys[2], COLUMN_START_AT, BTGreaterStrategyNumber, F_TIMESTAMPTZ_GT,
				TimestampTzGetDatum(earliest_start(duration_class, start_at)));
	ScanKeyInit(&keys[3], COLUMN_START_AT, BTLessStrategyNumber, F_TIMESTAMPTZ_LT,
				TimestampTzGetDatum(end_at));
	ScanKeyInit(&keys[4], COLUMN_END_AT, BTGreaterStrategyNumber, F_TIMESTAMPTZ_GT,
				TimestampTzGetDatum(start_at));
	index_rescan(search->overlapping, keys, OVERLAP_KEYS, NULL, 0);
	while ((tid = index_getnext_tid(search->overlapping, ForwardScanDirection)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_visible(search, tid))
			count++;
	}
	return count;
}

/*
 * appt.count_overlapping(application_id uuid, start_at timestamptz, duration interval) -> bigint
 *
 * SCHEDULED and ACTIVATED ones whose [start_at, end_at) intersects the window;
 * 0 for an unknown application. 22023 for malformed arguments. Source:
 * auvious-appointments-api.txt, "Get Count of Overlapping Appointments".
 */
Datum
count_overlapping(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *application_id;
	TimestampTz start_at;
	TimestampTz end_at;
	int16		duration_class = -1;
	int64		count = 0;
	Search		search;

	call_authorize(fcinfo, CALLER_ALL);
	application_id = required_uuid(fcinfo, 0, "application_id");
	start_at = required_time(fcinfo, 1, "start_at");
	check_finite(start_at);
	end_at = end_of(start_at, check_duration(required_interval(fcinfo, 2, "duration")));

	search_begin(&search);
	while (next_class(&search, application_id, &duration_class))
		count += count_class(&search, application_id, duration_class, start_at, end_at);
	search_end(&search);
	PG_RETURN_INT64(count);
}
