/*
 * facts_user_events.h
 *		Facts about what users are told of that is no appointment.
 */
#ifndef APPT_FACTS_USER_EVENTS_H
#define APPT_FACTS_USER_EVENTS_H

#include "notify/facts_batch.h"

/* Sets `user_event` of each notification that tells of one. */
extern void load_user_events(Batch *batch);

#endif							/* APPT_FACTS_USER_EVENTS_H */
