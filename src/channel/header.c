/*
 * header.c
 *		Headers of HTTP requests: which ones may be configured, and how they are
 *		passed to libcurl.
 */
#include "postgres.h"

#include "channel/header.h"
#include "core/encoding.h"
#include "core/text.h"

#define MAX_HEADER_LENGTH 4096

/* Headers that only appt or libcurl may set. */
static const char *const reserved_headers[] = {
	"connection", "content-length", "expect", "host", "keep-alive",
	"proxy-authorization", "proxy-connection", "te", "trailer",
	"transfer-encoding", "upgrade", "webhook-id", "webhook-signature",
	"webhook-timestamp", "x-signature", "x-signature-previous"
};

const char *
header_problem(const char *name, const char *value)
{
	if (name == NULL || name[0] == '\0' ||
		strspn(name, "!#$%&'*+-.^_`|~0123456789"
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(name))
		return "a header's name must consist of letters, digits and !#$%&'*+-.^_`|~";
	for (int i = 0; i < lengthof(reserved_headers); i++)
	{
		if (pg_strcasecmp(name, reserved_headers[i]) == 0)
			return "this header is set by appt itself";
	}
	if (value == NULL || !is_one_line(value))
		return "a header's value must not contain line breaks or other control characters";
	if (strlen(name) + strlen(value) > MAX_HEADER_LENGTH)
		return "a header must not be longer than 4096 bytes";
	return NULL;
}

bool
has_header(List *lines, const char *name)
{
	ListCell   *cell;
	size_t		length = strlen(name);

	foreach(cell, lines)
	{
		const char *line = lfirst(cell);

		if (pg_strncasecmp(line, name, length) == 0 &&
			(line[length] == ':' || line[length] == ';'))
			return true;
	}
	return false;
}

/* For a header without a value libcurl wants "Name;": "Name:" means not to send it. */
char *
header_line(const char *name, const char *value)
{
	if (value[strspn(value, " \t")] == '\0')
		return psprintf("%s;", name);
	return psprintf("%s: %s", name, value);
}

bool
add_headers(List **lines, List *headers, ComposeFailure *failure)
{
	ListCell   *cell;

	foreach(cell, headers)
	{
		const Header *header = lfirst(cell);
		const char *problem = header->value == NULL ? "the value of a secret header is not stored"
		: header_problem(header->name, header->value);
		char	   *value = problem ? NULL : encoding_to_utf8(header->value);

		if (value == NULL)
			return compose_failed(failure, REASON_BAD_CONFIGURATION,
								  problem ? problem : "a header's value is not valid text");
		if (!has_header(*lines, header->name))
			*lines = lappend(*lines, header_line(header->name, value));
	}
	return true;
}
