/*
 * suppression.c
 *		Addresses that an application must not write to over a channel.
 *
 * The local part of a mail address is compared without regard to case, although
 * only the receiving domain knows whether it matters: whoever opts out as Bob@
 * must not get the next message as bob@.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "channel/channel.h"
#include "core/column.h"
#include "core/hmac.h"
#include "core/row.h"
#include "core/statement.h"
#include "notify/application_keys.h"
#include "notify/suppression.h"

StaticAssertDecl(ADDRESS_KEY_BYTES == PG_SHA256_DIGEST_LENGTH, "a hash has the bytes of an HMAC-SHA256");
StaticAssertDecl(REASON_BLOCKED - REASON_OPTED_OUT == 3, "reasons of suppressions follow each other");

/* ---- hashes ---- */

/* The channel's code, a colon, the address in lower case. */
static char *
hashed_content(ChannelCode channel, const char *address)
{
	char	   *content = psprintf("%s:%s", channel_code(channel), channel_address_key(channel, address));

	for (char *c = content; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return content;
}

bytea *
address_key(const ApplicationKey *key, ChannelCode channel, const char *address)
{
	char	   *content = hashed_content(channel, address);
	bytea	   *hash = (bytea *) palloc(VARHDRSZ + ADDRESS_KEY_BYTES);

	SET_VARSIZE(hash, VARHDRSZ + ADDRESS_KEY_BYTES);
	if (!hmac_sha256(key->bytes, APPLICATION_KEY_BYTES, content, strlen(content), (uint8 *) VARDATA(hash)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute the hash of an address")));
	pfree(content);
	return hash;
}

/*
 * The oldest first; NIL: nothing is suppressed. All of them, unlike keys that rotate:
 * one that is left out would let messages through.
 */
static List *
address_keys_of(const pg_uuid_t *application_id)
{
	static Statement find = {
		"SELECT s.value FROM appt.secret s WHERE s.application_id = $1 AND s.name = 'ADDRESS_KEY' ORDER BY s.created_at, s.id",
		1, {UUIDOID}
	};
	uint64		count = statement_run(&find, UUIDPGetDatum(application_id));
	List	   *keys = NIL;

	for (uint64 n = 0; n < count; n++)
		keys = lappend(keys, application_key_read(next_text(ROW(n))));
	return keys;
}

/* The hashes by these keys, as an array. */
static Datum
hashes_of(List *keys, ChannelCode channel, const char *address)
{
	Column	   *hashes = column_create(BYTEAOID, list_length(keys));
	ListCell   *cell;

	foreach(cell, keys)
		column_add(hashes, PointerGetDatum(address_key((const ApplicationKey *) lfirst(cell), channel, address)));
	return column_array(hashes);
}

/* ---- adding and removing ---- */

static List *
address_keys_or_new(const pg_uuid_t *application_id)
{
	List	   *keys = address_keys_of(application_id);
	ApplicationKey *key;

	if (keys != NIL)
		return keys;
	key = (ApplicationKey *) palloc(sizeof(ApplicationKey));
	*key = application_key_create(application_id, ADDRESS_KEY_NAME);
	return list_make1(key);
}

/* New rows have the hash by the oldest key, so that those of one address come to have the same. */
void
suppression_add(const Suppression *suppression)
{
	static Statement insert = {
		"INSERT INTO appt.suppression (application_id, channel, address_key, address, reason, source, notification_id)"
		" SELECT $1, $2, $3[1], $4, $5, $6, nullif($7, 0)"
		" WHERE NOT EXISTS (SELECT FROM appt.suppression s WHERE s.application_id = $1 AND s.channel = $2"
		"  AND s.address_key = ANY ($3) AND s.reason = $5)",
		7, {UUIDOID, TEXTOID, BYTEAARRAYOID, TEXTOID, TEXTOID, TEXTOID, INT8OID}
	};
	List	   *keys = address_keys_or_new(&suppression->application_id);
	const NullableDatum arguments[] = {
		sql_uuid(&suppression->application_id),
		sql_text(channel_code(suppression->channel)),
		SQL_VALUE(hashes_of(keys, suppression->channel, suppression->address)),
		sql_text(suppression->address),
		sql_text(reason_code(suppression->reason)),
		sql_text(suppression->source),
		SQL_VALUE(Int64GetDatum(suppression->notification_id))
	};

	(void) statement_run_nullable(&insert, arguments);
}

static Datum
reason_codes_of(SuppressionSet reasons)
{
	Column	   *codes = column_create(TEXTOID, 4);

	for (int reason = REASON_OPTED_OUT; reason <= REASON_BLOCKED; reason++)
		if ((reasons & SUPPRESSION_BIT(reason)) != 0)
			column_add_text(codes, reason_code((Reason) reason));
	return column_array(codes);
}

bool
suppression_remove(const pg_uuid_t *application_id, ChannelCode channel, const char *address, SuppressionSet reasons)
{
	static Statement delete = {
		"DELETE FROM appt.suppression s WHERE s.application_id = $1 AND s.channel = $2"
		" AND s.address_key = ANY ($3) AND s.reason = ANY ($4) RETURNING s.id",
		4, {UUIDOID, TEXTOID, BYTEAARRAYOID, TEXTARRAYOID}
	};
	List	   *keys = address_keys_of(application_id);

	if (keys == NIL)
		return false;
	return statement_run(&delete, UUIDPGetDatum(application_id), text_datum(channel_code(channel)),
						 hashes_of(keys, channel, address), reason_codes_of(reasons)) > 0;
}

void
consent_opt_out(const pg_uuid_t *application_id, ChannelCode channel, const char *address,
				const char *source, int64 notification_id)
{
	const Suppression suppression = {
		.application_id = *application_id,
		.channel = channel,
		.address = address,
		.reason = REASON_OPTED_OUT,
		.source = source,
		.notification_id = notification_id
	};

	suppression_add(&suppression);
}

/* What the application or a carrier has decided is not the recipient's to take back. */
bool
consent_opt_in(const pg_uuid_t *application_id, ChannelCode channel, const char *address)
{
	return suppression_remove(application_id, channel, address, SUPPRESSION_BIT(REASON_OPTED_OUT));
}
