/*
 * overlap_index.h
 *		The indexes of appt.appointment that searches for overlaps read.
 */
#ifndef APPT_OVERLAP_INDEX_H
#define APPT_OVERLAP_INDEX_H

#include "utils/relcache.h"

typedef enum OverlapIndex
{
	OVERLAP_INDEX_SHORT, OVERLAP_INDEX_LONG, OVERLAP_INDEX_ORGANIZER
} OverlapIndex;

/* Column numbers in each index. */
enum
{
	SHORT_APPLICATION_ID = 1, SHORT_START_AT, SHORT_END_AT
};
enum
{
	LONG_APPLICATION_ID = 1, LONG_DURATION_CLASS, LONG_START_AT, LONG_END_AT
};
enum
{
	ORGANIZER_APPLICATION_ID = 1, ORGANIZER_ID, ORGANIZER_START_AT
};

/*
 * Open the index and lock it for reading; close it with index_close(). The
 * table is open and locked. 42704: no usable index.
 */
extern Relation overlap_index_open(Relation table, OverlapIndex index);

#endif							/* APPT_OVERLAP_INDEX_H */
