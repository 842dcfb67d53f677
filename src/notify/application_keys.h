/*
 * application_keys.h
 *		Keys of an application itself, in appt.secret: of the tokens in its
 *		messages, and of the hashes of suppressed addresses.
 *
 * With SPI connected, as the owner. Nothing here waits for a lock.
 */
#ifndef APPT_APPLICATION_KEYS_H
#define APPT_APPLICATION_KEYS_H

#include "nodes/pg_list.h"

#include "notify/link_token.h"

/* Values of appt.secret.name. */
#define TOKEN_KEY_NAME "TOKEN_KEY"
#define ADDRESS_KEY_NAME "ADDRESS_KEY"

/* At most so many keys of a name are valid at once; the newest signs. */
#define MAX_APPLICATION_KEYS 4

/*
 * The order of keys that are replaced by another, the latest first: the one that signs does
 * not expire, and a replaced one never expires later than its successor. Not by id: keys
 * may have come from another node.
 */
#define LATEST_KEY_FIRST(row) row ".expires_at DESC NULLS FIRST, " row ".created_at DESC, " row ".id DESC"

/* The valid keys, a List of ApplicationKey *, the newest first; NIL: none was made yet. In CurrentMemoryContext. */
extern List *application_keys(const pg_uuid_t *application_id, const char *name);

/* The key that signs; made if there is none. Two that are made at once are both valid. */
extern ApplicationKey application_key(const pg_uuid_t *application_id, const char *name);

/* Make a key, which signs from now on. */
extern ApplicationKey application_key_create(const pg_uuid_t *application_id, const char *name);

/* The key in a value of appt.secret, in CurrentMemoryContext. */
extern ApplicationKey *application_key_read(const char *value);

#endif							/* APPT_APPLICATION_KEYS_H */
