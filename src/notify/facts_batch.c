/*
 * facts_batch.c
 *		Finding rows by their keys, and the budget of a batch of facts.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/column.h"
#include "notify/facts_parts.h"

int
uuid_compare(const void *a, const void *b)
{
	return memcmp(a, b, UUID_LEN);
}

void *
fact_find(const FactIndex *index, const pg_uuid_t *key)
{
	const pg_uuid_t *found;

	if (index->count == 0 || key == NULL)
		return NULL;
	found = (const pg_uuid_t *) bsearch(key, index->keys, index->count,
										sizeof(pg_uuid_t), uuid_compare);
	return found ? index->facts[found - index->keys] : NULL;
}

void
fact_index_create(FactIndex *index, uint64 count)
{
	index->count = (int) count;
	index->keys = (pg_uuid_t *) palloc(Max(count, 1) * sizeof(pg_uuid_t));
	index->facts = (void **) palloc(Max(count, 1) * sizeof(void *));
}

uint64
batch_read(const Batch *batch, Statement *statement, Datum keys)
{
	statement->is_read_only = !batch->is_current;
	return statement_run(statement, keys);
}

uint64
batch_read2(const Batch *batch, Statement *statement, Datum keys, Datum more_keys)
{
	statement->is_read_only = !batch->is_current;
	return statement_run(statement, keys, more_keys);
}

bool
batch_keys(const Batch *batch, KeyOf key_of, Datum *keys)
{
	int			count = 0;
	pg_uuid_t  *uuids = (pg_uuid_t *) palloc(Max(list_length(batch->notifications), 1) * sizeof(pg_uuid_t));
	Column	   *column = column_create(UUIDOID, list_length(batch->notifications));
	ListCell   *cell;

	foreach(cell, batch->notifications)
	{
		const pg_uuid_t *key = key_of((const NotificationFacts *) lfirst(cell));

		if (key != NULL)
			uuids[count++] = *key;
	}
	qsort(uuids, count, sizeof(pg_uuid_t), uuid_compare);
	for (int i = 0; i < count; i++)
		if (i == 0 || uuid_compare(&uuids[i - 1], &uuids[i]) != 0)
			column_add_uuid(column, &uuids[i]);
	*keys = column_array(column);
	return count > 0;
}

/* ---- the budget ---- */

/* What a value costs besides its bytes. */
#define COST_OF_VALUE 16

bool
batch_spend(Batch *batch, Size bytes)
{
	batch->is_over |= bytes > batch->budget;
	batch->budget -= Min(bytes, batch->budget);
	return !batch->is_over;
}

char *
batch_text(Batch *batch, Row *row)
{
	const Stored *stored = next_stored(row);

	if (!batch_spend(batch, stored_size(stored) + COST_OF_VALUE))
		return pstrdup("");
	return stored_text(stored);
}

Jsonb *
batch_jsonb(Batch *batch, Row *row)
{
	const Stored *stored = next_stored(row);

	if (!batch_spend(batch, stored_size(stored) + COST_OF_VALUE))
		return NULL;
	return stored_jsonb(stored);
}

Stored *
batch_stored(Batch *batch, Row *row)
{
	Stored	   *stored = stored_copy(next_stored(row));

	if (stored != NULL)
		(void) batch_spend(batch, VARSIZE_ANY(stored));
	return stored;
}
