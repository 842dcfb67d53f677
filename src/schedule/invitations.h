/*
 * invitations.h
 *		Appointments that become INVITED because a reminder with buttons to accept
 *		or decline was sent.
 *
 * All functions need a transaction and SPI connected, as the owner, and wait for
 * nobody.
 */
#ifndef APPT_INVITATIONS_H
#define APPT_INVITATIONS_H

#include "utils/uuid.h"

/* A reminder that was sent. */
typedef struct SentInvitation
{
	int64		notification_id;
	pg_uuid_t	application_id;
	pg_uuid_t	appointment_id;
} SentInvitation;

/* Remember it until its appointment can be changed. */
extern void invitations_add(const SentInvitation *sent, int count);

/* The walk over what is remembered; zeroes: from the start. */
typedef struct InvitationPass
{
	int64		after;			/* the last notification that was looked at */
	bool		is_over;
	bool		has_skipped;	/* something was locked */
} InvitationPass;

/*
 * Take the next of them: their appointments become INVITED, unless customers have
 * answered, or the appointment is over or gone. Those that are locked stay for the
 * next pass.
 */
extern void invitations_continue(InvitationPass *pass);

#endif							/* APPT_INVITATIONS_H */
