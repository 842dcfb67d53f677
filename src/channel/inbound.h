/*
 * inbound.h
 *		What a provider sends of its own accord: messages that came in, and
 *		whether messages that it took arrived.
 *
 * Pure, like the rest of the channels. Texts are UTF-8; those of a report are as
 * the provider wrote them, of any length and perhaps not valid.
 */
#ifndef APPT_CHANNEL_INBOUND_H
#define APPT_CHANNEL_INBOUND_H

#include "nodes/pg_list.h"

/* A request as the front hands it on; what is absent is NULL. */
typedef struct InboundRequest
{
	const char *url;			/* that the provider was given, if its
								 * settings have none */
	const char *body;
	const char *content_type;
	const char *authorization;	/* the header Authorization */
	const char *signature;		/* the header X-Twilio-Signature */
} InboundRequest;

typedef enum InboundKind
{
	INBOUND_UNREADABLE,			/* neither of these */
	INBOUND_NOTHING,			/* news that nothing is done about */
	INBOUND_TEXT, INBOUND_RECEIPT
} InboundKind;

typedef struct InboundReport
{
	InboundKind kind;
	const char *id;				/* the provider's: of the message that came in
								 * (may be NULL), or that it took */
	const char *from;			/* INBOUND_TEXT */
	const char *to;
	const char *text;			/* may be NULL: of a picture */
	bool		is_delivered;	/* INBOUND_RECEIPT */
	const char *code;			/* the provider's, of a failure; NULL: none */
} InboundReport;

/*
 * A value of the body by its name: a field of a form, or of JSON what is at this
 * path (core/json_scan.h). In CurrentMemoryContext; NULL: there is none.
 */
extern char *inbound_value(const InboundRequest *request, const char *name);

/* Is the body JSON, by its content type? Without one it is a form. */
extern bool inbound_is_json(const InboundRequest *request);

/* Is the text the secret, whose length alone the time tells? */
extern bool is_secret(const char *text, const char *secret);

#endif							/* APPT_CHANNEL_INBOUND_H */
