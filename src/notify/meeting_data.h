/*
 * meeting_data.h
 *		The values of a template's names that have to do with meeting templates
 *		and with customers who answer.
 */
#ifndef APPT_MEETING_DATA_H
#define APPT_MEETING_DATA_H

#include "notify/blocks.h"
#include "notify/facts.h"
#include "notify/links.h"

/*
 * Push them: status, meetingType, videoPlatform; the contact of the application;
 * links to customers (NULL: none), of actions only those with a button; the
 * markers of the blocks.
 */
extern void push_meeting(JsonbParseState **state, const NotificationFacts *facts, const Links *links,
						 const Markers *markers);

#endif							/* APPT_MEETING_DATA_H */
