/*
 * locks.h
 *		Kinds of the advisory locks that appt takes.
 *
 * The kind is the fourth field of SET_LOCKTAG_ADVISORY, pg_locks.objsubid.
 * pg_advisory_lock() and its variants use 1 and 2, so users cannot take these
 * locks. A transaction takes the locks of capacity.c in the order of their
 * kinds.
 */
#ifndef APPT_LOCKS_H
#define APPT_LOCKS_H

typedef enum AdvisoryLockKind
{
	LOCK_WORKER_SLOT = 0xa7,	/* worker_main.c, for the session: the worker
								 * has this slot */

	/* capacity.c, until the transaction ends */
	LOCK_MOVE = 0xb0,			/* an appointment whose times or organizer
								 * change */
	LOCK_APPLICATION,			/* all of an application's time */
	LOCK_BLOCK,					/* an application's UTC day, or block of days */
	LOCK_ORGANIZER_BLOCK,		/* the same of an organizer */

	/*
	 * users and inbound, until the transaction ends; each name shares its
	 * lock. A message that comes in takes the last two in this order.
	 */
	LOCK_PHONE_NUMBER,			/* line_numbers.c: a phone number */
	LOCK_LIST_LENGTH,			/* list_limits.c: a ring group's or line's
								 * list */
	LOCK_CONVERSATION,			/* high_sms.c: a contact and a number */
	LOCK_AUTO_REPLY				/* auto_reply.c: a number that is answered */
} AdvisoryLockKind;

#endif							/* APPT_LOCKS_H */
