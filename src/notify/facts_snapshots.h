/*
 * facts_snapshots.h
 *		Facts about appointments and participants that are gone.
 */
#ifndef APPT_FACTS_SNAPSHOTS_H
#define APPT_FACTS_SNAPSHOTS_H

#include "notify/facts_batch.h"

/*
 * Sets `appointment`, `recipient` and `recipient_is_gone` of each notification
 * that a snapshot tells of what load_appointments and load_recipients have not
 * found.
 */
extern void load_snapshots(Batch *batch);

#endif							/* APPT_FACTS_SNAPSHOTS_H */
