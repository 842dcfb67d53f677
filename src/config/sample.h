/*
 * sample.h
 *		Sample values of what messages tell, for messages that show how a
 *		template reads.
 */
#ifndef APPT_SAMPLE_H
#define APPT_SAMPLE_H

#include "utils/jsonb.h"
#include "utils/timestamp.h"

#define SAMPLE_DURATION (30 * USECS_PER_MINUTE)

/* Settings of an application that links begin with; NULL: none, and the link is made up. */
typedef struct SampleLinks
{
	const char *room_url;
	const char *public_url;
} SampleLinks;

/* Push members of an object: the customer that a message is to. */
extern void push_sample_customer(JsonbParseState **state);

/* Push members of an object: an appointment, with every link that there may be. */
extern void push_sample_appointment(JsonbParseState **state, const SampleLinks *links);

/* Push a member of an object: what a customer answers. */
extern void push_sample_response(JsonbParseState **state);

/* Push members of an object: an event that users are told of. `has_line`: it happens on a line. */
extern void push_sample_event(JsonbParseState **state, const SampleLinks *links, bool has_line);

/* Push a member of an object: the figures of a report. */
extern void push_sample_report(JsonbParseState **state);

#endif							/* APPT_SAMPLE_H */
