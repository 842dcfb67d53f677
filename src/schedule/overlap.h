/*
 * overlap.h
 *		Searching appointments that overlap a time window.
 *
 * Finds SCHEDULED and ACTIVATED appointments whose [start_at, end_at) overlaps
 * the window, from the indexes, under the active snapshot. The cost depends on
 * the number found, not on the size of the table or the longest appointment.
 * Does not need SPI. Reads with the extension's own rights: the caller must
 * have been authorized.
 */
#ifndef APPT_OVERLAP_H
#define APPT_OVERLAP_H

#include "utils/uuid.h"

#include "schedule/span.h"

/* Add the times of the application's appointments to the list. */
extern void overlap_find(const pg_uuid_t *application_id, const Span *window, SpanList *found);

/* The same for the appointments that one agent organizes. */
extern void overlap_find_organized(const pg_uuid_t *application_id, const char *agent_id,
								   const Span *window, SpanList *found);

#endif							/* APPT_OVERLAP_H */
