/*
 * overlap.c
 *		Which appointments overlap a window of time?
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
 *
 * What one agent organizes is found from two sides. An index by organizer has
 * no room for classes: every booking would pay for one more index, or for
 * entries of this one twice. It is asked for what is short, with a look-back of
 * days; what is longer is found as above, and its rows are asked whose they are.
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
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/call.h"
#include "schedule/appointment.h"
#include "schedule/overlap.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(count_overlapping);

/* Columns of the index appt.appointment_overlap. */
enum
{
	OVERLAP_APPLICATION_ID = 1, OVERLAP_DURATION_CLASS, OVERLAP_START_AT, OVERLAP_END_AT
};

/* Columns of the index appt.appointment_organizer. */
enum
{
	ORGANIZER_APPLICATION_ID = 1, ORGANIZER_ID, ORGANIZER_START_AT
};

#define CLASS_KEYS 2
#define OVERLAP_KEYS 5
#define ORGANIZER_KEYS 4

/* 4^20 seconds are 35,000 years; classes beyond reach back to the beginning. */
#define MAX_CLASS_LENGTH 20

/* Before the first class. */
#define NO_CLASS (-1)

/* Up to 4^9 seconds, three days: what an agent does in so long is quickly read. */
#define LONGEST_SHORT_CLASS 9

/* Whose appointments are looked for, and where their rows say so. */
typedef struct Organizer
{
	text	   *id;
	AttrNumber	organizer_id;
	AttrNumber	organizer_type;
	AttrNumber	state;
	AttrNumber	duration_class;
	AttrNumber	start_at;
	AttrNumber	end_at;
} Organizer;

typedef struct Search
{
	Relation	table;
	Relation	index;
	IndexScanDesc classes;		/* which come after one */
	IndexScanDesc overlapping;	/* in one class */
	TupleTableSlot *slot;
	Buffer		visibility_map;
	const Organizer *organizer; /* NULL: anybody */
	SpanList   *found;			/* NULL: to be counted only */
	int64		count;
} Search;

static Oid
relation_oid(const char *name)
{
	Oid			oid = get_relname_relid(name, get_namespace_oid("appt", false));

	if (!OidIsValid(oid))
		elog(ERROR, "relation appt.%s does not exist", name);
	return oid;
}

static void
search_begin(Search *search, const Organizer *organizer, SpanList *found)
{
	search->table = table_open(relation_oid("appointment"), AccessShareLock);
	search->index = index_open(relation_oid("appointment_overlap"), AccessShareLock);
	search->slot = table_slot_create(search->table, NULL);
	search->visibility_map = InvalidBuffer;
	search->classes = index_beginscan(search->table, search->index, GetActiveSnapshot(), CLASS_KEYS, 0);
	search->overlapping = index_beginscan(search->table, search->index, GetActiveSnapshot(), OVERLAP_KEYS, 0);
	search->classes->xs_want_itup = true;
	search->overlapping->xs_want_itup = true;
	search->organizer = organizer;
	search->found = found;
	search->count = 0;
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

	ScanKeyInit(&keys[0], OVERLAP_APPLICATION_ID, BTEqualStrategyNumber, F_UUID_EQ,
				UUIDPGetDatum(application_id));
	ScanKeyInit(&keys[1], OVERLAP_DURATION_CLASS, BTGreaterStrategyNumber, F_INT2GT,
				Int16GetDatum(*duration_class));
	index_rescan(search->classes, keys, CLASS_KEYS, NULL, 0);
	if (index_getnext_tid(search->classes, ForwardScanDirection) == NULL)
		return false;
	*duration_class = DatumGetInt16(index_getattr(search->classes->xs_itup, OVERLAP_DURATION_CLASS,
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

static bool
is_text(TupleTableSlot *slot, AttrNumber column, const char *expected, int length)
{
	bool		is_null;
	text	   *value = DatumGetTextPP(slot_getattr(slot, column, &is_null));

	return VARSIZE_ANY_EXHDR(value) == length && memcmp(VARDATA_ANY(value), expected, length) == 0;
}

static bool
is_organized_by(TupleTableSlot *slot, const Organizer *organizer)
{
	return is_text(slot, organizer->organizer_id, VARDATA_ANY(organizer->id), VARSIZE_ANY_EXHDR(organizer->id)) &&
		is_text(slot, organizer->organizer_type, PARTICIPANT_AGENT, strlen(PARTICIPANT_AGENT));
}

/* Is the version of the row that the index entry points to ours to see, and whom it is asked for? */
static bool
is_wanted(Search *search, ItemPointer tid)
{
	BlockNumber block = ItemPointerGetBlockNumber(tid);
	bool		wanted;

	if (search->organizer == NULL && VM_ALL_VISIBLE(search->table, block, &search->visibility_map))
	{
		PredicateLockPage(search->table, block, search->overlapping->xs_snapshot);
		return true;
	}
	wanted = index_fetch_heap(search->overlapping, search->slot) &&
		(search->organizer == NULL || is_organized_by(search->slot, search->organizer));
	ExecClearTuple(search->slot);
	return wanted;
}

static TimestampTz
entry_time(IndexScanDesc scan, AttrNumber column)
{
	bool		is_null;

	return DatumGetTimestampTz(index_getattr(scan->xs_itup, column, scan->xs_itupdesc, &is_null));
}

static void
search_class(Search *search, const pg_uuid_t *application_id, int16 duration_class, const Span *window)
{
	ScanKeyData keys[OVERLAP_KEYS];
	ItemPointer tid;

	ScanKeyInit(&keys[0], OVERLAP_APPLICATION_ID, BTEqualStrategyNumber, F_UUID_EQ,
				UUIDPGetDatum(application_id));
	ScanKeyInit(&keys[1], OVERLAP_DURATION_CLASS, BTEqualStrategyNumber, F_INT2EQ,
				Int16GetDatum(duration_class));
	ScanKeyInit(&keys[2], OVERLAP_START_AT, BTGreaterStrategyNumber, F_TIMESTAMPTZ_GT,
				TimestampTzGetDatum(earliest_start(duration_class, window->start_at)));
	ScanKeyInit(&keys[3], OVERLAP_START_AT, BTLessStrategyNumber, F_TIMESTAMPTZ_LT,
				TimestampTzGetDatum(window->end_at));
	ScanKeyInit(&keys[4], OVERLAP_END_AT, BTGreaterStrategyNumber, F_TIMESTAMPTZ_GT,
				TimestampTzGetDatum(window->start_at));
	index_rescan(search->overlapping, keys, OVERLAP_KEYS, NULL, 0);
	while ((tid = index_getnext_tid(search->overlapping, ForwardScanDirection)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_wanted(search, tid))
			continue;
		search->count++;
		if (search->found != NULL)
			span_list_add(search->found, entry_time(search->overlapping, OVERLAP_START_AT),
						  entry_time(search->overlapping, OVERLAP_END_AT));
	}
}

/* All classes after one. */
static void
search_classes(Search *search, const pg_uuid_t *application_id, int16 after, const Span *window)
{
	int16		duration_class = after;

	while (next_class(search, application_id, &duration_class))
		search_class(search, application_id, duration_class, window);
}

int64
overlap_count(const pg_uuid_t *application_id, const Span *window)
{
	Search		search;

	search_begin(&search, NULL, NULL);
	search_classes(&search, application_id, NO_CLASS, window);
	search_end(&search);
	return search.count;
}

void
overlap_find(const pg_uuid_t *application_id, const Span *window, SpanList *found)
{
	Search		search;

	search_begin(&search, NULL, found);
	search_classes(&search, application_id, NO_CLASS, window);
	search_end(&search);
}

static void
find_columns(TupleDesc descriptor, Organizer *organizer)
{
	organizer->organizer_id = SPI_fnumber(descriptor, "organizer_id");
	organizer->organizer_type = SPI_fnumber(descriptor, "organizer_type");
	organizer->state = SPI_fnumber(descriptor, "state");
	organizer->duration_class = SPI_fnumber(descriptor, "duration_class");
	organizer->start_at = SPI_fnumber(descriptor, "start_at");
	organizer->end_at = SPI_fnumber(descriptor, "end_at");
}

static bool
is_open(TupleTableSlot *slot, const Organizer *organizer)
{
	return is_text(slot, organizer->state, APPOINTMENT_SCHEDULED, strlen(APPOINTMENT_SCHEDULED)) ||
		is_text(slot, organizer->state, APPOINTMENT_ACTIVATED, strlen(APPOINTMENT_ACTIVATED));
}

static Span
row_span(TupleTableSlot *slot, const Organizer *organizer)
{
	Span		span;
	bool		is_null;

	span.start_at = DatumGetTimestampTz(slot_getattr(slot, organizer->start_at, &is_null));
	span.end_at = DatumGetTimestampTz(slot_getattr(slot, organizer->end_at, &is_null));
	return span;
}

static IndexScanDesc
begin_organizer_scan(Relation table, Relation index, const pg_uuid_t *application_id,
					 const Organizer *organizer, TimestampTz after, TimestampTz before)
{
	IndexScanDesc scan = index_beginscan(table, index, GetActiveSnapshot(), ORGANIZER_KEYS, 0);
	ScanKeyData keys[ORGANIZER_KEYS];

	ScanKeyInit(&keys[0], ORGANIZER_APPLICATION_ID, BTEqualStrategyNumber, F_UUID_EQ,
				UUIDPGetDatum(application_id));
	ScanKeyEntryInitialize(&keys[1], 0, ORGANIZER_ID, BTEqualStrategyNumber, InvalidOid,
						   index->rd_indcollation[ORGANIZER_ID - 1], F_TEXTEQ, PointerGetDatum(organizer->id));
	ScanKeyInit(&keys[2], ORGANIZER_START_AT, BTGreaterStrategyNumber, F_TIMESTAMPTZ_GT,
				TimestampTzGetDatum(after));
	ScanKeyInit(&keys[3], ORGANIZER_START_AT, BTLessStrategyNumber, F_TIMESTAMPTZ_LT,
				TimestampTzGetDatum(before));
	index_rescan(scan, keys, ORGANIZER_KEYS, NULL, 0);
	return scan;
}

static bool
is_short(TupleTableSlot *slot, const Organizer *organizer)
{
	bool		is_null;

	return DatumGetInt16(slot_getattr(slot, organizer->duration_class, &is_null)) <= LONGEST_SHORT_CLASS;
}

/* Those of short classes. */
static void
find_short(Relation table, const pg_uuid_t *application_id, const Organizer *organizer,
		   const Span *window, SpanList *found)
{
	Relation	index = index_open(relation_oid("appointment_organizer"), AccessShareLock);
	TupleTableSlot *slot = table_slot_create(table, NULL);
	IndexScanDesc scan = begin_organizer_scan(table, index, application_id, organizer,
											  earliest_start(LONGEST_SHORT_CLASS, window->start_at),
											  window->end_at);

	while (index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		Span		span = row_span(slot, organizer);

		CHECK_FOR_INTERRUPTS();
		if (spans_overlap(&span, window) && is_short(slot, organizer) &&
			is_open(slot, organizer) && is_organized_by(slot, organizer))
			span_list_add(found, span.start_at, span.end_at);
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, NoLock);
}

void
overlap_find_organized(const pg_uuid_t *application_id, const char *agent_id,
					   const Span *window, SpanList *found)
{
	Organizer	organizer;
	Search		search;

	organizer.id = cstring_to_text(agent_id);
	search_begin(&search, &organizer, found);
	find_columns(RelationGetDescr(search.table), &organizer);
	find_short(search.table, application_id, &organizer, window, found);
	search_classes(&search, application_id, LONGEST_SHORT_CLASS, window);
	search_end(&search);
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
	Span		window;

	call_authorize(fcinfo, CALLER_ALL);
	application_id = required_uuid(fcinfo, 0, "application_id");
	window.start_at = required_time(fcinfo, 1, "start_at");
	check_finite(window.start_at);
	window.end_at = end_of(window.start_at, check_duration(required_interval(fcinfo, 2, "duration")));
	PG_RETURN_INT64(overlap_count(application_id, &window));
}
