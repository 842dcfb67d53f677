/*
 * destination.c
 *		The shards that a call goes to.
 *
 * What the directory does not know is not the router's to refuse: a shard then answers
 * as it would if it were called directly. It is the first one, except for ids: their
 * tag tells nothing if whoever inserted the row chose them, so all shards are asked.
 */
#include "postgres.h"

#include "common/base64.h"

#include "core/compat.h"
#include "core/json_strings.h"
#include "core/node.h"
#include "core/text.h"
#include "router/claims.h"
#include "router/destination.h"
#include "router/directory.h"
#include "router/report.h"

#define TOKEN_TAG_LENGTH 6		/* letters of base64url that 4 bytes need */

static Destination
one(int node)
{
	return (Destination) {.nodes = list_make1_int(node), .until_found = true};
}

static Destination
each(List *nodes)
{
	return (Destination) {.nodes = nodes};
}

static Destination
first_that_finds(List *nodes)
{
	return (Destination) {.nodes = nodes, .until_found = true};
}

static List *
every_node(void)
{
	List	   *nodes = all_nodes();

	if (nodes == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("router has no shards"),
				 errhint("Insert them into appt.shard.")));
	return nodes;
}

/* One or, if the directory does not know, the first of all. */
static Destination
known_or_first(int node)
{
	return one(node < 0 ? linitial_int(every_node()) : node);
}

static Destination
known_or_search(int node)
{
	return node < 0 ? first_that_finds(every_node()) : one(node);
}

/* The nodes that the caller can have rows on. */
static List *
nodes_of_caller(const Caller *caller)
{
	Claims		claims;
	List	   *nodes = NIL;
	int			node = -1;

	claims_read(&claims, caller->claims);
	if (claims.has_application && (node = node_of_application(&claims.application_id)) >= 0)
		return list_make1_int(node);
	if (claims.has_organization)
		nodes = nodes_of_organization(&claims.organization_id);
	if (nodes == NIL)
		nodes = every_node();
	return caller->is_service || claims.has_organization ? nodes : list_make1_int(linitial_int(nodes));
}

static Destination
by_application(const Function *function, FunctionCallInfo fcinfo, const Caller *caller)
{
	if (!PG_ARGISNULL(function->argument))
		return known_or_first(node_of_application(PG_GETARG_UUID_P(function->argument)));
	if (function->returns_set || function->kind == ROUTE_PAGE)
		return each(nodes_of_caller(caller));
	return one(linitial_int(nodes_of_caller(caller)));
}

static Destination
by_id(const pg_uuid_t *id)
{
	return known_or_search(node_of_tag(id->data + UUID_LEN - TAG_BYTES));
}

static Destination
by_token(const text * token)
{
	char		encoded[] = "AAAAAAA="; /* two groups of letters, five bytes */
	uint8		bytes[6];

	if (VARSIZE_ANY_EXHDR(token) < TOKEN_TAG_LENGTH)
		return known_or_first(-1);
	memcpy(encoded, VARDATA_ANY(token), TOKEN_TAG_LENGTH);
	for (int i = 0; i < TOKEN_TAG_LENGTH; i++)
		encoded[i] = encoded[i] == '-' ? '+' : encoded[i] == '_' ? '/' : encoded[i];
	if (decode_base64(encoded, strlen(encoded), bytes, sizeof(bytes)) < TAG_BYTES)
		return known_or_first(-1);
	return known_or_first(node_of_tag(bytes));
}

/* The node that counted it, then the others: rows keep their numbers when a tenant moves. */
static Destination
by_number(int64 number, const Caller *caller)
{
	List	   *nodes = nodes_of_caller(caller);
	int			counted_by = node_of_number(number);

	if (list_member_int(nodes, counted_by))
		nodes = lcons_int(counted_by, list_delete_int(nodes, counted_by));
	return first_that_finds(nodes);
}

static Destination
by_organization(const Function *function, FunctionCallInfo fcinfo, const Caller *caller)
{
	List	   *nodes;

	if (PG_ARGISNULL(function->argument))
		return one(linitial_int(nodes_of_caller(caller)));
	nodes = nodes_of_organization(PG_GETARG_UUID_P(function->argument));
	if (nodes == NIL)
		return known_or_first(-1);
	if (list_length(nodes) > 1)
		ereport(NOTICE,
				(errmsg("organization is on %d shards", list_length(nodes)),
				 errdetail("Each of them executes the call in a transaction of its own.")));
	return each(nodes);
}

/* As read_sender of inbound/receive.c finds it. */
static Destination
by_provider(const Caller *caller)
{
	pg_uuid_t	id;

	if (!uuid_parse(json_string(caller->headers, "x-gateway-key"), &id))
		return known_or_first(-1);
	return known_or_first(node_of_tag(id.data + UUID_LEN - TAG_BYTES));
}

Destination
destination_of(const Function *function, FunctionCallInfo fcinfo, const Caller *caller)
{
	bool		is_null = function->argument >= 0 && PG_ARGISNULL(function->argument);

	switch (function->kind)
	{
		case ROUTE_ANY:
			return known_or_first(-1);
		case ROUTE_CALLER:
			return each(nodes_of_caller(caller));
		case ROUTE_SEARCH:
			return first_that_finds(nodes_of_caller(caller));
		case ROUTE_APPLICATION:
		case ROUTE_PAGE:
			return by_application(function, fcinfo, caller);
		case ROUTE_ID:
			return is_null ? known_or_first(-1) : by_id(PG_GETARG_UUID_P(function->argument));
		case ROUTE_TOKEN:
			return is_null ? known_or_first(-1) : by_token(PG_GETARG_TEXT_PP(function->argument));
		case ROUTE_NUMBER:
			return is_null ? known_or_first(-1) : by_number(PG_GETARG_INT64(function->argument), caller);
		case ROUTE_ORGANIZATION:
			return by_organization(function, fcinfo, caller);
		case ROUTE_PROVIDER:
			return by_provider(caller);
		case ROUTE_CREATE_ORGANIZATION:
		case ROUTE_CREATE_APPLICATION:
			break;
	}
	elog(ERROR, "unexpected route");
}
