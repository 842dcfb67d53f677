/*
 * codes.h
 *		One-time codes: sending them to who asks, and taking them back.
 *
 * All need SPI connected, as the owner.
 */
#ifndef APPT_CODES_H
#define APPT_CODES_H

#include "channel/channel.h"
#include "core/one_time_code.h"

/* Who shows that an address is his. */
typedef struct Contact
{
	ChannelCode channel;		/* EMAIL or SMS */
	const char *address;		/* a valid one */
} Contact;

/*
 * Send a new code, the only one from then on that counts for this purpose and
 * contact. PT429 beyond the limits of codes.c; then nothing is sent. Waits for
 * the transactions of others that ask for codes of the application.
 */
extern void code_request(const pg_uuid_t *application_id, const char *purpose,
						 const Contact *contact);

typedef enum CodeAnswer
{
	CODE_ACCEPTED,				/* and used up, if the transaction commits */
	CODE_WRONG,
	CODE_ABSENT					/* none was asked for, or it has expired, was used, or guessed at too often */
} CodeAnswer;

/*
 * Is it the code that was sent? Raises nothing for any guess; a wrong one is
 * counted even if the transaction is undone. Waits for who is using the code.
 */
extern CodeAnswer code_redeem(const pg_uuid_t *application_id, const char *purpose,
							  const Contact *contact, const char *guess);

#endif							/* APPT_CODES_H */
