/*-------------------------------------------------------------------------
 *
 * module.c
 *	  Entry of appt_test, the module that shows appt's inner functions to SQL.
 *
 * Pure functions (eligibility, backoff, signatures, templates, windows) are
 * tested by table: rows of arguments and expected results.  Each file in this
 * folder wraps those of one room as SQL functions; the .sql file of the same
 * name declares them.  Nothing here is ever installed beside the product.
 *
 * The module is linked against appt.so, so whatever is not static there can be
 * called.  Being a mere dependency of a library does not run appt's _PG_init,
 * so it is loaded properly first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	load_file("$libdir/appt", false);
}
