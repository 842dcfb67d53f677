/*
 * blanking.h
 *		Blanking the content of messages of deleted appointments.
 */
#ifndef APPT_BLANKING_H
#define APPT_BLANKING_H

#include "notify/appointment_key.h"

/* How far a pass over the rows with a context has come; all zero: the start. */
typedef struct BlankingPass
{
	AppointmentKey appointment;
	int64		notification_id;
	bool		is_over;		/* no row with a context follows */
	bool		has_skipped;	/* something was locked: another pass is due */
} BlankingPass;

/*
 * Wake the workers at commit if any of these notifications, which were just
 * settled, is of a deleted appointment: it may have been the last to be settled.
 */
extern void blanking_request(const int64 *notification_ids, int count);

/*
 * Blank contexts and bodies of some deleted appointments of which everything is
 * settled, and move the pass on. Does not wait: an appointment is left for
 * another pass if another transaction has locked one of its settled messages.
 * Runs in a transaction of the worker.
 */
extern void blanking_continue(BlankingPass *pass);

/*
 * Blank the log of an appointment that is about to be deleted, if everything of
 * it is settled. The caller has locked the appointment's row.
 */
extern void blanking_of_deleted(const AppointmentKey *key);

#endif							/* APPT_BLANKING_H */
