/*
 * facts_rules.h
 *		Facts about the rules that planned the notifications.
 */
#ifndef APPT_FACTS_RULES_H
#define APPT_FACTS_RULES_H

#include "core/lookup.h"
#include "notify/facts_batch.h"

/* Sets `rule` of each notification whose rule exists. */
extern void load_rules(Batch *batch);

/*
 * A lookup of the rules of a meeting template, of any type, or (NULL) of those of the
 * application itself, of this type. Its columns: id, type, channel, time_offset,
 * enabled, sending, ignores_opt_out. lookup_end must follow.
 */
extern Lookup *rules_begin(const pg_uuid_t *application_id, const pg_uuid_t *meeting_template_id, NotificationType type,
						   bool as_seen);

#endif							/* APPT_FACTS_RULES_H */
