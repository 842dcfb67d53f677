/*
 * exact_context.c
 *		A memory context whose chunks the address sanitizer can tell apart.
 */
#include "postgres.h"

#include "nodes/memnodes.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "exact_context.h"

#ifdef CONTEXTS_MAY_BE_OWN

/* Before each chunk. pfree and repalloc find the context directly before the chunk. */
typedef struct ChunkHeader
{
	struct ChunkHeader *previous;
	struct ChunkHeader *next;
	Size		size;
	MemoryContext context;
} ChunkHeader;

typedef struct ExactContext
{
	MemoryContextData header;
	ChunkHeader *first;
} ExactContext;

StaticAssertDecl(sizeof(ChunkHeader) == MAXALIGN(sizeof(ChunkHeader)), "chunks must be aligned");

static ChunkHeader *
header_of(void *pointer)
{
	return (ChunkHeader *) pointer - 1;
}

static void *
add_chunk(MemoryContext context, ChunkHeader *chunk, Size size)
{
	ExactContext *exact = (ExactContext *) context;

	if (chunk == NULL)
		return NULL;
	chunk->previous = NULL;
	chunk->next = exact->first;
	if (chunk->next != NULL)
		chunk->next->previous = chunk;
	exact->first = chunk;
	chunk->size = size;
	chunk->context = context;
	context->mem_allocated += size;
	return chunk + 1;
}

static void
remove_chunk(MemoryContext context, ChunkHeader *chunk)
{
	if (chunk->previous != NULL)
		chunk->previous->next = chunk->next;
	else
		((ExactContext *) context)->first = chunk->next;
	if (chunk->next != NULL)
		chunk->next->previous = chunk->previous;
	context->mem_allocated -= chunk->size;
}

static void *
exact_alloc(MemoryContext context, Size size)
{
	return add_chunk(context, (ChunkHeader *) malloc(sizeof(ChunkHeader) + size), size);
}

static void
exact_free(MemoryContext context, void *pointer)
{
	remove_chunk(context, header_of(pointer));
	free(header_of(pointer));
}

static void *
exact_realloc(MemoryContext context, void *pointer, Size size)
{
	remove_chunk(context, header_of(pointer));
	return add_chunk(context, (ChunkHeader *) realloc(header_of(pointer), sizeof(ChunkHeader) + size), size);
}

static void
exact_reset(MemoryContext context)
{
	ExactContext *exact = (ExactContext *) context;
	ChunkHeader *chunk;

	while ((chunk = exact->first) != NULL)
	{
		exact->first = chunk->next;
		free(chunk);
	}
	context->mem_allocated = 0;
}

static void
exact_delete(MemoryContext context)
{
	exact_reset(context);
	free(context);
}

static Size
exact_chunk_space(MemoryContext context, void *pointer)
{
	return sizeof(ChunkHeader) + header_of(pointer)->size;
}

static bool
exact_is_empty(MemoryContext context)
{
	return ((ExactContext *) context)->first == NULL;
}

static void
exact_stats(MemoryContext context, MemoryStatsPrintFunc print, void *argument, MemoryContextCounters *totals,
			bool print_to_stderr)
{
	if (totals != NULL)
		totals->totalspace += context->mem_allocated;
}

#ifdef MEMORY_CONTEXT_CHECKING
static void
exact_check(MemoryContext context)
{
}
#endif

static const MemoryContextMethods exact_methods = {
	.alloc = exact_alloc,
	.free_p = exact_free,
	.realloc = exact_realloc,
	.reset = exact_reset,
	.delete_context = exact_delete,
	.get_chunk_space = exact_chunk_space,
	.is_empty = exact_is_empty,
	.stats = exact_stats,
#ifdef MEMORY_CONTEXT_CHECKING
	.check = exact_check
#endif
};

/* The server's functions accept only their own kinds of contexts. */
MemoryContext
exact_context_create(MemoryContext parent)
{
	ExactContext *context = (ExactContext *) malloc(sizeof(ExactContext));

	if (context == NULL)
		elog(ERROR, "out of memory");
	context->first = NULL;
	MemoryContextCreate(&context->header, T_AllocSetContext, &exact_methods, parent, "exact");
	return &context->header;
}

#else

MemoryContext
exact_context_create(MemoryContext parent)
{
	return AllocSetContextCreate(parent, "exact", ALLOCSET_SMALL_SIZES);
}

#endif
