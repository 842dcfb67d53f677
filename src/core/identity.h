/*
 * identity.h
 *		Is this database the one that may send, or a copy of it?
 *
 * The row of appt.identity holds the database's oid and the id of the
 * transaction that inserted it. A copy of the files under another name has
 * another oid; a copy of the data was inserted by another transaction.
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
 * (never freed). Needs a transaction, not SPI; sees what is committed now,
 * whatever the transaction's snapshot.
 */
extern bool identity_may_send(const char **why);

/* The same with the reason in a word. */
extern Identity identity_judge(const char **why);

/* Write the identity if there is none at all. A copy's stays as it is. SPI connected, as the owner. */
extern void identity_ensure(void);

#endif							/* APPT_IDENTITY_H */
