/*
 * function.c
 *		What the router knows of one of its functions.
 *
 * It is found out at the first call of a session and kept until something of pg_proc or
 * a type changes. Values travel as texts, by the types' own input and output
 * functions, because composite types have other OIDs in every database.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "router/function.h"

static const struct
{
	const char *word;
	RouteKind	kind;
	bool		has_argument;
}			routes[] = {
	{"any", ROUTE_ANY, false},
	{"caller", ROUTE_CALLER, false},
	{"search", ROUTE_SEARCH, false},
	{"application", ROUTE_APPLICATION, true},
	{"page", ROUTE_PAGE, true},
	{"id", ROUTE_ID, true},
	{"token", ROUTE_TOKEN, true},
	{"number", ROUTE_NUMBER, true},
	{"organization", ROUTE_ORGANIZATION, true},
	{"provider", ROUTE_PROVIDER, false},
	{"create_organization", ROUTE_CREATE_ORGANIZATION, false},
	{"create_application", ROUTE_CREATE_APPLICATION, true}
};

#define NODE_ARGUMENT "node"

static MemoryContext functions_context = NULL;
static HTAB *functions = NULL;
static bool is_outdated = false;

/* ---- the route ---- */

typedef struct Signature
{
	HeapTuple	tuple;
	int			count;			/* arguments in */
	char	  **names;
	Oid		   *types;
} Signature;

static Signature
signature_of(Oid function_id)
{
	Signature	signature = {.tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function_id))};
	char	   *modes;

	if (!HeapTupleIsValid(signature.tuple))
		elog(ERROR, "cache lookup failed for function %u", function_id);
	(void) get_func_arg_info(signature.tuple, &signature.types, &signature.names, &modes);
	signature.types = ((Form_pg_proc) GETSTRUCT(signature.tuple))->proargtypes.values;
	signature.count = ((Form_pg_proc) GETSTRUCT(signature.tuple))->pronargs;
	return signature;
}

/* The number of the argument of that name, -1 without one. Arguments in come before those out. */
static int
argument_of(const Signature *signature, const char *name)
{
	for (int i = 0; i < signature->count && signature->names != NULL && name != NULL; i++)
		if (strcmp(signature->names[i], name) == 0)
			return i;
	return -1;
}

static void
invalid_route(const char *text)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
			 errmsg("not a route of appt_router"),
			 errdetail("The body is \"%s\".", text),
			 errhint("A route is a kind, the name of an argument if it needs one, and \"response\" if the function sets status or headers.")));
}

static char *
body_of(HeapTuple tuple)
{
	bool		is_null;
	Datum		body = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null);

	return is_null ? pstrdup("") : TextDatumGetCString(body);
}

static void
read_route(Function *function, const Signature *signature)
{
	char	   *text = body_of(signature->tuple);
	char	   *rest = pstrdup(text);
	char	   *word = strsep(&rest, " ");
	bool		is_known = false;

	function->argument = -1;
	for (int i = 0; i < lengthof(routes); i++)
	{
		if (strcmp(routes[i].word, word) != 0)
			continue;
		function->kind = routes[i].kind;
		if (routes[i].has_argument)
			function->argument = argument_of(signature, strsep(&rest, " "));
		is_known = !routes[i].has_argument || function->argument >= 0;
		break;
	}
	function->has_response = rest != NULL && strcmp(rest, "response") == 0;
	if (!is_known || (rest != NULL && !function->has_response))
		invalid_route(text);
	function->node_argument = function->kind == ROUTE_CREATE_ORGANIZATION || function->kind == ROUTE_CREATE_APPLICATION ?
		argument_of(signature, NODE_ARGUMENT) : -1;
}

void
function_check(Oid function_id)
{
	Signature	signature = signature_of(function_id);
	Function	function = {0};

	read_route(&function, &signature);
	ReleaseSysCache(signature.tuple);
}

/* ---- name, arguments and result ---- */

static void
find_arguments(CallShape *shape, const Signature *signature)
{
	shape->names = palloc(sizeof(char *) * (shape->count + 1));
	shape->types = palloc(sizeof(char *) * (shape->count + 1));
	for (int i = 0; i < shape->count; i++)
	{
		shape->names[i] = signature->names == NULL ? "" : signature->names[i];
		shape->types[i] = format_type_be_qualified(signature->types[i]);
	}
}

static void
find_name(Function *function, const Signature *signature)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(signature->tuple);

	function->schema = get_namespace_name(form->pronamespace);
	function->name = pstrdup(NameStr(form->proname));
	function->shape.function = quote_qualified_identifier(function->schema, function->name);
}

static void
find_outputs(Function *function, const Signature *signature)
{
	function->outputs = palloc0(sizeof(FmgrInfo) * function->shape.count);
	for (int i = 0; i < function->shape.count; i++)
	{
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(signature->types[i], &output, &is_varlena);
		fmgr_info_cxt(output, &function->outputs[i], functions_context);
	}
}

static void
find_inputs(Function *function)
{
	TupleDesc	columns = function->shape.columns;
	int			count = columns == NULL ? 0 : columns->natts;

	function->inputs = palloc0(sizeof(FmgrInfo) * count);
	function->parameters = palloc0(sizeof(Oid) * count);
	for (int i = 0; i < count; i++)
	{
		Oid			input;

		getTypeInputInfo(TupleDescAttr(columns, i)->atttypid, &input, &function->parameters[i]);
		fmgr_info_cxt(input, &function->inputs[i], functions_context);
	}
}

/* The composite types that the statement takes the columns of: the result's, and those of which a column is an array. */
static void
find_relations(Function *function, Oid type)
{
	TupleDesc	columns = function->shape.columns;

	if (type != RECORDOID)
		function->relations = lappend_oid(function->relations, typeidTypeRelid(type));
	for (int i = 0; i < columns->natts; i++)
	{
		Oid			element = get_element_type(TupleDescAttr(columns, i)->atttypid);

		if (OidIsValid(element) && type_is_rowtype(element))
			function->relations = lappend_oid(function->relations, typeidTypeRelid(element));
	}
}

static void
find_result(Function *function, FunctionCallInfo fcinfo)
{
	TupleDesc	descriptor;
	Oid			type;

	function->returns_set = fcinfo->flinfo->fn_retset;
	switch (get_call_result_type(fcinfo, &type, &descriptor))
	{
		case TYPEFUNC_COMPOSITE:
			function->shape.is_row = true;
			function->shape.columns = BlessTupleDesc(CreateTupleDescCopy(descriptor));
			find_relations(function, type);
			break;
		case TYPEFUNC_SCALAR:
			if (type == VOIDOID)
				break;
			function->shape.columns = CreateTemplateTupleDesc(1);
			TupleDescInitEntry(function->shape.columns, 1, "value", type, -1, 0);
			break;
		default:
			elog(ERROR, "unexpected result type");
	}
}

static void
fill_in(Function *function, FunctionCallInfo fcinfo)
{
	Signature	signature = signature_of(function->id);

	read_route(function, &signature);
	function->shape.count = signature.count - (function->node_argument >= 0 ? 1 : 0);
	find_name(function, &signature);
	find_arguments(&function->shape, &signature);
	find_result(function, fcinfo);
	find_outputs(function, &signature);
	find_inputs(function);
	function->statement = call_statement(&function->shape, NULL);
	function->statement_name = call_statement_name(function->statement);
	ReleaseSysCache(signature.tuple);
}

/* ---- those of this session ---- */

static void
outdate(Datum argument, int cache, uint32 hash)
{
	is_outdated = true;
}

/* Columns of a composite type have changed, or everything may have. */
static void
outdate_relation(Datum argument, Oid relation)
{
	HASH_SEQ_STATUS status;
	Function   *function;

	if (!OidIsValid(relation))
		is_outdated = true;
	if (functions == NULL || is_outdated)
		return;
	hash_seq_init(&status, functions);
	while ((function = hash_seq_search(&status)) != NULL)
		if (list_member_oid(function->relations, relation))
			is_outdated = true;
}

static void
start_over(void)
{
	HASHCTL		control = {.keysize = sizeof(Oid), .entrysize = sizeof(Function)};

	if (functions_context == NULL)
	{
		functions_context = AllocSetContextCreate(TopMemoryContext, "appt_router functions", ALLOCSET_DEFAULT_SIZES);
		CacheRegisterSyscacheCallback(PROCOID, outdate, (Datum) 0);
		CacheRegisterSyscacheCallback(TYPEOID, outdate, (Datum) 0);
		CacheRegisterRelcacheCallback(outdate_relation, (Datum) 0);
	}
	functions = NULL;
	MemoryContextReset(functions_context);
	control.hcxt = functions_context;
	functions = hash_create("appt_router functions", 128, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	is_outdated = false;
}

Function *
function_of(FunctionCallInfo fcinfo)
{
	Oid			id = fcinfo->flinfo->fn_oid;
	Function	made = {.id = id};
	Function   *function;
	MemoryContext previous;

	if (functions == NULL || is_outdated)
		start_over();
	function = hash_search(functions, &id, HASH_FIND, NULL);
	if (function != NULL)
		return function;
	previous = MemoryContextSwitchTo(functions_context);
	fill_in(&made, fcinfo);
	MemoryContextSwitchTo(previous);
	function = hash_search(functions, &id, HASH_ENTER, NULL);
	*function = made;
	return function;
}

/* ---- values ---- */

const char **
function_texts(Function *function, FunctionCallInfo fcinfo)
{
	const char **texts = palloc0(sizeof(char *) * (function->shape.count + 1));

	for (int i = 0; i < function->shape.count; i++)
		if (!PG_ARGISNULL(i))
			texts[i] = OutputFunctionCall(&function->outputs[i], PG_GETARG_DATUM(i));
	return texts;
}

/* The expression that is an argument's default; NULL: it has none. */
static Expr *
default_expression(const Function *function, int argument)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function->id));
	bool		is_null;
	Datum		source;
	List	   *defaults;
	int			first;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function->id);
	source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults, &is_null);
	defaults = is_null ? NIL : castNode(List, stringToNode(TextDatumGetCString(source)));
	first = ((Form_pg_proc) GETSTRUCT(tuple))->pronargs - list_length(defaults);
	ReleaseSysCache(tuple);
	return argument < first ? NULL : list_nth(defaults, argument - first);
}

const char *
function_default(Function *function, int argument, bool *has_default)
{
	Expr	   *expression = default_expression(function, argument);
	Const	   *value;

	*has_default = expression != NULL;
	if (expression == NULL)
		return NULL;
	value = castNode(Const, evaluate_expr(expression_planner(expression), exprType((Node *) expression), -1, InvalidOid));
	return value->constisnull ? NULL : OutputFunctionCall(&function->outputs[argument], value->constvalue);
}

static void
read_row(Function *function, const PGresult *rows, int row, Datum *values, bool *nulls)
{
	TupleDesc	columns = function->shape.columns;

	if (PQnfields(rows) < columns->natts)
		elog(ERROR, "unexpected number of columns from a shard: %d", PQnfields(rows));
	for (int i = 0; i < columns->natts; i++)
	{
		nulls[i] = PQgetisnull(rows, row, i);
		values[i] = InputFunctionCall(&function->inputs[i], nulls[i] ? NULL : PQgetvalue(rows, row, i), function->parameters[i], -1);
	}
}

Datum
function_result(Function *function, const PGresult *rows, int row, bool *is_null)
{
	Datum		values[MaxTupleAttributeNumber];
	bool		nulls[MaxTupleAttributeNumber];

	*is_null = false;
	if (function->shape.columns == NULL)
		return (Datum) 0;
	read_row(function, rows, row, values, nulls);
	if (function->shape.is_row)
		return HeapTupleGetDatum(heap_form_tuple(function->shape.columns, values, nulls));
	*is_null = nulls[0];
	return values[0];
}

void
function_set_begin(Function *function, ReturnSetInfo *set)
{
	MemoryContext previous;

	if (set == NULL || !IsA(set, ReturnSetInfo) || (set->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a set is not accepted here")));
	previous = MemoryContextSwitchTo(set->econtext->ecxt_per_query_memory);
	set->returnMode = SFRM_Materialize;
	set->setResult = tuplestore_begin_heap((set->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	set->setDesc = CreateTupleDescCopy(function->shape.columns);
	MemoryContextSwitchTo(previous);
}

void
function_set_add(Function *function, ReturnSetInfo *set, const PGresult *rows)
{
	Datum		values[MaxTupleAttributeNumber];
	bool		nulls[MaxTupleAttributeNumber];

	for (int row = 0; row < PQntuples(rows); row++)
	{
		read_row(function, rows, row, values, nulls);
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
	}
}
