/*
 * secret.h
 *		Rows of appt.secret, which no role reads.
 */
#ifndef APPT_SECRET_H
#define APPT_SECRET_H

#include "utils/uuid.h"

/* What other tables show in place of a secret. */
#define SECRET_MASK "********"

/* Values of appt.secret.name; a header's is the prefix and the header's name. */
#define SECRET_PASSWORD "PASSWORD"
#define SECRET_HMAC_KEY "HMAC_KEY"
#define SECRET_INBOUND "INBOUND"
#define SECRET_HEADER_PREFIX "HEADER:"

/* Insert a secret. Exactly one of subscription_id and provider_id is not NULL. SPI connected, as the owner. */
extern void store_secret(const pg_uuid_t *application_id, const pg_uuid_t *subscription_id,
						 const pg_uuid_t *provider_id, const char *name, const char *value);

/* A new key, "whsec_" and 32 random bytes in base64, in CurrentMemoryContext. */
extern char *generate_hmac_key(void);

#endif							/* APPT_SECRET_H */
