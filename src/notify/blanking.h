/*
 * blanking.h
 *		Blanking what the messages of deleted appointments said.
 */
#ifndef APPT_BLANKING_H
#define APPT_BLANKING_H

#include "notify/appointment_key.h"

/* The place that a pass over the kept contexts has reached; all zero: the start. */
typedef struct BlankingPass
{
	AppointmentKey appointment;
	int64		notification_id;
	bool		is_over;		/* there is nothing kept after this place */
	bool		has_skipped;	/* something was locked: another pass is due */
} BlankingPass;

/*
 * Tell the workers at commit if any of these notifications, just settled, is of
 * an appointment that is gone: then the last of it may have been settled.
 */
extern void blanking_request(const int64 *notification_ids, int count);

/*
 * Blank context and bodies of some deleted appointments of which nothing is
 * owed any more, and move the pass on. Waits for nobody: an appointment of
 * which somebody has a settled message locked is left for another pass. In a
 * transaction of the worker's.
 */
extern void blanking_continue(BlankingPass *pass);

/*
 * Blank the log of an appointment about to be deleted, if nothing of it is
 * owed. The caller has the appointment's row locked.
 */
extern void blanking_of_deleted(const AppointmentKey *key);

#endif							/* APPT_BLANKING_H */
