/*
 * flight_memory.h
 *		How much of the worker's memory the messages on their way may take.
 *
 * The window counts messages, whatever their size. Large messages also share a
 * number of bytes. Of these a tenant may take four times as many as it leaves
 * free, as it may of the window. Small messages are never held back, so the
 * large messages of one tenant do not delay the small ones of another.
 */
#ifndef APPT_FLIGHT_MEMORY_H
#define APPT_FLIGHT_MEMORY_H

#include "utils/uuid.h"

/* The most that one message may take, even alone. */
#define LARGEST_DELIVERY (8 * 1024 * 1024)

/* May a further message of that many bytes be on its way? */
extern bool flight_memory_admits(const pg_uuid_t *application_id, Size bytes);

/* It is on its way, until the memory context it lives in is deleted. */
extern void flight_memory_take(MemoryContext context, const pg_uuid_t *application_id, Size bytes);

#endif							/* APPT_FLIGHT_MEMORY_H */
