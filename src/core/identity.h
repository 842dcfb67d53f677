/*
 * identity.h
 *		Whether this database may send, or is a copy of the one that may.
 *
 * The row of appt.identity has the database's OID and the id of the
 * transaction that inserted it. A copied database has another OID; copied data
 * were inserted by another transaction.
 */
#ifndef APPT_IDENTITY_H
#define APPT_IDENTITY_H

typedef enum Identity
{
	IDENTITY_ORIGINAL,			/* may send */
	IDENTITY_MISSING,			/* nothing to send yet */
	IDENTITY_COPY				/* must not, until it is adopted */
} Identity;

/*
 * May this database send? If not, *why is a constant sentence for people
 * (never freed), else NULL. Needs a transaction but not SPI; sees what is
 * committed now, whatever the transaction's snapshot.
 */
extern Identity identity_judge(const char **why);

/* Insert the identity if there is none; a copy's row stays as it is. SPI connected, as the owner. */
extern void identity_ensure(void);

#endif							/* APPT_IDENTITY_H */
