/*
 * function.h
 *		What the router knows of one of its functions: its route, the statement for the
 *		shards, how arguments become texts and rows of texts a result.
 */
#ifndef ROUTER_FUNCTION_H
#define ROUTER_FUNCTION_H

#include "access/tupdesc.h"
#include "fmgr.h"
#include "libpq-fe.h"
#include "nodes/execnodes.h"

#include "router/call_statement.h"

/* The first word of a function's body. */
typedef enum RouteKind
{
	ROUTE_ANY,					/* any shard: it depends on no rows */
	ROUTE_CALLER,				/* the shards of the caller's claims: rows of
								 * all of them */
	ROUTE_SEARCH,				/* likewise, one after the other until one
								 * finds it */
	ROUTE_APPLICATION,			/* the application in an argument, else the
								 * caller's */
	ROUTE_PAGE,					/* likewise; without one a page of all shards */
	ROUTE_ID,					/* the tag at the end of an id */
	ROUTE_TOKEN,				/* the tag that a link's token begins with */
	ROUTE_NUMBER,				/* a bigint that a shard counted */
	ROUTE_ORGANIZATION,			/* every shard of an organization */
	ROUTE_PROVIDER,				/* the provider that the header X-Gateway-Key
								 * names */
	ROUTE_CREATE_ORGANIZATION,
	ROUTE_CREATE_APPLICATION
} RouteKind;

typedef struct Function
{
	Oid			id;				/* key of the hash table, first */
	RouteKind	kind;
	int			argument;		/* that the route reads; -1: none */
	int			node_argument;	/* that names the node and is not sent; -1:
								 * none */
	bool		has_response;	/* sets response.status or response.headers */
	CallShape	shape;			/* the arguments are those that are sent: the
								 * first ones */
	char	   *statement;		/* for a shard that has all of the shape */
	char	   *statement_name;
	const char *schema;
	const char *name;
	FmgrInfo   *outputs;		/* by argument that is sent */
	bool		returns_set;
	List	   *relations;		/* of the composite types that it returns */
	FmgrInfo   *inputs;			/* by column of the result */
	Oid		   *parameters;
} Function;

/* The function of a call, valid until the next call of any function. 42P13: its body is no route. */
extern Function *function_of(FunctionCallInfo fcinfo);

/* Raises 42P13 if the function's body is no route. */
extern void function_check(Oid function_id);

/* Texts of the arguments that are sent, NULL for null, in CurrentMemoryContext. */
extern const char **function_texts(Function *function, FunctionCallInfo fcinfo);

/* The text of an argument's default, NULL for null; *has_default is false without one. */
extern const char *function_default(Function *function, int argument, bool *has_default);

/* One row of the shard as the function's result. */
extern Datum function_result(Function *function, const PGresult *rows, int row, bool *is_null);

/* Add rows to the set that the function returns. function_set_begin comes first. */
extern void function_set_begin(Function *function, ReturnSetInfo *set);
extern void function_set_add(Function *function, ReturnSetInfo *set, const PGresult *rows);

#endif							/* ROUTER_FUNCTION_H */
