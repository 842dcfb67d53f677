/*
 * facts_appointments.h
 *		Facts about appointments, their rooms and who takes part in them.
 */
#ifndef APPT_FACTS_APPOINTMENTS_H
#define APPT_FACTS_APPOINTMENTS_H

#include "notify/facts_batch.h"

/* Sets `appointment` of each notification whose appointment exists. */
extern void load_appointments(Batch *batch);

/* Sets `recipient` of each notification to a customer who exists. */
extern void load_recipients(Batch *batch);

/*
 * Read an appointment that is gone from the next two columns: its row, and that of its
 * room or NULL. Likewise a participant from its row, the next column.
 */
extern AppointmentFacts *read_kept_appointment(Batch *batch, Row *row);
extern ParticipantFacts *read_kept_recipient(Batch *batch, Row *row);

/* Order a List of ParticipantName * as participants are listed: by created_at, then id. */
extern void sort_participants(List *names);

#endif							/* APPT_FACTS_APPOINTMENTS_H */
