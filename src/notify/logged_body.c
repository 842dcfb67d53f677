/*
 * logged_body.c
 *		As much of a message's body as the log keeps.
 *
 * A body that was cut has between LOGGED_BODY_BYTES - MAX_MULTIBYTE_CHAR_LEN
 * and LOGGED_BODY_BYTES bytes, depending on where its last character ends. So a
 * shorter one is whole, and only such are logged as they are.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "notify/logged_body.h"

#define LOGGED_BODY_BYTES (256 * 1024)

bool
logged_body_is_whole(Size bytes)
{
	return bytes <= LOGGED_BODY_BYTES - MAX_MULTIBYTE_CHAR_LEN;
}

const char *
logged_body(const char *body)
{
	if (body == NULL || logged_body_is_whole(strlen(body)))
		return body;
	return pnstrdup(body, pg_mbcliplen(body, strlen(body), LOGGED_BODY_BYTES));
}
