/*
 * type_sets.h
 *		Sets of notification types and of channels as parameters of statements.
 */
#ifndef APPT_TYPE_SETS_H
#define APPT_TYPE_SETS_H

#include "core/vocabulary.h"

/*
 * A condition for statements: the type in this column is one of a text[]. It is an
 * expression, so that no index serves it. Without statistics the planner of 17 would
 * otherwise read all messages of an application by an index that has the type.
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
