/*
 * snapshot.c
 *		Unpacks the snapshot of a deleted appointment or a removed participant.
 */
#include "postgres.h"

#include "core/json.h"
#include "notify/facts.h"
#include "notify/snapshot.h"

/* Columns of a row that may be large. */
static const char *const large_columns[] = {"metadata", "interaction", "notification_headers", NULL};

/* The row under a key, without its large columns; NULL if there is none. */
static Jsonb *
small_row(const Jsonb *snapshot, const char *key)
{
	Jsonb	   *row = json_root_jsonb(snapshot, key);

	return row == NULL || !JB_ROOT_IS_OBJECT(row) ? NULL : json_without(row, large_columns);
}

/* A column of the row under a key; NULL if there is none. */
static Jsonb *
large_column(const Jsonb *snapshot, const char *key, const char *column)
{
	Jsonb	   *row = json_root_jsonb(snapshot, key);
	Jsonb	   *value = json_root_jsonb(row, column);

	if (row != NULL)
		pfree(row);
	return value;
}

static List *
read_names(const Jsonb *participants)
{
	List	   *names = NIL;

	if (participants == NULL || !JB_ROOT_IS_ARRAY(participants))
		return NIL;
	for (uint32 i = 0; i < JB_ROOT_COUNT(participants); i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(unconstify(JsonbContainer *, &participants->root), i);
		ParticipantName *name;
		char	   *type;

		if (element->type != jbvBinary || !JsonContainerIsObject(element->val.binary.data))
			continue;
		name = (ParticipantName *) palloc(sizeof(ParticipantName));
		name->id = json_member_text(element->val.binary.data, "id");
		type = json_member_text(element->val.binary.data, "type");
		name->is_customer = type != NULL && strcmp(type, "CUSTOMER") == 0;
		if (name->id != NULL)
			names = lappend(names, name);
	}
	return names;
}

AppointmentSnapshot *
snapshot_read(const Stored *stored, int64 notification_id)
{
	AppointmentSnapshot *snapshot = (AppointmentSnapshot *) palloc0(sizeof(AppointmentSnapshot));
	Jsonb	   *whole = stored_jsonb(stored);

	snapshot->notification_id = notification_id;
	snapshot->appointment = small_row(whole, "appointment");
	snapshot->room = small_row(whole, "room");
	snapshot->participant = small_row(whole, "participant");
	snapshot->metadata = large_column(whole, "appointment", "metadata");
	snapshot->interaction = large_column(whole, "appointment", "interaction");
	snapshot->notification_headers = large_column(whole, "appointment", "notification_headers");
	snapshot->participant_metadata = large_column(whole, "participant", "metadata");
	snapshot->participants = read_names(json_root_jsonb(whole, "participants"));
	pfree(whole);
	return snapshot;
}
