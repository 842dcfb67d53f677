/*
 * secret.c
 *		Storing secrets, which nobody can read back.
 *
 * Values reach the table as parameters of a prepared statement, so no
 * statement's text contains one. What is stored here violates no constraint of
 * the table, because the error would show the row.
 */
#include "postgres.h"

#include "common/base64.h"

#include "config/secret.h"
#include "core/compat.h"
#include "core/statement.h"

#define GENERATED_KEY_BYTES 32
#define KEY_PREFIX "whsec_"

void
store_secret(const pg_uuid_t *application_id, const pg_uuid_t *subscription_id,
			 const pg_uuid_t *provider_id, const char *name, const char *value)
{
	static Statement insert = {
		"INSERT INTO appt.secret (application_id, subscription_id, provider_id, name, value)"
		" VALUES ($1, $2, $3, $4, $5)",
		5, {UUIDOID, UUIDOID, UUIDOID, TEXTOID, TEXTOID}
	};
	NullableDatum arguments[] = {
		sql_uuid(application_id), sql_uuid(subscription_id), sql_uuid(provider_id),
		sql_text(name), sql_text(value)
	};

	(void) statement_run_nullable(&insert, arguments);
}

char *
generate_hmac_key(void)
{
	char		bytes[GENERATED_KEY_BYTES];
	int			length = pg_b64_enc_len(GENERATED_KEY_BYTES);
	char	   *key = (char *) palloc0(strlen(KEY_PREFIX) + length + 1);

	if (!pg_strong_random(bytes, sizeof(bytes)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	strcpy(key, KEY_PREFIX);
	if (encode_base64(bytes, sizeof(bytes), key + strlen(KEY_PREFIX), length) < 0)
		elog(ERROR, "could not encode a key");
	return key;
}
