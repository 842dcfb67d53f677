/*
 * stored.c
 *		Values that are unpacked late, or never.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "utils/builtins.h"
#include "utils/datum.h"

#include "core/statement.h"
#include "core/stored.h"

Stored *
row_stored(uint64 row, int column)
{
	bool		is_null;
	Datum		value = row_datum(row, column, &is_null);

	return is_null ? NULL : (Stored *) DatumGetPointer(datumCopy(value, false, -1));
}

Size
row_size(uint64 row, int column)
{
	bool		is_null;
	Datum		value = row_datum(row, column, &is_null);

	return is_null ? 0 : toast_raw_datum_size(value) - VARHDRSZ;
}

Size
stored_size(const Stored *stored)
{
	return stored == NULL ? 0 : toast_raw_datum_size(PointerGetDatum(stored)) - VARHDRSZ;
}

char *
stored_text(const Stored *stored)
{
	return stored == NULL ? NULL : TextDatumGetCString(PointerGetDatum(stored));
}

Jsonb *
stored_jsonb(const Stored *stored)
{
	return stored == NULL ? NULL : DatumGetJsonbPCopy(PointerGetDatum(stored));
}
