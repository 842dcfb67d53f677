/*
 * find.c
 *		Pages of appointments: filtered, sorted, and how many there are in
 *		all.
 *
 * The text of each statement has only the filters that are given, because
 * plans are generic: a condition like "no organizers given, or this is one of
 * them" could use no index. Values never become part of the text. There are
 * few such statements, and each is prepared once per session.
 *
 * Each organizer is looked up by itself, and each application if none is
 * named; each lookup returns no more rows than the page can have. So the
 * indexes that end in start_at yield the first pages of the default order
 * without sorting or reading the rest, however many appointments there are.
 * The last pages are read from the other end. Participants are read for the
 * appointments of the page only.
 *
 * Count and page are read under the calling query's snapshot, so they agree.
 * The count reads an index alone, unless there is a filter by duration.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

#include "core/arguments.h"
#include "core/errors.h"
#include "core/plans.h"
#include "core/row.h"
#include "core/statement.h"
#include "schedule/appointment.h"
#include "schedule/validate.h"

PG_FUNCTION_INFO_V1(find_appointments);

#define DEFAULT_PAGE_SIZE 25
#define MAX_PAGE_SIZE 500

/* Arguments of find_appointments. */
enum
{
	ARGUMENT_APPLICATION_ID, ARGUMENT_ORGANIZER_ID, ARGUMENT_DURATION, ARGUMENT_RANGE,
	ARGUMENT_PAGE_SIZE, ARGUMENT_PAGE_NUMBER, ARGUMENT_SORT_ORDER, ARGUMENT_SORT_FIELD,
	ARGUMENT_ARCHIVED
};

/* Fields that pages can be sorted by. NULLs come last, in either order. */
static const struct
{
	const char *name;
	const char *expression;
	bool		is_nullable;
}			sort_fields[] = {
	{"start_at", "a.start_at", false},
	{"end_at", "a.end_at", false},
	{"created_at", "a.created_at", false},
	{"updated_at", "a.updated_at", false},
	{"title", "a.title", true},
	{"state", "a.state", false},
	{"duration", "a.end_at - a.start_at", false},
	{"organizer_id", "a.organizer_id", false},
	{"id", "a.id", false}
};

#define SORT_FIELDS lengthof(sort_fields)

typedef struct Search
{
	pg_uuid_t  *application_id; /* NULL: all */
	ArrayType  *organizer_ids;	/* NULL: all */
	bool		agents_only;	/* organized as an AGENT */
	bool		with_archived;
	ArrayType  *durations;		/* NULL: all */
	TimestampTz from;			/* start_at in [from, until) */
	TimestampTz until;
	int			page_size;
	int			page_number;	/* from 1 */
	int			sort_field;		/* of sort_fields */
	bool		is_descending;
	bool		is_backward;	/* read from the other end, which is nearer */
} Search;

/* ---- arguments ---- */

static int
read_sort_field(FunctionCallInfo fcinfo)
{
	const char *names[SORT_FIELDS + 1] = {NULL};
	char	   *name = text_argument(fcinfo, ARGUMENT_SORT_FIELD);

	if (name == NULL)
		return 0;
	for (int i = 0; i < SORT_FIELDS; i++)
	{
		if (strcmp(name, sort_fields[i].name) == 0)
			return i;
		names[i] = sort_fields[i].name;
	}
	report_unlisted(names, "unknown sort field", "Appointments are not sorted by \"%s\".", name);
}

static bool
read_is_descending(FunctionCallInfo fcinfo)
{
	static const char *const orders[] = {"asc", "desc", NULL};
	char	   *order = text_argument(fcinfo, ARGUMENT_SORT_ORDER);

	if (order == NULL || pg_strcasecmp(order, "asc") == 0)
		return false;
	if (pg_strcasecmp(order, "desc") != 0)
		report_unlisted(orders, "unknown sort order", "\"%s\" is not a sort order.", order);
	return true;
}

static void
read_paging(FunctionCallInfo fcinfo, Search *search)
{
	search->page_size = PG_ARGISNULL(ARGUMENT_PAGE_SIZE) ? DEFAULT_PAGE_SIZE : PG_GETARG_INT32(ARGUMENT_PAGE_SIZE);
	if (search->page_size < 1 || search->page_size > MAX_PAGE_SIZE)
		report_invalid("page size out of range", "The page size is %d; it must be from 1 to %d.", search->page_size, MAX_PAGE_SIZE);
	search->page_number = PG_ARGISNULL(ARGUMENT_PAGE_NUMBER) ? 1 : PG_GETARG_INT32(ARGUMENT_PAGE_NUMBER);
	if (search->page_number < 1)
		report_invalid("page number out of range", "The page number is %d; it must be 1 or more.", search->page_number);
}

/* An array to filter by; NULL for an empty one, which filters nothing. */
static ArrayType *
read_filter(FunctionCallInfo fcinfo, int index)
{
	ArrayType  *array;

	if (PG_ARGISNULL(index))
		return NULL;
	array = PG_GETARG_ARRAYTYPE_P(index);
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) == 0 ? NULL : array;
}

static void
check_durations(ArrayType *durations)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;

	deconstruct_array(durations, INTERVALOID, sizeof(Interval), false, TYPALIGN_DOUBLE,
					  &values, &nulls, &count);
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			(void) check_duration(DatumGetIntervalP(values[i]));
}

/* The first instant that is not before the bound of a range. */
static TimestampTz
bound_instant(const RangeBound *bound)
{
	TimestampTz at;

	if (bound->infinite)
		return bound->lower ? DT_NOBEGIN : DT_NOEND;
	at = DatumGetTimestampTz(bound->val);

	/*
	 * Times are in microseconds: the first instant after `at` is the next
	 * one.
	 */
	if (!TIMESTAMP_NOT_FINITE(at) && bound->inclusive != bound->lower)
		at++;
	return at;
}

static void
read_range(FunctionCallInfo fcinfo, Search *search)
{
	RangeType  *range;
	RangeBound	lower;
	RangeBound	upper;
	bool		is_empty;

	search->from = DT_NOBEGIN;
	search->until = DT_NOEND;
	if (PG_ARGISNULL(ARGUMENT_RANGE))
		return;
	range = PG_GETARG_RANGE_P(ARGUMENT_RANGE);
	range_deserialize(lookup_type_cache(RangeTypeGetOid(range), TYPECACHE_RANGE_INFO), range,
					  &lower, &upper, &is_empty);
	search->from = is_empty ? DT_NOEND : bound_instant(&lower);
	search->until = is_empty ? DT_NOEND : bound_instant(&upper);
}

/* Malformed arguments are refused before anything is looked up. */
static void
read_search(FunctionCallInfo fcinfo, Search *search)
{
	memset(search, 0, sizeof(Search));
	search->application_id = PG_ARGISNULL(ARGUMENT_APPLICATION_ID) ? NULL :
		PG_GETARG_UUID_P(ARGUMENT_APPLICATION_ID);
	search->organizer_ids = read_filter(fcinfo, ARGUMENT_ORGANIZER_ID);
	search->durations = read_filter(fcinfo, ARGUMENT_DURATION);
	if (search->durations != NULL)
		check_durations(search->durations);
	read_range(fcinfo, search);
	search->with_archived = !PG_ARGISNULL(ARGUMENT_ARCHIVED) && PG_GETARG_BOOL(ARGUMENT_ARCHIVED);
	read_paging(fcinfo, search);
	search->sort_field = read_sort_field(fcinfo);
	search->is_descending = read_is_descending(fcinfo);
}

static void
require_application(const Caller *caller, const pg_uuid_t *application_id)
{
	static Statement find = {
		"SELECT FROM appt.application WHERE id = $1", 1, {UUIDOID}, true
	};

	if (!caller_may_use_application(caller, application_id) ||
		statement_run(&find, UUIDPGetDatum(application_id)) == 0)
		report_not_found("application", application_id);
}

/* Narrow the search to appointments that the caller may see. */
static void
narrow(Search *search, Caller *caller)
{
	Datum		user_id;

	if (search->application_id != NULL)
		require_application(caller, search->application_id);
	if (caller->role == CALLER_UNRESTRICTED)
		return;
	search->application_id = &caller->application_id;
	if (caller->role == CALLER_SUPERVISOR)
		return;
	user_id = text_datum(caller->user_id);
	search->organizer_ids = construct_array(&user_id, 1, TEXTOID, -1, false, TYPALIGN_INT);
	search->agents_only = true;
}

/* ---- statements ---- */

/* Parameters of every statement below, whether or not its text uses them. */
enum
{
	PARAMETER_APPLICATION_ID, PARAMETER_FROM, PARAMETER_UNTIL, PARAMETER_ORGANIZER_IDS,
	PARAMETER_AGENTS_ONLY, PARAMETER_DURATIONS, PARAMETER_SKIPPED, PARAMETER_SIZE,
	PARAMETERS
};

static const Statement blank = {
	NULL, PARAMETERS,
	{UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTARRAYOID, BOOLOID, INTERVALARRAYOID, INT8OID, INT8OID},
	true
};

#define ONLY_ARCHIVED " AND a.archived_at IS NOT NULL ORDER BY a.organizer_id, a.start_at"

/* Number of combinations of filters. */
#define FILTERS 16

static int
filters_of(const Search *search)
{
	return (search->application_id != NULL ? 1 : 0) +
		(search->organizer_ids != NULL ? 2 : 0) +
		(search->durations != NULL ? 4 : 0) +
		(search->with_archived ? 8 : 0);
}

/* The applications and organizers that are looked up one by one. */
static void
append_sources(StringInfo sql, const Search *search)
{
	appendStringInfoString(sql, " FROM (SELECT) AS once");
	if (search->application_id == NULL)
		appendStringInfoString(sql, " CROSS JOIN appt.application p");
	if (search->organizer_ids != NULL)
		appendStringInfoString(sql, " CROSS JOIN (SELECT DISTINCT id FROM unnest($4) AS id) o");
	appendStringInfoString(sql, " CROSS JOIN LATERAL (SELECT ");
}

/* The appointments of one such lookup that match the filters. */
static void
append_matching(StringInfo sql, const Search *search)
{
	appendStringInfo(sql, " FROM appt.appointment a WHERE a.application_id = %s AND a.start_at >= $2 AND a.start_at < $3",
					 search->application_id == NULL ? "p.id" : "$1");
	if (search->organizer_ids != NULL)
		appendStringInfoString(sql, " AND a.organizer_id = o.id AND (a.organizer_type = 'AGENT' OR NOT $5)");
	if (search->durations != NULL)
		appendStringInfoString(sql, " AND a.end_at - a.start_at = ANY ($6)");
}

/* The order asked for, or its reverse. */
static void
append_order(StringInfo sql, const Search *search, const char *expression, const char *id, bool is_backward)
{
	appendStringInfo(sql, " ORDER BY %s %s", expression,
					 search->is_descending != is_backward ? "DESC" : "ASC");
	if (sort_fields[search->sort_field].is_nullable)
		appendStringInfoString(sql, is_backward ? " NULLS FIRST" : " NULLS LAST");
	appendStringInfo(sql, ", %s %s", id, is_backward ? "DESC" : "ASC");
}

/* The order makes the planner use an index that has it. */
static void
append_count_of(StringInfo sql, const Search *search, const char *which_in_order)
{
	appendStringInfoString(sql, "(SELECT coalesce(sum(n.count), 0)::bigint");
	append_sources(sql, search);
	appendStringInfoString(sql, "count(*) FROM (SELECT");
	append_matching(sql, search);
	appendStringInfo(sql, "%s) m) n)", which_in_order);
}

/* Archived ones, of which there are few, have an index; the others are found without reading a row as all but these. */
static void
append_count(StringInfo sql, const Search *search)
{
	appendStringInfoString(sql, "SELECT ");
	append_count_of(sql, search, " ORDER BY a.start_at");
	if (search->with_archived)
		return;
	appendStringInfoString(sql, " - ");
	append_count_of(sql, search, ONLY_ARCHIVED);
}

static void
append_page(StringInfo sql, const Search *search)
{
	const char *expression = sort_fields[search->sort_field].expression;

	appendStringInfoString(sql, "SELECT " APPOINTMENT_DETAILS_WITHOUT_ROOM "FROM (SELECT k.*");
	append_sources(sql, search);
	appendStringInfo(sql, "a.*, %s AS sorted_by", expression);
	append_matching(sql, search);
	if (!search->with_archived)
		appendStringInfoString(sql, " AND a.archived_at IS NULL");
	append_order(sql, search, expression, "a.id", search->is_backward);
	appendStringInfoString(sql, " LIMIT $7 + $8) k");
	append_order(sql, search, "k.sorted_by", "k.id", search->is_backward);
	appendStringInfoString(sql, " OFFSET $7 LIMIT $8) a");
	append_order(sql, search, "a.sorted_by", "a.id", false);
}

/* The text is composed once and kept with the statement. */
static Statement *
compose_once(Statement *statement, const Search *search, void (*append) (StringInfo sql, const Search *search))
{
	StringInfoData sql;

	if (statement->sql == NULL)
	{
		initStringInfo(&sql);
		append(&sql, search);
		*statement = blank;
		statement->sql = MemoryContextStrdup(TopMemoryContext, sql.data);
	}
	return statement;
}

static Statement *
count_statement(const Search *search)
{
	static Statement statements[FILTERS];

	return compose_once(&statements[filters_of(search)], search, append_count);
}

static Statement *
page_statement(const Search *search)
{
	static Statement statements[FILTERS][SORT_FIELDS][2][2];

	return compose_once(&statements[filters_of(search)][search->sort_field]
						[search->is_descending ? 1 : 0][search->is_backward ? 1 : 0],
						search, append_page);
}

/* ---- results ---- */

static NullableDatum
array_or_null(ArrayType *array)
{
	return array == NULL ? SQL_NULL : SQL_VALUE(PointerGetDatum(array));
}

static void
set_parameters(const Search *search, NullableDatum *parameters)
{
	parameters[PARAMETER_APPLICATION_ID] = sql_uuid(search->application_id);
	parameters[PARAMETER_FROM] = SQL_VALUE(TimestampTzGetDatum(search->from));
	parameters[PARAMETER_UNTIL] = SQL_VALUE(TimestampTzGetDatum(search->until));
	parameters[PARAMETER_ORGANIZER_IDS] = array_or_null(search->organizer_ids);
	parameters[PARAMETER_AGENTS_ONLY] = SQL_VALUE(BoolGetDatum(search->agents_only));
	parameters[PARAMETER_DURATIONS] = array_or_null(search->durations);
	parameters[PARAMETER_SKIPPED] = parameters[PARAMETER_SIZE] = SQL_NULL;
}

/* Find the page's position; false if it is past the last page. */
static bool
set_position(Search *search, NullableDatum *parameters, int64 total)
{
	int64		skipped = (search->page_number - INT64CONST(1)) * search->page_size;
	int64		size = Min(search->page_size, total - skipped);

	if (size <= 0)
		return false;
	search->is_backward = skipped > total / 2;
	if (search->is_backward)
		skipped = total - skipped - size;
	parameters[PARAMETER_SKIPPED] = SQL_VALUE(Int64GetDatum(skipped));
	parameters[PARAMETER_SIZE] = SQL_VALUE(Int64GetDatum(size));
	return true;
}

/* The page's appointments as appt.appointment_details[]; empty past the last page. */
static Datum
find_content(Search *search, NullableDatum *parameters, int64 total, Oid details_type)
{
	TupleDesc	descriptor = lookup_rowtype_tupdesc_copy(details_type, -1);
	Datum	   *elements;
	uint64		count;

	if (!set_position(search, parameters, total))
		return PointerGetDatum(construct_empty_array(details_type));
	count = statement_run_nullable(page_statement(search), parameters);
	elements = (Datum *) palloc(count * sizeof(Datum));
	for (uint64 row = 0; row < count; row++)
		elements[row] = HeapTupleGetDatum(appointment_tuple(descriptor, appointment_read(ROW(row))));
	return PointerGetDatum(construct_array(elements, count, details_type, -1, false, TYPALIGN_DOUBLE));
}

static Datum
appointment_page(Call *call, FunctionCallInfo fcinfo, Search *search)
{
	Oid			content_type = TupleDescAttr(result_descriptor(fcinfo), 0)->atttypid;
	NullableDatum parameters[PARAMETERS];
	int64		total;

	set_parameters(search, parameters);
	(void) statement_run_nullable(count_statement(search), parameters);
	total = next_int64(ROW(0));
	{
		const NullableDatum columns[] = {
			SQL_VALUE(find_content(search, parameters, total, get_element_type(content_type))),
			SQL_VALUE(Int32GetDatum((total + search->page_size - 1) / search->page_size)),
			SQL_VALUE(Int32GetDatum(search->page_number)),
			SQL_VALUE(Int32GetDatum(search->page_size)),
			sql_text(sort_fields[search->sort_field].name),
			sql_text(search->is_descending ? "desc" : "asc"),
			SQL_VALUE(Int64GetDatum(total))
		};

		return call_row(call, fcinfo, columns, lengthof(columns));
	}
}

/*
 * appt.find_appointments(application_id uuid = null, organizer_id text[] = null, duration interval[] = null,
 *		range tstzrange = null, page_size integer = 25, page_number integer = 1,
 *		sort_order text = 'asc', sort_field text = 'start_at', archived boolean = false)
 *		-> appt.appointment_page
 *
 * An agent and a client service get the appointments that they organize,
 * whatever organizer_id says. Archived ones are left out unless they are asked for. 22023: an invalid argument. PT404: no such
 * application, or it is not the caller's. Source:
 * auvious-appointments-api.txt, "Retrieve All Appointments with Optional
 * Filtering".
 */
Datum
find_appointments(PG_FUNCTION_ARGS)
{
	Search		search;
	Call		call;
	Datum		page;

	call_begin(&call, fcinfo, CALLER_AGENT | CALLER_SUPERVISOR | CALLER_CLIENT_SERVICE);
	pin_order();
	read_search(fcinfo, &search);
	narrow(&search, &call.caller);
	page = appointment_page(&call, fcinfo, &search);
	call_end(&call);
	return page;
}
