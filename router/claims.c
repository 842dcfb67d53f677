/*
 * claims.c
 *		The claims of a token that tell where a call goes.
 *
 * They are read as appt reads them (core/call.c): only strings of the outermost
 * object count, of two members with one name the last, and text that is no JSON has no
 * members and raises no error.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"

#include "core/compat.h"
#include "router/claims.h"

/* The search for one member of a JSON object. */
typedef struct Wanted
{
	JsonLexContext *lex;
	const char *name;
	bool		is_next;		/* the present field is that member */
	char	   *value;
} Wanted;

static JsonCallbackResult
field_start(void *state, char *name, bool is_null)
{
	Wanted	   *wanted = (Wanted *) state;

	wanted->is_next = wanted->lex->lex_level == 1 && strcmp(name, wanted->name) == 0;
	if (wanted->is_next)
		wanted->value = NULL;
	return JSON_CONTINUE;
}

static JsonCallbackResult
scalar(void *state, char *token, JsonTokenType kind)
{
	Wanted	   *wanted = (Wanted *) state;

	if (wanted->is_next && wanted->lex->lex_level == 1 && kind == JSON_TOKEN_STRING)
		wanted->value = token;
	wanted->is_next = false;
	return JSON_CONTINUE;
}

char *
json_member(const char *text, const char *name)
{
	Wanted		wanted = {.name = name};
	JsonSemAction actions = {0};

	if (text == NULL || text[0] == '\0')
		return NULL;
	wanted.lex = create_json_lexer(pstrdup(text), strlen(text), GetDatabaseEncoding());
	actions.semstate = &wanted;
	actions.object_field_start = field_start;
	actions.scalar = scalar;
	return pg_parse_json(wanted.lex, &actions) == JSON_SUCCESS ? wanted.value : NULL;
}

static int
hexadecimal_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
uuid_from_text(const char *text, pg_uuid_t *uuid)
{
	int			digits = 0;

	if (text == NULL)
		return false;
	memset(uuid, 0, sizeof(*uuid));
	for (const char *c = text; *c != '\0'; c++)
	{
		int			digit = hexadecimal_digit(*c);

		if (*c == '-' || *c == '{' || *c == '}')
			continue;
		if (digit < 0 || digits >= 2 * UUID_LEN)
			return false;
		uuid->data[digits / 2] |= digits % 2 == 0 ? digit << 4 : digit;
		digits++;
	}
	return digits == 2 * UUID_LEN;
}

void
claims_read(Claims *claims, const char *text)
{
	claims->has_application = uuid_from_text(json_member(text, "application_id"), &claims->application_id);
	claims->has_organization = uuid_from_text(json_member(text, "organization_id"), &claims->organization_id);
}
