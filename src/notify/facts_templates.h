/*
 * facts_templates.h
 *		Facts about templates: those that a message may be written from.
 */
#ifndef APPT_FACTS_TEMPLATES_H
#define APPT_FACTS_TEMPLATES_H

#include "notify/facts_batch.h"

/* Sets `templates` of each notification; needs its application, appointment and recipient, for their locales. */
extern void load_templates(Batch *batch);

/* The type whose templates it uses: its own, but a TEST may show another type's, which its context names. */
extern const char *template_type(const NotificationFacts *facts);

#endif							/* APPT_FACTS_TEMPLATES_H */
