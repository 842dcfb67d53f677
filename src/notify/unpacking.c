/*
 * unpacking.c
 *		What is unpacked for one message, of what tenants store.
 */
#include "postgres.h"

#include "notify/unpacking.h"

/* Is there such a value, and may it be unpacked? */
static bool
take(Unpacking *unpacking, const Stored *stored)
{
	Size		size = stored_size(stored);

	unpacking->is_over |= size > unpacking->budget;
	unpacking->budget -= Min(size, unpacking->budget);
	return stored != NULL && !unpacking->is_over;
}

char *
unpack_text(Unpacking *unpacking, const Stored *stored)
{
	return take(unpacking, stored) ? stored_text(stored) : NULL;
}

Jsonb *
unpack_jsonb(Unpacking *unpacking, const Stored *stored)
{
	return take(unpacking, stored) ? stored_jsonb(stored) : NULL;
}
