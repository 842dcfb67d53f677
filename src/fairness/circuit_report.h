/*
 * circuit_report.h
 *		An open circuit, as operators see it.
 */
#ifndef APPT_CIRCUIT_REPORT_H
#define APPT_CIRCUIT_REPORT_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "core/vocabulary.h"

/* Maximum number of open circuits that are shown for a worker. */
#define CIRCUITS_SHOWN 32

#define CIRCUIT_DESTINATION_LENGTH 128
#define CIRCUIT_ERROR_LENGTH 160

/* Its texts are clipped. Plain memory, for it is shown to other processes. */
typedef struct CircuitReport
{
	TimestampTz opened_at;
	TimestampTz probe_at;
	int			failures;		/* in a row */
	bool		of_lane;		/* else of all that goes there, and the next
								 * four say nothing */
	bool		has_subscription;
	ChannelCode channel;
	pg_uuid_t	application_id;
	pg_uuid_t	subscription_id;
	char		destination[CIRCUIT_DESTINATION_LENGTH];
	char		last_error[CIRCUIT_ERROR_LENGTH];
} CircuitReport;

#endif							/* APPT_CIRCUIT_REPORT_H */
