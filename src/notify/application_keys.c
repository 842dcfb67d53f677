/*
 * application_keys.c
 *		Keys of an application itself, in appt.secret.
 *
 * A key is made where it is first needed: whoever inserts an application into its
 * table needs to know nothing of keys. No unique index orders those who make one
 * at the same time, because they would wait for each other's transactions. Each
 * uses its own; all of them are valid.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/row.h"
#include "core/statement.h"
#include "notify/application_keys.h"

ApplicationKey *
application_key_read(const char *value)
{
	ApplicationKey *key = (ApplicationKey *) palloc(sizeof(ApplicationKey));

	if (strlen(value) != 2 * APPLICATION_KEY_BYTES)
		elog(ERROR, "key of an application has %zu characters", strlen(value));
	(void) hex_decode(value, 2 * APPLICATION_KEY_BYTES, (char *) key->bytes);
	return key;
}

List *
application_keys(const pg_uuid_t *application_id, const char *name)
{
	static Statement find = {
		"SELECT s.value FROM appt.secret s WHERE s.application_id = $1 AND s.name = $2"
		" AND s.name IN ('TOKEN_KEY', 'ADDRESS_KEY') AND (s.expires_at IS NULL OR s.expires_at > now())"
		" ORDER BY " LATEST_KEY_FIRST("s") " LIMIT 4",
		2, {UUIDOID, TEXTOID}
	};
	uint64		count = statement_run(&find, UUIDPGetDatum(application_id), text_datum(name));
	List	   *keys = NIL;

	for (uint64 n = 0; n < count; n++)
		keys = lappend(keys, application_key_read(next_text(ROW(n))));
	return keys;
}

StaticAssertDecl(MAX_APPLICATION_KEYS == 4, "LIMIT 4 in application_keys");

ApplicationKey
application_key_create(const pg_uuid_t *application_id, const char *name)
{
	static Statement insert = {
		"INSERT INTO appt.secret (application_id, name, value) VALUES ($1, $2, $3)",
		3, {UUIDOID, TEXTOID, TEXTOID}
	};
	ApplicationKey key;
	char		value[2 * APPLICATION_KEY_BYTES + 1];

	if (!pg_strong_random(key.bytes, sizeof(key.bytes)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	value[hex_encode((const char *) key.bytes, sizeof(key.bytes), value)] = '\0';
	(void) statement_run(&insert, UUIDPGetDatum(application_id), text_datum(name), text_datum(value));
	return key;
}

ApplicationKey
application_key(const pg_uuid_t *application_id, const char *name)
{
	List	   *keys = application_keys(application_id, name);

	return keys == NIL ? application_key_create(application_id, name) : *(ApplicationKey *) linitial(keys);
}
