/*
 * codes.h
 *		One-time codes: sending them on request, and redeeming them.
 *
 * All need SPI connected, as the owner.
 */
#ifndef APPT_CODES_H
#define APPT_CODES_H

#include "core/one_time_code.h"
#include "core/vocabulary.h"

/* An address that a code proves to be the caller's. */
typedef struct Contact
{
	ChannelCode channel;		/* EMAIL or SMS */
	const char *address;		/* a valid one */
	const char *user_id;		/* the user whose it is to be: the message
								 * with the code is private to it; NULL: none */
} Contact;

/*
 * Send a new code, which replaces earlier ones for this purpose and contact.
 * PT429 beyond the limits of core/code_counts.h; then nothing is sent. The
 * request counts even if the transaction is rolled back.
 */
extern void code_request(const pg_uuid_t *application_id, const char *purpose,
						 const Contact *contact);

typedef enum CodeAnswer
{
	CODE_ACCEPTED,				/* and locked, for code_use */
	CODE_WRONG,
	CODE_ABSENT					/* none was requested, or by this transaction
								 * itself, or it has expired, was used, or was
								 * guessed too often */
} CodeAnswer;

/*
 * Is it the code that was sent? No guess raises an error; a wrong one is counted
 * even if the transaction is rolled back. Waits for a transaction that uses the
 * code. Sets *id if the guess is accepted.
 */
extern CodeAnswer code_redeem(const pg_uuid_t *application_id, const char *purpose,
							  const Contact *contact, const char *guess, int64 *id);

/*
 * Raise the error of a code that is not accepted: PT400, or PT404 with a HINT to
 * request one by the function of this name. Neither tells the guess to the log.
 */
extern void code_require_accepted(CodeAnswer answer, const char *requested_by);

/* The call that a customer's code was used for. */
typedef struct CodeUse
{
	bytea	   *arguments;		/* digest of the call's arguments:
								 * core/call_digest.h */
	pg_uuid_t	appointment_id;
	const char *participant_id; /* the customer; not set by code_find_use */
} CodeUse;

/* Mark an accepted code as used, when the transaction commits; `use` is NULL for a sender's. */
extern void code_use(const pg_uuid_t *application_id, int64 id, const CodeUse *use);

/*
 * Is it a customer's code that was used with the same arguments? If so,
 * use->appointment_id is set to the appointment. As with code_redeem, a wrong
 * guess is counted, and a transaction that uses the code is waited for.
 */
extern bool code_find_use(const pg_uuid_t *application_id, const Contact *contact,
						  const char *guess, CodeUse *use);

#endif							/* APPT_CODES_H */
