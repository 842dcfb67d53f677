/*
 * facts_templates.h
 *		Facts about templates: those that a message may be written from.
 */
#ifndef APPT_FACTS_TEMPLATES_H
#define APPT_FACTS_TEMPLATES_H

#include "notify/facts_batch.h"

/* Sets `templates` of each notification; needs its application, appointment and recipient, for their locales. */
extern void load_templates(Batch *batch);

/* The type of its templates: its own; for a TEST, the type that its context names, if any. */
extern const char *template_type(const NotificationFacts *facts);

#endif							/* APPT_FACTS_TEMPLATES_H */
