/*
 * judge.h
 *		Decides what becomes of the candidates of a claim.
 */
#ifndef APPT_JUDGE_H
#define APPT_JUDGE_H

#include "nodes/pg_list.h"

#include "worker/candidates.h"
#include "worker/flight_memory.h"
#include "worker/unsent.h"

/* What becomes of them. */
typedef struct Judgement
{
	TimestampTz now;
	FlightMemory *flight_memory;
	MemoryContext staging;		/* owns the lists and is the parent of the
								 * deliveries; outlives the transaction */
	List	   *sending;		/* of Delivery *, by notification id */
	List	   *local;			/* of LocalMessage *, by notification id: to
								 * be delivered by the transaction */
	Size		composed;		/* bytes of both */
	List	   *to_activate;	/* of AppointmentKey *: before the message
								 * that activates them is sent */
	UnsentBatch *unsent;		/* the others; freed with the transaction */
} Judgement;

/*
 * Judge each candidate and compose the messages of those to be sent. Those that
 * do not fit into this claim are left as they are. SPI must be connected.
 */
extern void judge_candidates(Judgement *judgement, const Candidates *candidates);

#endif							/* APPT_JUDGE_H */
