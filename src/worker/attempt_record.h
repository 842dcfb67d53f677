/*
 * attempt_record.h
 *		What an attempt stores of its message.
 */
#ifndef APPT_ATTEMPT_RECORD_H
#define APPT_ATTEMPT_RECORD_H

#include "channel/message.h"
#include "notify/facts.h"

typedef struct AttemptRecord
{
	pg_uuid_t  *provider_id;	/* NULL: no provider sends it */
	const char *recipient;
	const char *subject;		/* this and the bodies: NULL if there is none
								 * or it is not logged */
	const char *text_body;
	const char *html_body;
	Jsonb	   *shown;			/* what can be responded to; NULL: nothing */
} AttemptRecord;

/* A copy in CurrentMemoryContext, which shares no memory with the arguments. */
extern AttemptRecord *attempt_record_make(const NotificationFacts *facts, const Message *message);

#endif							/* APPT_ATTEMPT_RECORD_H */
