/*
 * overlap.h
 *		Which appointments overlap a window of time?
 *
 * SCHEDULED and ACTIVATED ones whose [start_at, end_at) intersects the window,
 * read from the indexes under the active snapshot: costs follow what is found,
 * not the size of the table nor the longest appointment. SPI is not needed.
 * Reads as the extension itself: the caller has been authorized.
 */
#ifndef APPT_OVERLAP_H
#define APPT_OVERLAP_H

#include "utils/uuid.h"

#include "schedule/span.h"

/* Add their times to a list. */
extern void overlap_find(const pg_uuid_t *application_id, const Span *window, SpanList *found);

/* Of those that one agent organizes. */
extern void overlap_find_organized(const pg_uuid_t *application_id, const char *agent_id,
								   const Span *window, SpanList *found);

#endif							/* APPT_OVERLAP_H */
