/*
 * facts_routes.h
 *		Facts about subscriptions and providers, with their secrets.
 */
#ifndef APPT_FACTS_ROUTES_H
#define APPT_FACTS_ROUTES_H

#include "notify/facts_batch.h"

/* Sets `route` of each notification. */
extern void load_routes(Batch *batch);

#endif							/* APPT_FACTS_ROUTES_H */
