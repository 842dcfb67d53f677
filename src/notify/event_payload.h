/*
 * event_payload.h
 *		What webhooks tell of an event that is no appointment, as JSON.
 */
#ifndef APPT_EVENT_PAYLOAD_H
#define APPT_EVENT_PAYLOAD_H

#include "notify/facts.h"
#include "notify/unpacking.h"

/*
 * {"contact", "createdAt", "line": {"id", "name"}, "payload", "title", "type"},
 * without what the event has not, as JSON text in CurrentMemoryContext. If it
 * needs more than the budget, `unpacking` is over and the text incomplete.
 */
extern char *event_payload(const UserEventFacts *event, Unpacking *unpacking);

#endif							/* APPT_EVENT_PAYLOAD_H */
