/*
 * errors.c
 *		Raising appt's errors, all in the same form.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "core/errors.h"
#include "core/text.h"

void
report_not_found(const char *thing, const pg_uuid_t *id)
{
	report_text_not_found(thing, uuid_text(id));
}

void
report_text_not_found(const char *thing, const char *id)
{
	ereport(ERROR,
			(errcode(ERRCODE_APPT_NOT_FOUND),
			 errmsg("%s not found", thing),
			 errdetail("There is no %s \"%s\", or it is not yours.", thing, id)));
	pg_unreachable();
}

static char *format_detail(const char *format, va_list arguments) pg_attribute_printf(1, 0);

static char *
format_detail(const char *format, va_list arguments)
{
	StringInfoData detail;

	initStringInfo(&detail);
	for (;;)
	{
		va_list		copy;
		int			needed;

		va_copy(copy, arguments);
		needed = appendStringInfoVA(&detail, format, copy);
		va_end(copy);
		if (needed == 0)
			return detail.data;
		enlargeStringInfo(&detail, needed);
	}
}

/* In a function whose last named parameter is `detail`: format `text` with the arguments that follow. */
#define FORMAT_DETAIL(text) \
	do { \
		va_list		arguments; \
		va_start(arguments, detail); \
		(text) = format_detail(detail, arguments); \
		va_end(arguments); \
	} while (0)

void
report_invalid(const char *message, const char *detail,...)
{
	char	   *text;

	FORMAT_DETAIL(text);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_internal("%s", message),
			 errdetail_internal("%s", text)));
	pg_unreachable();
}

void
report_invalid_hint(const char *hint, const char *message, const char *detail,...)
{
	char	   *text;

	FORMAT_DETAIL(text);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_internal("%s", message),
			 errdetail_internal("%s", text),
			 errhint("%s", hint)));
	pg_unreachable();
}

/* "a, b, c" */
static char *
join_list(const char *const *list)
{
	StringInfoData joined;

	initStringInfo(&joined);
	for (const char *const *item = list; *item != NULL; item++)
		appendStringInfo(&joined, "%s%s", joined.len > 0 ? ", " : "", *item);
	return joined.data;
}

void
report_unlisted(const char *const *list, const char *message, const char *detail,...)
{
	char	   *text;

	FORMAT_DETAIL(text);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_internal("%s", message),
			 errdetail_internal("%s", text),
			 errhint("The known ones are: %s.", join_list(list))));
	pg_unreachable();
}

void
report_conflict(const char *message, const char *detail,...)
{
	char	   *text;

	FORMAT_DETAIL(text);
	ereport(ERROR,
			(errcode(ERRCODE_APPT_CONFLICT),
			 errmsg_internal("%s", message),
			 errdetail_internal("%s", text)));
	pg_unreachable();
}

void
hide_statement(void *unused)
{
	errhidestmt(true);
}
