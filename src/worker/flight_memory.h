/*
 * flight_memory.h
 *		How much of the worker's memory the messages on their way may take.
 *
 * The window counts messages, whatever their size. Those that are large share
 * a number of bytes besides, of which a tenant may have four times what it
 * leaves free, as it may of the window. What is light is never held back, so
 * no tenant's large messages cost another's ordinary ones anything.
 */
#ifndef APPT_FLIGHT_MEMORY_H
#define APPT_FLIGHT_MEMORY_H

#include "utils/uuid.h"

/* More than this one message can't take, even alone. */
#define LARGEST_DELIVERY (8 * 1024 * 1024)

/* May a message of that many bytes be on its way, too? */
extern bool flight_memory_admits(const pg_uuid_t *application_id, Size bytes);

/* It is on its way, until the memory context it lives in is deleted. */
extern void flight_memory_take(MemoryContext context, const pg_uuid_t *application_id, Size bytes);

#endif							/* APPT_FLIGHT_MEMORY_H */
