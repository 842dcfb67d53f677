/*
 * flight_memory.h
 *		How much of the worker's memory messages in flight may take.
 *
 * The window counts messages of any size. Large messages also share a number of
 * bytes: a tenant may take four times as many as it leaves free, the same part
 * as of the window. Small messages are never held back, so the large messages of
 * one tenant do not delay the small ones of another.
 */
#ifndef APPT_FLIGHT_MEMORY_H
#define APPT_FLIGHT_MEMORY_H

#include "lib/ilist.h"
#include "utils/uuid.h"

/* The most bytes that one message may take, even alone. */
#define LARGEST_DELIVERY (8 * 1024 * 1024)

/* Must outlive the memory contexts of the messages. */
typedef struct FlightMemory
{
	dlist_head	large_messages;
} FlightMemory;

extern void flight_memory_init(FlightMemory *memory);

/* May a further message of that many bytes be in flight? */
extern bool flight_memory_admits(FlightMemory *memory, const pg_uuid_t *application_id, Size bytes);

/* A message of that many bytes is in flight until `context`, which owns it, is deleted. */
extern void flight_memory_take(FlightMemory *memory, MemoryContext context,
							   const pg_uuid_t *application_id, Size bytes);

#endif							/* APPT_FLIGHT_MEMORY_H */
