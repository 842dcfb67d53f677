/*
 * overlap.c
 *		Searching appointments that overlap a time window.
 *
 * A search in a btree over (start_at, end_at) has to start before the window,
 * by as much as the longest entry lasts. So short appointments, up to 4^7
 * seconds or four and a half hours, have such an index of their own, which one
 * descent searches, and long ones have another. That one starts with the
 * duration class of the appointment, the least c with 4^c seconds >= its
 * duration: within a class, no appointment that starts more than 4^c seconds
 * before the window overlaps it. A few long ones are read sequentially; if an
 * application has more, the search visits each class that occurs. A very long
 * appointment then costs two more probes of a small index, not a longer range.
 * Each appointment is in one of the two indexes.
 *
 * The indexes are read directly and not by a statement: the planner has been
 * seen to hash-join the classes over the whole application, and planning takes
 * longer than a few probes of a btree. The conditions are index keys. The
 * predicates of the indexes admit SCHEDULED and ACTIVATED appointments only,
 * and a change of state makes a new entry or none, so an entry with a visible
 * row version counts. As in an index-only scan, the rows of pages that are
 * visible to all need no look; the others are collected and rechecked together
 * (row_check.c).
 *
 * The appointments of one organizer are found in two ways. The index by
 * organizer has no duration classes: they would cost every booking another
 * index, or a second entry in this one. It is searched for appointments of up
 * to three days, starting so long before the window. Longer ones are found as
 * above, and their rows tell who organizes them.
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

#include "core/arguments.h"
#include "core/call.h"
#include "core/compat.h"
#include "schedule/appointment.h"
#include "schedule/overlap.h"
#include "schedule/overlap_index.h"
#include "schedule/row_check.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(count_overlapping);

#define SHORT_KEYS 4
#define CLASS_KEYS 2
#define LONG_KEYS 5
#define ORGANIZER_KEYS 4

/* The last class of the index of short appointments; the predicates in sql/appointment.sql use it, too. */
#define LONGEST_SHORT_CLASS 7

/* Up to 4^9 seconds, three days: an agent has few appointments in that time. */
#define LONGEST_ORGANIZER_CLASS 9

/* Up to this many long appointments are read sequentially, whatever their classes and times. */
#define FEW 16

/* 4^20 seconds are 35,000 years; a search of higher classes starts at the beginning of time. */
#define MAX_CLASS_LENGTH 20

/*
 * Pages of the visibility map that are kept pinned, each for 256 MB of the
 * table, because matching rows may be anywhere in it. With more than eight
 * pins, PostgreSQL looks them up in a hash table.
 */
#define VISIBILITY_MAPS 4
#define BLOCKS_PER_MAP 32768

/* After this many rows to recheck, the map is read only while most rows need no recheck. */
#define RECHECKS_AT_FIRST 64

/* An organizer to search for, and the columns of the table that tell. */
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
	const pg_uuid_t *application_id;
	const Span *window;
	const Organizer *organizer; /* NULL: any */
	SpanList   *found;			/* NULL: only count */
	int64		count;
	Relation	table;
	TupleTableSlot *slot;		/* created for the first row */
	RowEntries	to_recheck;		/* entries whose rows must be looked at */
	Buffer		visibility_maps[VISIBILITY_MAPS];
} Search;

static Oid
table_oid(void)
{
	Oid			oid = get_relname_relid("appointment", get_namespace_oid("appt", false));

	if (!OidIsValid(oid))
		elog(ERROR, "relation appt.appointment does not exist");
	return oid;
}

static void
search_begin(Search *search, const pg_uuid_t *application_id, const Span *window, SpanList *found)
{
	memset(search, 0, sizeof(Search));
	search->application_id = application_id;
	search->window = window;
	search->found = found;
	search->table = table_open(table_oid(), AccessShareLock);
}

static void
release_maps(Search *search)
{
	for (int i = 0; i < VISIBILITY_MAPS; i++)
	{
		if (BufferIsValid(search->visibility_maps[i]))
			ReleaseBuffer(search->visibility_maps[i]);
		search->visibility_maps[i] = InvalidBuffer;
	}
}

static void
search_end(Search *search)
{
	release_maps(search);
	if (search->slot != NULL)
		ExecDropSingleTupleTableSlot(search->slot);
	table_close(search->table, NoLock);
}

/* A scan that returns the index entries, too. */
static IndexScanDesc
begin_scan(Search *search, Relation index, int keys)
{
	IndexScanDesc scan = begin_index_scan(search->table, index, GetActiveSnapshot(), keys);

	scan->xs_want_itup = true;
	return scan;
}

static Datum
entry_value(IndexScanDesc scan, AttrNumber column)
{
	bool		is_null;

	return index_getattr(scan->xs_itup, column, scan->xs_itupdesc, &is_null);
}

/* Appointments of the class that start before this instant end before the window. */
static TimestampTz
earliest_start(int16 duration_class, TimestampTz start_at)
{
	if (duration_class > MAX_CLASS_LENGTH)
		return DT_NOBEGIN;
	return start_at - (USECS_PER_SEC << (2 * duration_class));
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

/* Does the organizer organize the appointment of the scan's present entry? */
static bool
row_is_wanted(Search *search, IndexScanDesc scan)
{
	bool		wanted;

	if (search->slot == NULL)
		search->slot = table_slot_create(search->table, NULL);
	wanted = index_fetch_heap(scan, search->slot) && is_organized_by(search->slot, search->organizer);
	ExecClearTuple(search->slot);
	return wanted;
}

/* Does the visibility map say that all rows of the page are visible to everybody? */
static bool
page_is_visible(Search *search, Snapshot snapshot, BlockNumber block)
{
	Buffer	   *map = &search->visibility_maps[block / BLOCKS_PER_MAP % VISIBILITY_MAPS];

	if (search->to_recheck.count > RECHECKS_AT_FIRST && search->to_recheck.count > search->count)
		return false;
	if (!VM_ALL_VISIBLE(search->table, block, map))
		return false;
	PredicateLockPage(search->table, block, snapshot);
	return true;
}

static void
take(Search *search, const Span *span)
{
	search->count++;
	if (search->found != NULL)
		span_list_add(search->found, span->start_at, span->end_at);
}

/* The times in the scan's present entry, which has them in these columns. */
static Span
entry_span(IndexScanDesc scan, AttrNumber start_at, AttrNumber end_at)
{
	Span		span = {DatumGetTimestampTz(entry_value(scan, start_at)),
	DatumGetTimestampTz(entry_value(scan, end_at))};

	return span;
}

/*
 * Take the scan's present entry. The map must be read while the scan is on the
 * entry's index page: until then VACUUM cannot give the row's TID to
 * another row.
 */
static void
take_entry(Search *search, IndexScanDesc scan, ItemPointer tid, const Span *span)
{
	if (search->organizer != NULL)
	{
		if (row_is_wanted(search, scan))
			take(search, span);
	}
	else if (page_is_visible(search, scan->xs_snapshot, ItemPointerGetBlockNumber(tid)))
		take(search, span);
	else
		row_entries_add(&search->to_recheck, tid, span);
}

/* Take all entries of the scan. */
static void
search_entries(Search *search, IndexScanDesc scan, AttrNumber start_at, AttrNumber end_at)
{
	ItemPointer tid;

	while ((tid = index_getnext_tid(scan, ForwardScanDirection)) != NULL)
	{
		Span		span = entry_span(scan, start_at, end_at);

		CHECK_FOR_INTERRUPTS();
		take_entry(search, scan, tid, &span);
	}
}

static void
recheck_rows(Search *search)
{
	RowEntries *to_recheck = &search->to_recheck;

	if (to_recheck->count == 0)
		return;
	release_maps(search);
	row_entries_check(to_recheck, search->table, GetActiveSnapshot());
	for (int64 i = 0; i < to_recheck->count; i++)
		take(search, &to_recheck->entries[i].span);
	pfree(to_recheck->entries);
}

static void
search_short(Search *search)
{
	const Span *window = search->window;
	Relation	index = overlap_index_open(search->table, OVERLAP_INDEX_SHORT);
	IndexScanDesc scan = begin_scan(search, index, SHORT_KEYS);
	ScanKeyData keys[SHORT_KEYS];

	ScanKeyInit(&keys[0], SHORT_APPLICATION_ID, BTEqualStrategyNumber, F_UUID_EQ,
				UUIDPGetDatum(search->application_id));
	ScanKeyInit(&keys[1], SHORT_START_AT, BTGreaterStrategyNumber, F_TIMESTAMPTZ_GT,
				TimestampTzGetDatum(earliest_start(LONGEST_SHORT_CLASS, window->start_at)));
	ScanKeyInit(&keys[2], SHORT_START_AT, BTLessStrategyNumber, F_TIMESTAMPTZ_LT,
				TimestampTzGetDatum(window->end_at));
	ScanKeyInit(&keys[3], SHORT_END_AT, BTGreaterStrategyNumber, F_TIMESTAMPTZ_GT,
				TimestampTzGetDatum(window->start_at));
	index_rescan(scan, keys, SHORT_KEYS, NULL, 0);
	search_entries(search, scan, SHORT_START_AT, SHORT_END_AT);
	index_endscan(scan);
	index_close(index, NoLock);
}

/* Position the scan before the application's first entry of a higher class. */
static void
go_after_class(Search *search, IndexScanDesc scan, int16 duration_class)
{
	ScanKeyData keys[CLASS_KEYS];

	ScanKeyInit(&keys[0], LONG_APPLICATION_ID, BTEqualStrategyNumber, F_UUID_EQ,
				UUIDPGetDatum(search->application_id));
	ScanKeyInit(&keys[1], LONG_DURATION_CLASS, BTGreaterStrategyNumber, F_INT2GT,
				Int16GetDatum(duration_class));
	index_rescan(scan, keys, CLASS_KEYS, NULL, 0);
}

/* The application's next duration class; false if there is none. */
static bool
next_class(Search *search, IndexScanDesc scan, int16 *duration_class)
{
	go_after_class(search, scan, *duration_class);
	if (index_getnext_tid(scan, ForwardScanDirection) == NULL)
		return false;
	*duration_class = DatumGetInt16(entry_value(scan, LONG_DURATION_CLASS));
	return true;
}

static void
search_class(Search *search, Relation index, int16 duration_class)
{
	const Span *window = search->window;
	IndexScanDesc scan = begin_scan(search, index, LONG_KEYS);
	ScanKeyData keys[LONG_KEYS];

	ScanKeyInit(&keys[0], LONG_APPLICATION_ID, BTEqualStrategyNumber, F_UUID_EQ,
				UUIDPGetDatum(search->application_id));
	ScanKeyInit(&keys[1], LONG_DURATION_CLASS, BTEqualStrategyNumber, F_INT2EQ,
				Int16GetDatum(duration_class));
	ScanKeyInit(&keys[2], LONG_START_AT, BTGreaterStrategyNumber, F_TIMESTAMPTZ_GT,
				TimestampTzGetDatum(earliest_start(duration_class, window->start_at)));
	ScanKeyInit(&keys[3], LONG_START_AT, BTLessStrategyNumber, F_TIMESTAMPTZ_LT,
				TimestampTzGetDatum(window->end_at));
	ScanKeyInit(&keys[4], LONG_END_AT, BTGreaterStrategyNumber, F_TIMESTAMPTZ_GT,
				TimestampTzGetDatum(window->start_at));
	index_rescan(scan, keys, LONG_KEYS, NULL, 0);
	search_entries(search, scan, LONG_START_AT, LONG_END_AT);
	index_endscan(scan);
}

/*
 * Few long appointments, as most applications have, are read sequentially, in
 * one descent. Returns false if there are more; then nothing has been taken.
 */
static bool
search_few(Search *search, IndexScanDesc scan, int16 after)
{
	int64		count = search->count;
	int64		found = search->found == NULL ? 0 : search->found->count;
	int64		to_recheck = search->to_recheck.count;
	ItemPointer tid;

	go_after_class(search, scan, after);
	for (int seen = 0; (tid = index_getnext_tid(scan, ForwardScanDirection)) != NULL; seen++)
	{
		Span		span = entry_span(scan, LONG_START_AT, LONG_END_AT);

		if (seen == FEW)
		{
			search->count = count;
			if (search->found != NULL)
				search->found->count = found;
			search->to_recheck.count = to_recheck;
			return false;
		}
		if (spans_overlap(&span, search->window))
			take_entry(search, scan, tid, &span);
	}
	return true;
}

/* Search all classes after this one. */
static void
search_long(Search *search, int16 after)
{
	Relation	index = overlap_index_open(search->table, OVERLAP_INDEX_LONG);
	IndexScanDesc scan = begin_scan(search, index, CLASS_KEYS);

	if (!search_few(search, scan, after))
		while (next_class(search, scan, &after))
			search_class(search, index, after);
	index_endscan(scan);
	index_close(index, NoLock);
}

static void
search_all(Search *search)
{
	search_short(search);
	search_long(search, LONGEST_SHORT_CLASS);
	recheck_rows(search);
}

/* Number of appointments of the application that overlap the window. */
static int64
overlap_count(const pg_uuid_t *application_id, const Span *window)
{
	Search		search;

	search_begin(&search, application_id, window, NULL);
	search_all(&search);
	search_end(&search);
	return search.count;
}

void
overlap_find(const pg_uuid_t *application_id, const Span *window, SpanList *found)
{
	Search		search;

	search_begin(&search, application_id, window, found);
	search_all(&search);
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
begin_organizer_scan(Search *search, Relation index)
{
	IndexScanDesc scan = begin_index_scan(search->table, index, GetActiveSnapshot(), ORGANIZER_KEYS);
	TimestampTz after = earliest_start(LONGEST_ORGANIZER_CLASS, search->window->start_at);
	ScanKeyData keys[ORGANIZER_KEYS];

	ScanKeyInit(&keys[0], ORGANIZER_APPLICATION_ID, BTEqualStrategyNumber, F_UUID_EQ,
				UUIDPGetDatum(search->application_id));
	ScanKeyEntryInitialize(&keys[1], 0, ORGANIZER_ID, BTEqualStrategyNumber, InvalidOid,
						   index->rd_indcollation[ORGANIZER_ID - 1], F_TEXTEQ,
						   PointerGetDatum(search->organizer->id));
	ScanKeyInit(&keys[2], ORGANIZER_START_AT, BTGreaterStrategyNumber, F_TIMESTAMPTZ_GT,
				TimestampTzGetDatum(after));
	ScanKeyInit(&keys[3], ORGANIZER_START_AT, BTLessStrategyNumber, F_TIMESTAMPTZ_LT,
				TimestampTzGetDatum(search->window->end_at));
	index_rescan(scan, keys, ORGANIZER_KEYS, NULL, 0);
	return scan;
}

static bool
is_within_reach(TupleTableSlot *slot, const Organizer *organizer)
{
	bool		is_null;

	return DatumGetInt16(slot_getattr(slot, organizer->duration_class, &is_null)) <= LONGEST_ORGANIZER_CLASS;
}

/* Search the organizer's index for its classes. */
static void
search_organizer(Search *search)
{
	const Organizer *organizer = search->organizer;
	Relation	index = overlap_index_open(search->table, OVERLAP_INDEX_ORGANIZER);
	TupleTableSlot *slot = table_slot_create(search->table, NULL);
	IndexScanDesc scan = begin_organizer_scan(search, index);

	while (index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		Span		span = row_span(slot, organizer);

		CHECK_FOR_INTERRUPTS();
		if (spans_overlap(&span, search->window) && is_within_reach(slot, organizer) &&
			is_open(slot, organizer) && is_organized_by(slot, organizer))
			span_list_add(search->found, span.start_at, span.end_at);
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

	search_begin(&search, application_id, window, found);
	find_columns(RelationGetDescr(search.table), &organizer);
	organizer.id = cstring_to_text(agent_id);
	search.organizer = &organizer;
	search_organizer(&search);
	search_long(&search, LONGEST_ORGANIZER_CLASS);
	search_end(&search);
}

/*
 * appt.count_overlapping(application_id uuid, start_at timestamptz, duration interval) -> bigint
 *
 * Number of SCHEDULED and ACTIVATED appointments whose [start_at, end_at)
 * overlaps the window; 0 for an unknown application. 22023: an invalid
 * argument. Source: auvious-appointments-api.txt, "Get Count of Overlapping
 * Appointments".
 */
Datum
count_overlapping(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *application_id;
	Span		window;

	call_authorize(fcinfo, CALLER_ALL);
	require_arguments(fcinfo, 3);
	application_id = required_uuid(fcinfo, 0, "application_id");
	window.start_at = required_time(fcinfo, 1, "start_at");
	check_finite(window.start_at);
	window.end_at = end_of(window.start_at, check_duration(required_interval(fcinfo, 2, "duration")));
	PG_RETURN_INT64(overlap_count(application_id, &window));
}
