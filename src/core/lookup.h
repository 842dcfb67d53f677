/*
 * lookup.h
 *		Looking up rows of a table of the extension by an index without a statement:
 *		for few rows, where starting a plan is most of what a statement costs.
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

#include "core/row.h"

#define LOOKUP_MAX_COLUMNS 12
#define LOOKUP_MAX_KEYS 2

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
 * Look for the rows with these values of the source's first `key_count` keys; of a
 * partial index, for those that are in it. as_seen: in the calling query's snapshot,
 * for STABLE functions; else as they are now. In CurrentMemoryContext, which must live
 * until lookup_end.
 */
extern Lookup *lookup_begin(const LookupSource *source, const Datum *keys, int key_count, bool as_seen);

/*
 * The same for the rows from these keys on: those with the same first keys, and the
 * last one or a greater. lookup_move goes to other keys: on the same pages that is
 * cheap. The keys must live until the next lookup_move or lookup_end.
 */
extern Lookup *lookup_begin_from(const LookupSource *source, const Datum *keys, int key_count, bool as_seen);
extern void lookup_move(Lookup *lookup, const Datum *keys);

/* The next row, in the order of the index; NULL after the last. It may be read until the next call. */
extern Row *lookup_next(Lookup *lookup);

extern void lookup_end(Lookup *lookup);

#endif							/* APPT_LOOKUP_H */
