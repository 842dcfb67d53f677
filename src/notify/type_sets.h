/*
 * type_sets.h
 *		Sets of notification types and of channels as parameters of statements.
 */
#ifndef APPT_TYPE_SETS_H
#define APPT_TYPE_SETS_H

#include "core/vocabulary.h"

/*
 * For a statement: is the type in this column one of that text[]? An expression, which
 * no index serves: since 17 one of all messages of an application would, and be read
 * whole where the table has no statistics yet.
 */
#define TYPE_IS_ONE_OF(column, types) column " || '' = ANY (" types ")"

/* Their codes as a text[], in CurrentMemoryContext. */
extern Datum type_codes(TypeSet types);

/* The set of the codes in a text[]; what is no code is left out. */
extern TypeSet types_of_codes(Datum codes);

/* The codes of channels, given as CHANNEL_BITs, as a text[] in CurrentMemoryContext. */
extern Datum channel_codes(int channels);

extern TypeSet types_by_telling(Telling telling);
extern TypeSet types_superseded_by(SupersedingEvent event);

#endif							/* APPT_TYPE_SETS_H */
