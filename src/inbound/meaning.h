/*
 * meaning.h
 *		What a text message asks for, and doing it.
 */
#ifndef APPT_MEANING_H
#define APPT_MEANING_H

#include "inbound/coded_message.h"

typedef struct Meaning
{
	const char *handled_as;		/* a code of appt.handled_as_code; "NONE": it
								 * is for people */
	int64		response_id;	/* 0: none, like the last */
	const pg_uuid_t *appointment_id;	/* NULL: none, like the next */
	const char *participant_id;
	int64		reply_id;		/* the notification that answers it */
} Meaning;

/*
 * Opt the sender out or in, answer for help, or record a response, if the text is
 * the single word for it; numbers are normalized by calling_code. What is no such
 * word is for people. SPI connected, as the owner.
 */
extern Meaning meaning_of(const pg_uuid_t *application_id, const char *from_number, const char *to_number,
						  const char *calling_code, const char *text);

#endif							/* APPT_MEANING_H */
