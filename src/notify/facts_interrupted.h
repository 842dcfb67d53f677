/*
 * facts_interrupted.h
 *		Facts about attempts that were interrupted: the messages that were sent.
 */
#ifndef APPT_FACTS_INTERRUPTED_H
#define APPT_FACTS_INTERRUPTED_H

#include "notify/facts_batch.h"

/* Sets `stored` of each notification whose last attempt was interrupted. */
extern void load_interrupted(Batch *batch);

#endif							/* APPT_FACTS_INTERRUPTED_H */
