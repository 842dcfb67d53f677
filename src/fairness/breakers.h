/*
 * breakers.h
 *		The open circuits of this worker, as operators see them.
 */
#ifndef APPT_BREAKERS_H
#define APPT_BREAKERS_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "core/vocabulary.h"

/* So many of a worker's are shown to operators. */
#define CIRCUITS_SHOWN 32

#define CIRCUIT_DESTINATION_LENGTH 128
#define CIRCUIT_ERROR_LENGTH 160

/* One of them, its texts clipped; plain memory, for it is shown to other processes. */
typedef struct CircuitReport
{
	TimestampTz opened_at;
	TimestampTz probe_at;
	int			failures;		/* in a row */
	bool		of_lane;		/* else of all that goes there, and the next four say nothing */
	bool		has_subscription;
	ChannelCode channel;
	pg_uuid_t	application_id;
	pg_uuid_t	subscription_id;
	char		destination[CIRCUIT_DESTINATION_LENGTH];
	char		last_error[CIRCUIT_ERROR_LENGTH];
} CircuitReport;

/* What made them open may be mended (a reload): they are probed at once. */
extern void breakers_expedite(TimestampTz now);

/* Fill in at most `max`, the oldest first; how many there are. */
extern int	breakers_report(CircuitReport *reports, int max);

/* Has any of it changed since the last call? */
extern bool breakers_have_news(void);

#endif							/* APPT_BREAKERS_H */
