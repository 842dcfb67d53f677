/*
 * facts_batch.c
 *		Finding facts, loading one kind of row by a statement, and the budget of a
 *		batch.
 *
 * A value is charged to the budget before it is unpacked: until then its row
 * takes no more than a page, since longer values are stored elsewhere. A statement
 * yields about as many rows as there are notifications; where there may be many more,
 * they are looked up one by one. Once the budget is used up nothing more is read.
 */
#include "postgres.h"

#include "utils/lsyscache.h"

#include "notify/facts_batch.h"

/* ---- finding ---- */

static int
compare_uuids(const void *key, const void *cell)
{
	return memcmp(key, lfirst((const ListCell *) cell), UUID_LEN);
}

static int
compare_numbers(const void *key, const void *cell)
{
	int64		one = *(const int64 *) key;
	int64		other = *(const int64 *) lfirst((const ListCell *) cell);

	return one < other ? -1 : one > other;
}

static void *
find_fact(const List *facts, const void *id, int (*compare) (const void *key, const void *cell))
{
	const ListCell *found;

	if (facts == NIL || id == NULL)
		return NULL;
	found = (const ListCell *) bsearch(id, facts->elements, list_length(facts), sizeof(ListCell), compare);
	return found == NULL ? NULL : lfirst(found);
}

void *
fact_by_uuid(const List *facts, const pg_uuid_t *id)
{
	return find_fact(facts, id, compare_uuids);
}

void *
fact_by_number(const List *facts, int64 id)
{
	return find_fact(facts, &id, compare_numbers);
}

/* ---- loading ---- */

/* The keys of all notifications as arguments of the loader's statement; false if there are none. */
static bool
collect_keys(const Batch *batch, const FactLoader *loader, NullableDatum *arguments)
{
	const Statement *find = &loader->find;
	Column	   *keys[STATEMENT_MAX_ARGUMENTS];
	ListCell   *cell;

	for (int i = 0; i < find->argument_count; i++)
		keys[i] = column_create(get_element_type(find->argument_types[i]), list_length(batch->notifications));
	foreach(cell, batch->notifications)
		loader->add_keys(batch, (const NotificationFacts *) lfirst(cell), keys);
	for (int i = 0; i < find->argument_count; i++)
	{
		if (keys[i]->count == 0)
			return false;
		arguments[i] = SQL_VALUE(column_array(keys[i]));
	}
	return true;
}

static void
take_rows(Batch *batch, const FactLoader *loader, uint64 rows)
{
	MemoryContext previous = MemoryContextSwitchTo(batch->context);

	for (uint64 n = 0; n < rows && !batch->is_over; n++)
		loader->take(batch, ROW(n));
	MemoryContextSwitchTo(previous);
}

void
batch_load(Batch *batch, FactLoader *loader)
{
	NullableDatum arguments[STATEMENT_MAX_ARGUMENTS];

	if (batch->is_over || !collect_keys(batch, loader, arguments))
		return;
	loader->find.is_read_only = !batch->is_current;
	take_rows(batch, loader, statement_run_nullable(&loader->find, arguments));
	statement_done();
}

/* ---- the budget ---- */

/* Bytes that a value costs besides its own. */
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
