/*
 * codes.h
 *		One-time codes: sending them to who asks, and taking them back.
 *
 * All need SPI connected, as the owner.
 */
#ifndef APPT_CODES_H
#define APPT_CODES_H

#include "core/one_time_code.h"
#include "core/vocabulary.h"

/* Who shows that an address is his. */
typedef struct Contact
{
	ChannelCode channel;		/* EMAIL or SMS */
	const char *address;		/* a valid one */
} Contact;

/*
 * Send a new code, the only one from then on that counts for this purpose and
 * contact. PT429 beyond the limits of core/code_counts.h; then nothing is sent.
 * The request counts even if the transaction is undone.
 */
extern void code_request(const pg_uuid_t *application_id, const char *purpose,
						 const Contact *contact);

typedef enum CodeAnswer
{
	CODE_ACCEPTED,				/* and locked: code_use uses it up */
	CODE_WRONG,
	CODE_ABSENT					/* none was asked for, or by this very transaction, or it has
								 * expired, was used, or guessed at too often */
} CodeAnswer;

/*
 * Is it the code that was sent? Raises nothing for any guess; a wrong one is
 * counted even if the transaction is undone. Waits for who is using the code.
 * `id` is set if it is accepted.
 */
extern CodeAnswer code_redeem(const pg_uuid_t *application_id, const char *purpose,
							  const Contact *contact, const char *guess, int64 *id);

/* What a customer's code was used for. */
typedef struct CodeUse
{
	bytea	   *arguments;		/* digest of the call's: see core/call_digest.h */
	pg_uuid_t	appointment_id;
	const char *participant_id; /* the customer; not set by code_find_use */
} CodeUse;

/* Use an accepted code up, if the transaction commits; `use` is NULL for a sender's. */
extern void code_use(const pg_uuid_t *application_id, int64 id, const CodeUse *use);

/*
 * Is it a customer's code that was used with these very arguments? Then
 * use->appointment_id is what it opened. Otherwise as code_redeem: a wrong guess
 * is counted, and who is using the code is waited for.
 */
extern bool code_find_use(const pg_uuid_t *application_id, const Contact *contact,
						  const char *guess, CodeUse *use);

#endif							/* APPT_CODES_H */
