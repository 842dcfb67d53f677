/*
 * stored.c
 *		Values that are unpacked late, or never.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "utils/builtins.h"
#include "utils/datum.h"

#include "core/stored.h"

const Stored *
next_stored(Row *row)
{
	NullableDatum value = next_value(row);

	return value.isnull ? NULL : (const Stored *) DatumGetPointer(value.value);
}

Stored *
stored_copy(const Stored *stored)
{
	return stored == NULL ? NULL : (Stored *) DatumGetPointer(datumCopy(PointerGetDatum(stored), false, -1));
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
