/*
 * participant_list.h
 *		Who takes part in each of many appointments, for STABLE functions: in the
 *		calling query's snapshot.
 */
#ifndef APPT_PARTICIPANT_LIST_H
#define APPT_PARTICIPANT_LIST_H

#include "utils/jsonb.h"

#include "notify/appointment_key.h"

typedef struct ParticipantLists ParticipantLists;

/* In CurrentMemoryContext, which must live until participant_lists_end. */
extern ParticipantLists *participant_lists_begin(void);

/*
 * What PARTICIPANT_IDS of appointment.h selects, [{"id", "type"}] of the appointment,
 * in CurrentMemoryContext. Cheapest for appointments in the order of their ids.
 */
extern Jsonb *participant_list(ParticipantLists *lists, const AppointmentKey *key);

extern void participant_lists_end(ParticipantLists *lists);

#endif							/* APPT_PARTICIPANT_LIST_H */
