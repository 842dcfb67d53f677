/*
 * flight_memory.c
 *		The list of the large messages in flight.
 *
 * A message is in the list from its claim until its memory is freed. A callback
 * of its memory context removes it, so no path that frees it can forget to.
 */
#include "postgres.h"

#include "worker/flight_memory.h"

/* Messages of up to this size are never held back, nor counted. */
#define LIGHT_BYTES (64 * 1024)

/* What all larger messages may take together. */
#define LARGE_BYTES (16 * 1024 * 1024)

/* A tenant may take this multiple of what it leaves free. */
#define TIMES_FREE 4

StaticAssertDecl(LARGEST_DELIVERY <= LARGE_BYTES / (TIMES_FREE + 1) * TIMES_FREE,
				 "the largest message must fit where there is no other");

typedef struct LargeMessage
{
	dlist_node	node;
	MemoryContextCallback callback;
	pg_uuid_t	application_id;
	Size		bytes;
} LargeMessage;

void
flight_memory_init(FlightMemory *memory)
{
	dlist_init(&memory->large_messages);
}

bool
flight_memory_admits(FlightMemory *memory, const pg_uuid_t *application_id, Size bytes)
{
	Size		all = bytes;
	Size		own = bytes;
	dlist_iter	iter;

	if (bytes <= LIGHT_BYTES)
		return true;
	dlist_foreach(iter, &memory->large_messages)
	{
		const LargeMessage *message = dlist_container(LargeMessage, node, iter.cur);

		all += message->bytes;
		if (memcmp(&message->application_id, application_id, UUID_LEN) == 0)
			own += message->bytes;
	}
	return all <= LARGE_BYTES && own <= TIMES_FREE * (LARGE_BYTES - all);
}

static void
give_back(void *argument)
{
	dlist_delete(&((LargeMessage *) argument)->node);
}

void
flight_memory_take(FlightMemory *memory, MemoryContext context,
				   const pg_uuid_t *application_id, Size bytes)
{
	LargeMessage *message;

	if (bytes <= LIGHT_BYTES)
		return;
	message = (LargeMessage *) MemoryContextAllocZero(context, sizeof(LargeMessage));
	message->application_id = *application_id;
	message->bytes = bytes;
	message->callback.func = give_back;
	message->callback.arg = message;
	MemoryContextRegisterResetCallback(context, &message->callback);
	dlist_push_tail(&memory->large_messages, &message->node);
}
