/*
 * facts_rules.h
 *		Facts about the rules that planned the notifications.
 */
#ifndef APPT_FACTS_RULES_H
#define APPT_FACTS_RULES_H

#include "notify/facts_batch.h"

/* Sets `rule` of each notification whose rule exists. */
extern void load_rules(Batch *batch);

#endif							/* APPT_FACTS_RULES_H */
