/*
 * json_scan.c
 *		Finding one value in text that may or may not be JSON.
 *
 * PostgreSQL's parser returns malformed JSON as an error code, but it is
 * recursive and raises an error when the stack is exhausted: deeply nested
 * text is not parsed. It also raises an error for an escaped character that
 * the database's encoding lacks, which is caught here. A value found before
 * the text becomes malformed counts, because long answers are cut off.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "core/compat.h"
#include "core/json_scan.h"

#define MAX_NESTING 64
#define MAX_STEPS 16
#define MAX_INDEX_DIGITS 6

/* A step from a value to one within it. */
typedef struct Step
{
	const char *name;			/* name of a member, not terminated; NULL: an
								 * element */
	size_t		length;
	int			index;
} Step;

typedef struct Scan
{
	int			step_count;
	Step		steps[MAX_STEPS];
	int			matched;		/* number of steps that lead to the present
								 * position */
	int			open;			/* depth of the present position */
	int			elements[MAX_STEPS];	/* elements so far of the array that
										 * the next step is in */
	char	   *found;
} Scan;

/* ---- paths ---- */

/* Parse "[12]"; returns the text after it, or NULL. */
static const char *
parse_index(const char *at, Step *step)
{
	size_t		digits = strspn(at + 1, "0123456789");

	if (digits == 0 || digits > MAX_INDEX_DIGITS || at[1 + digits] != ']')
		return NULL;
	step->name = NULL;
	step->index = atoi(at + 1);
	return at + digits + 2;
}

/* Parse a member's name, after a dot unless it is first; returns the text after it, or NULL. */
static const char *
parse_name(const char *at, bool is_first, Step *step)
{
	if (!is_first && *at++ != '.')
		return NULL;
	step->name = at;
	step->length = strcspn(at, ".[]");
	return step->length > 0 ? at + step->length : NULL;
}

static const char *
parse_path(const char *path, Scan *scan)
{
	const char *at = path;

	if (path[0] == '$' && (path[1] == '.' || path[1] == '['))
		at += path[1] == '.' ? 2 : 1;
	scan->step_count = 0;
	if (*at == '\0')
		return "a path to a value is empty";
	while (*at != '\0')
	{
		Step	   *step = &scan->steps[scan->step_count];

		if (scan->step_count == MAX_STEPS)
			return "a path to a value has more than 16 steps";
		at = *at == '[' ? parse_index(at, step) : parse_name(at, scan->step_count == 0, step);
		if (at == NULL)
			return "a path to a value must be like messages[0].status";
		scan->step_count++;
	}
	return NULL;
}

const char *
json_path_problem(const char *path)
{
	Scan		scan;

	return parse_path(path, &scan);
}

/* ---- callbacks of the parser ---- */

/* Is the position directly in the object or array that the next step is in? */
static bool
is_at_choice(const Scan *scan)
{
	return scan->open == scan->matched + 1 && scan->matched < scan->step_count;
}

static JsonCallbackResult
open_container(void *state)
{
	Scan	   *scan = state;

	scan->open++;
	if (is_at_choice(scan))
		scan->elements[scan->matched] = 0;
	return JSON_CONTINUE;
}

static JsonCallbackResult
close_container(void *state)
{
	((Scan *) state)->open--;
	return JSON_CONTINUE;
}

static JsonCallbackResult
begin_member(void *state, char *name, bool isnull)
{
	Scan	   *scan = state;
	const Step *step = &scan->steps[scan->matched];

	if (is_at_choice(scan) && step->name != NULL && strlen(name) == step->length &&
		memcmp(name, step->name, step->length) == 0)
		scan->matched++;
	return JSON_CONTINUE;
}

static JsonCallbackResult
begin_element(void *state, bool isnull)
{
	Scan	   *scan = state;
	const Step *step = &scan->steps[scan->matched];

	if (is_at_choice(scan) && scan->elements[scan->matched]++ == step->index &&
		step->name == NULL)
		scan->matched++;
	return JSON_CONTINUE;
}

/* End of a member or element: if it was chosen, the search is over. */
static JsonCallbackResult
end_choice(void *state, bool isnull)
{
	Scan	   *scan = state;

	if (scan->open == scan->matched)
		scan->matched--;
	return JSON_CONTINUE;
}

static JsonCallbackResult
end_member(void *state, char *name, bool isnull)
{
	return end_choice(state, isnull);
}

static JsonCallbackResult
read_scalar(void *state, char *value, JsonTokenType type)
{
	Scan	   *scan = state;

	if (scan->found == NULL && type != JSON_TOKEN_NULL &&
		scan->matched == scan->step_count && scan->open == scan->matched)
		scan->found = value;
	return JSON_CONTINUE;
}

/* ---- parsing ---- */

/* The position after the string that starts here. */
static const char *
skip_string(const char *at)
{
	for (at++; *at != '\0' && *at != '"'; at++)
		if (*at == '\\' && at[1] != '\0')
			at++;
	return *at == '"' ? at + 1 : at;
}

static bool
is_too_deep(const char *json)
{
	int			depth = 0;

	while (*json != '\0')
	{
		if (*json == '"')
		{
			json = skip_string(json);
			continue;
		}
		if (*json == '{' || *json == '[')
			depth++;
		else if (*json == '}' || *json == ']')
			depth--;
		if (depth > MAX_NESTING)
			return true;
		json++;
	}
	return false;
}

static JsonParseErrorType
parse(const char *json, Scan *scan)
{
	/*
	 * The text ends at the first byte that is not valid, as if it were cut
	 * off there.
	 */
	int			length = pg_encoding_verifymbstr(PG_UTF8, json, strlen(json));
	JsonSemAction actions = {
		.semstate = scan,
		.object_start = open_container,
		.object_end = close_container,
		.array_start = open_container,
		.array_end = close_container,
		.object_field_start = begin_member,
		.object_field_end = end_member,
		.array_element_start = begin_element,
		.array_element_end = end_choice,
		.scalar = read_scalar
	};
	MemoryContext context = CurrentMemoryContext;
	volatile JsonParseErrorType result = JSON_UNICODE_HIGH_ESCAPE;

	/* The parser holds only memory of this context. */
	PG_TRY();
	{
		result = pg_parse_json(create_json_lexer(unconstify(char *, json), length, PG_UTF8), &actions);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return result;
}

char *
json_scalar_at(const char *json, const char *path)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch;
	Scan		scan = {0};
	char	   *found = NULL;

	if (parse_path(path, &scan) != NULL || is_too_deep(json))
		return NULL;
	scratch = AllocSetContextCreate(caller, "appt JSON scan", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(scratch);
	(void) parse(json, &scan);
	MemoryContextSwitchTo(caller);
	if (scan.found != NULL)
		found = pstrdup(scan.found);
	MemoryContextDelete(scratch);
	return found;
}

bool
json_is_valid(const char *json)
{
	Scan		scan = {0};

	return !is_too_deep(json) &&
		pg_encoding_verifymbstr(PG_UTF8, json, strlen(json)) == strlen(json) &&
		parse(json, &scan) == JSON_SUCCESS;
}
