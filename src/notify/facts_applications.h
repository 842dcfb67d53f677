/*
 * facts_applications.h
 *		Facts about applications and their organizations.
 */
#ifndef APPT_FACTS_APPLICATIONS_H
#define APPT_FACTS_APPLICATIONS_H

#include "notify/facts_batch.h"

/* Sets `application` of each notification. */
extern void load_applications(Batch *batch);

#endif							/* APPT_FACTS_APPLICATIONS_H */
