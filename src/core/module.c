/*
 * module.c
 *		What the library does when PostgreSQL loads it.
 */
#include "postgres.h"

#include "fmgr.h"

#include "core/settings.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	settings_define();
}
