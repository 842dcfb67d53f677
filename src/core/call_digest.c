/*
 * call_digest.c
 *		SHA-256 of a call's arguments.
 *
 * Each argument contributes whether it is NULL, its length and its bytes, so
 * that different lists of arguments are different bytes. The bytes are those
 * of the type's internal form, without compression and TOAST: text output
 * would depend on the session's settings.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "utils/lsyscache.h"

#include "core/call_digest.h"
#include "core/compat.h"

static void
add_bytes(pg_cryptohash_ctx *context, const void *bytes, size_t length)
{
	if (pg_cryptohash_update(context, (const uint8 *) bytes, length) < 0)
		elog(ERROR, "could not compute a digest: %s", pg_cryptohash_error(context));
}

static void
add_counted(pg_cryptohash_ctx *context, const void *bytes, uint32 length)
{
	add_bytes(context, &length, sizeof(length));
	add_bytes(context, bytes, length);
}

static void
add_value(pg_cryptohash_ctx *context, Datum value, Oid type)
{
	int16		length;
	bool		by_value;

	get_typlenbyval(type, &length, &by_value);
	if (by_value)
		add_counted(context, &value, sizeof(value));
	else if (length > 0)
		add_counted(context, DatumGetPointer(value), length);
	else
	{
		struct varlena *whole = PG_DETOAST_DATUM_PACKED(value);

		Assert(length == -1);
		add_counted(context, VARDATA_ANY(whole), VARSIZE_ANY_EXHDR(whole));
	}
}

static void
add_argument(pg_cryptohash_ctx *context, const NullableDatum *argument, Oid type)
{
	uint8		is_null = argument->isnull;

	add_bytes(context, &is_null, sizeof(is_null));
	if (!is_null)
		add_value(context, argument->value, type);
}

bytea *
call_digest_without(FunctionCallInfo fcinfo, int first, int count, int left_out)
{
	bytea	   *digest = (bytea *) palloc(VARHDRSZ + CALL_DIGEST_BYTES);
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	Oid		   *types;
	int			total;

	(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &total);
	Assert(first + count <= total);
	if (pg_cryptohash_init(context) < 0)
		elog(ERROR, "could not compute a digest: %s", pg_cryptohash_error(context));
	for (int i = first; i < first + count; i++)
		if (i != left_out)
			add_argument(context, &fcinfo->args[i], types[i]);
	SET_VARSIZE(digest, VARHDRSZ + CALL_DIGEST_BYTES);
	if (pg_cryptohash_final(context, (uint8 *) VARDATA(digest), CALL_DIGEST_BYTES) < 0)
		elog(ERROR, "could not compute a digest: %s", pg_cryptohash_error(context));
	pg_cryptohash_free(context);
	return digest;
}

bytea *
call_digest(FunctionCallInfo fcinfo, int first, int count)
{
	return call_digest_without(fcinfo, first, count, -1);
}
