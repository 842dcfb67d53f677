/*
 * explain.c
 *		Refusing EXPLAIN to callers that act by a token.
 *
 * The planner's row estimates come from statistics of the whole table. With a
 * condition that the caller chooses, they tell about rows of other tenants,
 * which row level security hides: how common a value is and, by bisection, the
 * values themselves. PostgREST returns estimates to every client that asks
 * ("Prefer: count=planned", and "estimated" beyond db-max-rows) and has no
 * setting against that. A pre-request hook would not help: of two such headers
 * it sees one.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "tcop/utility.h"

#include "core/explain.h"
#include "core/roles.h"

static ProcessUtility_hook_type previous_utility_hook = NULL;

/* A session that took such a role and can reset it to a better one learns nothing from a plan. */
static bool
may_explain(void)
{
	return !user_acts_by_token(GetUserId()) || !user_acts_by_token(GetSessionUserId());
}

static void
refuse_explain(PlannedStmt *planned, const char *query, bool read_only_tree,
			   ProcessUtilityContext context, ParamListInfo parameters,
			   QueryEnvironment *environment, DestReceiver *destination,
			   QueryCompletion *completion)
{
	if (IsA(planned->utilityStmt, ExplainStmt) && !may_explain())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to explain queries"),
				 errdetail("Plans tell of other tenants' rows, so role \"%s\" may not see them.",
						   GetUserNameFromId(GetUserId(), false)),
				 errhint("PostgREST counts exactly with \"Prefer: count=exact\".")));
	if (previous_utility_hook)
		previous_utility_hook(planned, query, read_only_tree, context, parameters,
							  environment, destination, completion);
	else
		standard_ProcessUtility(planned, query, read_only_tree, context, parameters,
								environment, destination, completion);
}

void
explain_refuse_install(void)
{
	previous_utility_hook = ProcessUtility_hook;
	ProcessUtility_hook = refuse_explain;
}
