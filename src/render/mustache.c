/*
 * mustache.c
 *		A parsed template.
 *
 * A template is parsed once into a flat array of nodes, in the order of the
 * text; a section knows the index after its last node, so that skipping it is
 * one jump.
 *
 * Whoever may save a template may save a hostile one, and the worker renders
 * it.  So everything that a template can cost is bounded: its size, the depth of
 * its sections (which is the depth of the recursion), the bytes of the result,
 * and the steps taken, because a few sections within each other over a long
 * array would take hours without writing a byte.  Exceeded bounds and bad syntax
 * are returned as a sentence, never raised: a bad template costs its own
 * message only.  Out of memory and a cancelled query are raised as usual;
 * nothing but palloc'd memory is held then.
 */
#include "postgres.h"

#include "render/mustache.h"

bool
mustache_uses(const Mustache *m, const char *name)
{
	Size		length = strlen(name);

	for (int i = 0; i < m->name_count; i++)
	{
		const char *mentioned = m->names[i].name;

		if (strncmp(mentioned, name, length) == 0 &&
			(mentioned[length] == '\0' || mentioned[length] == '.'))
			return true;
	}
	return false;
}
