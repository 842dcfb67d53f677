/*
 * facts_alarms.h
 *		Facts about when rules remind those whom an email invites.
 */
#ifndef APPT_FACTS_ALARMS_H
#define APPT_FACTS_ALARMS_H

#include "notify/facts_batch.h"

/* Sets `alarms` of the rules, which are loaded, of emails with an invitation. */
extern void load_alarms(Batch *batch);

#endif							/* APPT_FACTS_ALARMS_H */
