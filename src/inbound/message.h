/*
 * message.h
 *		A text message that came in: recorded once, handled as what it is, and
 *		told to those whom it concerns.
 *
 * With SPI connected, as the owner, in the transaction of the caller.
 */
#ifndef APPT_INBOUND_MESSAGE_H
#define APPT_INBOUND_MESSAGE_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

/* Maximum bytes, as in the table: of a number or name, of an id, of a text. */
#define INBOUND_MAX_NUMBER 256
#define INBOUND_MAX_ID 1024
#define INBOUND_MAX_TEXT 65536

/* As the provider gave it. */
typedef struct InboundText
{
	pg_uuid_t	application_id;
	const char *from_number;
	const char *to_number;
	const char *text;			/* "": none, as of a picture */
	const char *provider_message_id;	/* NULL: none */
	TimestampTz received_at;
} InboundText;

/*
 * Record it and do what it asks for, or find what was recorded before under its
 * provider_message_id. Returns the id of the row. PT404: no such application.
 */
extern int64 inbound_record(const InboundText *text);

#endif							/* APPT_INBOUND_MESSAGE_H */
