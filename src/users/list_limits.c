/*
 * list_limits.c
 *		Limits of the lists that say whom an event concerns.
 *
 * Planning is one statement for each event, so its cost is bounded by these. Of
 * two transactions that add to one list, the second waits, and counts what the
 * first has added.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "utils/rel.h"

#include "core/errors.h"
#include "core/row.h"
#include "core/text.h"
#include "users/changed_rows.h"

PG_FUNCTION_INFO_V1(check_list_length);

typedef struct LimitedList
{
	const char *table;
	const char *message;
	int			most;
	Statement	names;			/* for changed_rows_lock */
	Statement	too_long;
} LimitedList;

#define NAMES(table, owner) \
	{"SELECT DISTINCT c.application_id, '" table "' || c." owner " FROM changed c", 0, {0}, true}
#define TOO_LONG(table, owner, most) \
	{ \
		"SELECT c.owner FROM (SELECT DISTINCT application_id, " owner " AS owner FROM changed) c" \
		" WHERE (SELECT count(*) FROM (SELECT FROM appt." table " m" \
		"  WHERE m.application_id = c.application_id AND m." owner " = c.owner LIMIT " CppAsString2(most) " + 1) counted)" \
		"  > " CppAsString2(most) " LIMIT 1", \
		0, {0}, true \
	}
#define LIST(table, owner, most, message) {table, message, most, NAMES(table, owner), TOO_LONG(table, owner, most)}

#define MAX_MEMBERS 1000
#define MAX_RING_GROUPS 10
#define MAX_SUBSCRIBERS 1000
#define MAX_NUMBERS 1000
#define MAX_ADMINS 1000

static LimitedList lists[] =
{
	LIST("ring_group_member", "ring_group_id", MAX_MEMBERS, "too many members of a ring group"),
	LIST("line_ring_group", "line_id", MAX_RING_GROUPS, "too many ring groups of a line"),
	LIST("line_subscription", "line_id", MAX_SUBSCRIBERS, "too many users subscribed to a line"),
	LIST("line_number", "line_id", MAX_NUMBERS, "too many numbers of a line"),
	{
		"user_profile", "too many admins of an application", MAX_ADMINS,
		{"SELECT DISTINCT c.application_id, 'user_profile' FROM changed c WHERE c.is_admin", 0, {0}, true},
		{
			"SELECT c.application_id FROM (SELECT DISTINCT application_id FROM changed WHERE is_admin) c"
			" WHERE (SELECT count(*) FROM (SELECT FROM appt.user_profile u"
			"  WHERE u.application_id = c.application_id AND u.is_admin LIMIT " CppAsString2(MAX_ADMINS) " + 1) counted)"
			"  > " CppAsString2(MAX_ADMINS) " LIMIT 1",
			0, {0}, true
		}
	}
};

static LimitedList *
list_of(const TriggerData *trigger)
{
	const char *table = RelationGetRelationName(trigger->tg_relation);

	for (int i = 0; i < lengthof(lists); i++)
		if (strcmp(lists[i].table, table) == 0)
			return &lists[i];
	elog(ERROR, "check_list_length does not know table \"%s\"", table);
}

/*
 * appt.check_list_length() -> trigger, as changed_rows.h says
 *
 * PT409: a list is longer than its limit.
 */
Datum
check_list_length(PG_FUNCTION_ARGS)
{
	Call		call;
	LimitedList *list;

	changed_rows_begin(&call, fcinfo);
	list = list_of((TriggerData *) fcinfo->context);
	changed_rows_lock(&list->names, LOCK_LIST_LENGTH, ExclusiveLock);
	if (changed_rows_find(&list->too_long) > 0)
	{
		pg_uuid_t	owner = next_uuid(ROW(0));

		report_conflict(list->message, "%s would have more than %d.", uuid_text(&owner), list->most);
	}
	call_end(&call);
	return PointerGetDatum(NULL);
}
