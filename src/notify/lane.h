/*
 * lane.h
 *		The queue that a notification waits in: appt.lane().
 */
#ifndef APPT_LANE_H
#define APPT_LANE_H

#include "utils/uuid.h"

#include "core/vocabulary.h"

/* The queue of what an application sends over a channel that has no subscriptions. */
extern int64 lane_of_channel(const pg_uuid_t *application_id, ChannelCode channel);

#endif							/* APPT_LANE_H */
