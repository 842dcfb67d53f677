/*
 * facts_meeting_templates.c
 *		Facts about the meeting templates of appointments.
 */
#include "postgres.h"

#include "notify/facts_meeting_templates.h"

static const pg_uuid_t *
meeting_template_id(const NotificationFacts *facts)
{
	return facts->appointment == NULL ? NULL : facts->appointment->meeting_template_id;
}

static void
add_key(const Batch *batch, const NotificationFacts *facts, Column **keys)
{
	if (meeting_template_id(facts) == NULL)
		return;
	column_add_uuid(keys[0], &facts->application_id);
	column_add_uuid(keys[1], meeting_template_id(facts));
}

static void
take_meeting_template(Batch *batch, Row *row)
{
	MeetingTemplateFacts *facts = (MeetingTemplateFacts *) palloc0(sizeof(MeetingTemplateFacts));

	facts->id = next_uuid(row);
	facts->meeting_type = next_text(row);
	facts->video_platform = batch_text(batch, row);
	facts->reminders_need_confirmation = next_bool(row);
	batch->meeting_templates = lappend(batch->meeting_templates, facts);
}

static FactLoader meeting_templates = {
	.find = {
		"SELECT m.id, m.meeting_type, m.video_platform, m.reminders_need_confirmation"
		" FROM (SELECT DISTINCT unnest($1) AS application_id, unnest($2) AS id) k"
		" JOIN appt.meeting_template m ON m.application_id = k.application_id AND m.id = k.id"
		" ORDER BY m.id",
		2, {UUIDARRAYOID, UUIDARRAYOID}
	},
	.add_keys = add_key,
	.take = take_meeting_template
};

void
load_meeting_templates(Batch *batch)
{
	ListCell   *cell;

	batch_load(batch, &meeting_templates);
	foreach(cell, batch->notifications)
	{
		NotificationFacts *facts = (NotificationFacts *) lfirst(cell);

		facts->meeting_template = (const MeetingTemplateFacts *)
			fact_by_uuid(batch->meeting_templates, meeting_template_id(facts));
	}
}
