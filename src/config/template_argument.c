/*
 * template_argument.c
 *		Templates that calls bring with them.
 */
#include "postgres.h"

#include "access/detoast.h"

#include "config/template_argument.h"
#include "core/arguments.h"
#include "core/errors.h"
#include "render/mustache_parser.h"
#include "render/template_names.h"

char *
template_argument(FunctionCallInfo fcinfo, int index, const char *name, bool names_are_closed)
{
	const Mustache *parsed;
	char	   *text;
	char	   *error = NULL;

	if (PG_ARGISNULL(index))
		return NULL;
	if (toast_raw_datum_size(PG_GETARG_DATUM(index)) - VARHDRSZ > MUSTACHE_MAX_TEMPLATE)
		report_invalid("an argument is too long", "\"%s\" has more than %d bytes.", name, MUSTACHE_MAX_TEMPLATE);
	text = text_argument(fcinfo, index);
	if (text[0] == '\0')
		return NULL;
	parsed = mustache_parse(text, &error);
	if (parsed == NULL || (names_are_closed && !template_names_are_known(parsed, &error)))
		report_invalid("template is not valid", "Argument \"%s\" has an error. %s", name, error);
	return text;
}
