/*
 * facts_meeting_templates.h
 *		Facts about the meeting templates of appointments.
 */
#ifndef APPT_FACTS_MEETING_TEMPLATES_H
#define APPT_FACTS_MEETING_TEMPLATES_H

#include "notify/facts_batch.h"

/* Sets `meeting_template` of each notification whose appointment has one. */
extern void load_meeting_templates(Batch *batch);

#endif							/* APPT_FACTS_MEETING_TEMPLATES_H */
