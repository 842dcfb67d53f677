/*
 * encoding.c
 *		Converting text from the database's encoding to UTF-8 without errors.
 *
 * The server's conversions raise errors and read the catalog. The worker
 * converts texts while no transaction is open, and an error there would end
 * it. So the conversion function is looked up once, and the result is NULL for
 * text that cannot be converted.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "common/string.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "core/encoding.h"

static FmgrInfo converter;		/* fn_oid is invalid until it has been looked
								 * up */

void
encoding_prepare(void)
{
	int			encoding = GetDatabaseEncoding();
	Oid			conversion;

	if (OidIsValid(converter.fn_oid) || encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return;
	conversion = FindDefaultConversionProc(encoding, PG_UTF8);
	if (OidIsValid(conversion))
		fmgr_info_cxt(conversion, &converter, TopMemoryContext);
}

/* A session that calls SQL functions has not prepared; it is in a transaction, so it can do so now. */
static bool
is_prepared(void)
{
	if (!OidIsValid(converter.fn_oid) && IsTransactionState())
		encoding_prepare();
	return OidIsValid(converter.fn_oid);
}

static char *
convert(const char *text, int length)
{
	char	   *utf8 = palloc(length * MAX_CONVERSION_GROWTH + 1);
	int			converted = DatumGetInt32(FunctionCall6(&converter,
														Int32GetDatum(GetDatabaseEncoding()),
														Int32GetDatum(PG_UTF8),
														CStringGetDatum(text),
														CStringGetDatum(utf8),
														Int32GetDatum(length),
														BoolGetDatum(true)));

	return converted == length ? utf8 : NULL;
}

char *
encoding_to_utf8(const char *text)
{
	size_t		length = strlen(text);

	if (pg_is_ascii(text))
		return unconstify(char *, text);
	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
		return pg_encoding_verifymbstr(PG_UTF8, text, (int) length) == length ?
			unconstify(char *, text) : NULL;
	if (length > MaxAllocSize / MAX_CONVERSION_GROWTH - 1 || !is_prepared())
		return NULL;
	return convert(text, (int) length);
}

bool
encoding_optional_to_utf8(const char *text, char **utf8)
{
	*utf8 = text ? encoding_to_utf8(text) : NULL;
	return text == NULL || *utf8 != NULL;
}
