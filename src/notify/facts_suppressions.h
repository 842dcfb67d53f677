/*
 * facts_suppressions.h
 *		Facts about the addresses that messages go to: may they be written to?
 */
#ifndef APPT_FACTS_SUPPRESSIONS_H
#define APPT_FACTS_SUPPRESSIONS_H

#include "notify/facts_batch.h"

/* After all that decides where a message goes. */
extern void load_suppressions(Batch *batch);

#endif							/* APPT_FACTS_SUPPRESSIONS_H */
