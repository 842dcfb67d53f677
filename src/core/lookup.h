/*
 * lookup.h
 *		Looking up rows of a table of the extension by an index without a statement,
 *		where starting and running a plan is most of what a statement costs.
 *
 *	static const LookupSource participants = {
 *		"participant", "participant_pkey", {"application_id", "appointment_id"}, 2, {"id", "email"}
 *	};
 *	Lookup	   *lookup = lookup_begin(&participants, keys, 2, false);
 *
 *	while ((row = lookup_next(lookup)) != NULL)
 *		id = next_text(row);
 *	lookup_end(lookup);
 *
 * It always takes this index. Neither privileges nor row security are checked: it sees
 * what a statement of the owner would see.
 */
#ifndef APPT_LOOKUP_H
#define APPT_LOOKUP_H

#include "storage/itemptr.h"

#include "core/row.h"

#define LOOKUP_MAX_COLUMNS 32
#define LOOKUP_MAX_KEYS 3

typedef struct LookupSource
{
	const char *table;			/* in the schema appt */
	const char *index;			/* of the table, a B-tree */
	const char *keys[LOOKUP_MAX_KEYS];	/* the index's first columns by their
										 * names: of a CASE it is "case" */
	int			column_count;
	const char *columns[LOOKUP_MAX_COLUMNS];	/* of the rows; fastest in the
												 * order of the table */
} LookupSource;

typedef struct Lookup Lookup;

/*
 * as_seen: in the calling query's snapshot, for STABLE functions; else as they are
 * now. In CurrentMemoryContext, which must live until lookup_end.
 */
extern Lookup *lookup_open(const LookupSource *source, bool as_seen);

/*
 * Look for the rows with these values of the source's first `key_count` keys, as many
 * each time; of a partial index, for those that are in it. This is cheap if they are on
 * the pages that it read last. The keys must live until the next call, or lookup_end.
 */
extern void lookup_find(Lookup *lookup, const Datum *keys, int key_count);

/*
 * The same for the rows from these keys on: those with the same first keys, and the
 * last one or a greater. A lookup finds by one of the two.
 */
extern void lookup_find_from(Lookup *lookup, const Datum *keys, int key_count);

/* lookup_open, then lookup_find. */
extern Lookup *lookup_begin(const LookupSource *source, const Datum *keys, int key_count, bool as_seen);

/* The next row, in the order of the index; NULL after the last. It may be read until the next call. */
extern Row *lookup_next(Lookup *lookup);

/* Where the row is that lookup_next or lookup_row returned last. */
extern ItemPointerData lookup_place(const Lookup *lookup);

/* The row with these keys, which are unique, or NULL. */
extern Row *lookup_row(Lookup *lookup, const Datum *keys, int key_count);

/* The columns of the source in a row of its table that is a value; `row` points into it. */
extern void lookup_read_record(const LookupSource *source, Datum record, Row *row);

extern void lookup_end(Lookup *lookup);

#endif							/* APPT_LOOKUP_H */
