/*
 * json_strings.c
 *		Strings in a text that may be a JSON object. The router's library has
 *		this file, too.
 *
 * One pass of the parser finds all that is wanted, without a jsonb.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"

#include "core/compat.h"
#include "core/json_strings.h"

typedef struct Search
{
	JsonLexContext *lex;
	JsonString *wanted;
	int			count;
	JsonString *next;			/* wanted, with the name of the present
								 * member; or NULL */
} Search;

static JsonCallbackResult
field_start(void *state, char *name, bool is_null)
{
	Search	   *search = (Search *) state;

	search->next = NULL;
	if (search->lex->lex_level != 1)
		return JSON_CONTINUE;
	for (int i = 0; i < search->count; i++)
		if (strcmp(name, search->wanted[i].name) == 0)
			search->next = &search->wanted[i];
	/* What an earlier member of this name had does not count. */
	if (search->next != NULL)
		search->next->value = NULL;
	return JSON_CONTINUE;
}

static JsonCallbackResult
scalar(void *state, char *token, JsonTokenType kind)
{
	Search	   *search = (Search *) state;

	if (search->next != NULL && search->lex->lex_level == 1 && kind == JSON_TOKEN_STRING)
		search->next->value = token;
	search->next = NULL;
	return JSON_CONTINUE;
}

static void
forget_values(JsonString *wanted, int count)
{
	for (int i = 0; i < count; i++)
		wanted[i].value = NULL;
}

void
find_json_strings(const char *text, JsonString *wanted, int count)
{
	Search		search = {.wanted = wanted, .count = count};
	JsonSemAction actions = {0};

	forget_values(wanted, count);
	if (text == NULL || text[0] == '\0')
		return;
	search.lex = create_json_lexer(pstrdup(text), strlen(text), GetDatabaseEncoding());
	actions.semstate = &search;
	actions.object_field_start = field_start;
	actions.scalar = scalar;
	if (pg_parse_json(search.lex, &actions) != JSON_SUCCESS)
		forget_values(wanted, count);
}

char *
json_string(const char *text, const char *name)
{
	JsonString	wanted = {.name = name};

	find_json_strings(text, &wanted, 1);
	return wanted.value;
}
