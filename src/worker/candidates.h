/*
 * candidates.h
 *		The notifications that a claim works on.
 */
#ifndef APPT_CANDIDATES_H
#define APPT_CANDIDATES_H

#include "worker/queue.h"
#include "worker/quotas.h"
#include "worker/suspects.h"

typedef struct Candidate
{
	QueueKey	key;			/* of its row in appt.due */
	LaneQuota  *quota;			/* that it was taken from */
} Candidate;

/* By notification id, in CurrentMemoryContext. */
typedef struct Candidates
{
	Candidate  *all;
	int			count;
} Candidates;

/*
 * From each lane what is due, as much as its quota allows, without what other
 * transactions have locked and without suspects. Each lane reads on after that. SPI
 * must be connected, as for candidates_take_suspect.
 */
extern Candidates candidates_take(const Quotas *quotas, Suspects *suspects);

/* One suspect that may be claimed now (suspects.h) and is due in one of these lanes, locked; none if there is none. */
extern Candidates candidates_take_suspect(const Quotas *quotas, Suspects *suspects);

/* NULL if it is not among the `count` candidates, which are in order. */
extern const Candidate *candidate_find(const Candidate *candidates, int count, int64 notification_id);

/* Leave it as it is: its lane reads on before it. */
extern void candidate_leave(const Candidate *candidate);

#endif							/* APPT_CANDIDATES_H */
