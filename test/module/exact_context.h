/*
 * exact_context.h
 *		A memory context whose chunks the address sanitizer can tell apart.
 *
 * PostgreSQL's contexts cut chunks from large blocks, so the sanitizer sees
 * neither a byte that is read beyond the end of one nor the use of one that was
 * freed. Here each chunk is an allocation of its own, of exactly its size.
 */
#ifndef APPT_TEST_EXACT_CONTEXT_H
#define APPT_TEST_EXACT_CONTEXT_H

#include "utils/palloc.h"

extern MemoryContext exact_context_create(MemoryContext parent);

#endif							/* APPT_TEST_EXACT_CONTEXT_H */
