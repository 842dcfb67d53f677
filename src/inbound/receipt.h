/*
 * receipt.h
 *		What providers report of messages that they took: delivered or not.
 */
#ifndef APPT_RECEIPT_H
#define APPT_RECEIPT_H

#include "utils/uuid.h"

/* Maximum bytes of a provider's code. */
#define MAX_RECEIPT_CODE 256

#define RECEIPT_DELIVERED "DELIVERED"
#define RECEIPT_UNDELIVERED "UNDELIVERED"

typedef struct Receipt
{
	pg_uuid_t	application_id;
	char	   *provider_message_id;
	char	   *kind;			/* one of the above */
	char	   *code;			/* NULL: none */
} Receipt;

/*
 * Store it, and opt the number out if it says so. False: the application has no
 * text message with this identifier (yet). SPI connected, as the owner.
 */
extern bool receipt_record(const Receipt *receipt);

#endif							/* APPT_RECEIPT_H */
