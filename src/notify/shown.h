/*
 * shown.h
 *		What a message showed that its recipient can respond to: attempt.shown.
 *
 * Pure: no SPI, no clock. {"buttons": [...], "reply_codes": {...} or null,
 * "start_at", "end_at", "timezone", "location"}: the buttons of actions and reply
 * codes that the message has, and the time and place that it told.
 */
#ifndef APPT_SHOWN_H
#define APPT_SHOWN_H

#include "core/meeting_codes.h"
#include "notify/facts.h"

typedef struct Shown
{
	int			buttons;		/* BUTTON_BITs, of actions alone */
	Jsonb	   *reply_codes;	/* actions by words; NULL: none */
	TimestampTz start_at;
	TimestampTz end_at;
	char	   *timezone;
	char	   *location;		/* NULL: none */
} Shown;

/* What a message that is composed now shows; NULL: nothing to respond to. */
extern Jsonb *shown_of(const NotificationFacts *facts);

/* Read it back. False if this is not what shown_of returned. */
extern bool shown_read(const Jsonb *jsonb, Shown *shown);

/* 16 hex digits of what was told, by which two versions are told apart. The location may be NULL. */
extern char *shown_digest(TimestampTz start_at, TimestampTz end_at, const char *timezone, const char *location);
extern char *digest_of_shown(const Shown *shown);

#endif							/* APPT_SHOWN_H */
