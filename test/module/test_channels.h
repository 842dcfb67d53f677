/*
 * test_channels.h
 *		Messages and routes out of jsonb; see channels.c.
 */
#ifndef APPT_TEST_CHANNELS_H
#define APPT_TEST_CHANNELS_H

#include "channel/message.h"

extern void message_from_json(const Jsonb *json, Message *message, Route *route);

#endif							/* APPT_TEST_CHANNELS_H */
