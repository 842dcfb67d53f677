/*
 * mustache_renderer.c
 *		Renders parsed templates with data.
 *
 * Rendering walks the array of nodes with a stack of contexts, which are values
 * inside the jsonb given, not copies.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "render/mustache_renderer.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

typedef struct Renderer
{
	const Mustache *m;
	bool		html;
	const DateFormat *dates;	/* NULL: no name is a date pattern */
	StringInfoData result;
	JsonbValue *contexts[MUSTACHE_MAX_DEPTH + 1];
	int			context_count;
	int			steps;
	char	   *error;			/* palloc'd sentence, or NULL */
} Renderer;

/* Count a node or an array's element; false if rendering must end. */
static bool
take_step(Renderer *renderer)
{
	CHECK_FOR_INTERRUPTS();
	if (renderer->error == NULL && ++renderer->steps > MUSTACHE_MAX_STEPS)
		renderer->error = psprintf("The template takes more than %d steps with this data.",
								   MUSTACHE_MAX_STEPS);
	return renderer->error == NULL;
}

static void
append(Renderer *renderer, const char *text, Size length)
{
	if (renderer->result.len + length > MUSTACHE_MAX_OUTPUT)
	{
		if (renderer->error == NULL)
			renderer->error = psprintf("The result is longer than %d bytes.",
									   MUSTACHE_MAX_OUTPUT);
		return;
	}
	appendBinaryStringInfo(&renderer->result, text, length);
}

static const char *
escape_of(char c)
{
	switch (c)
	{
		case '&':
			return "&amp;";
		case '<':
			return "&lt;";
		case '>':
			return "&gt;";
		case '"':
			return "&quot;";
		case '\'':
			return "&#39;";		/* it may quote an attribute */
		default:
			return NULL;
	}
}

static void
append_escaped(Renderer *renderer, const char *text, Size length)
{
	const char *end = text + length;
	const char *run = text;

	for (; text < end && renderer->error == NULL; text++)
	{
		const char *escape = escape_of(*text);

		if (escape)
		{
			append(renderer, run, text - run);
			append(renderer, escape, strlen(escape));
			run = text + 1;
		}
	}
	append(renderer, run, end - run);
}

static void
append_value_text(Renderer *renderer, const MustacheNode *node,
				  const char *text, Size length)
{
	if (renderer->html && node->kind == NODE_VALUE)
		append_escaped(renderer, text, length);
	else
		append(renderer, text, length);
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

static bool
is_array(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
}

static bool
lookup(const JsonbValue *object, const MustachePart *part, JsonbValue *value)
{
	return is_object(object) &&
		getKeyJsonValueFromContainer(object->val.binary.data,
									 part->text, part->length, value) != NULL;
}

/*
 * Resolve a name: its first part in the innermost context that has it, each
 * other part inside the value of the part before, and nowhere else.
 */
static bool
resolve(Renderer *renderer, const MustacheNode *node, JsonbValue *value)
{
	const MustachePart *parts = &renderer->m->parts[node->first_part];
	bool		found = false;

	if (node->part_count == 0)
	{
		*value = *renderer->contexts[renderer->context_count - 1];
		return true;
	}
	for (int i = renderer->context_count - 1; i >= 0 && !found; i--)
	{
		renderer->steps++;
		found = lookup(renderer->contexts[i], &parts[0], value);
	}
	for (int i = 1; i < node->part_count && found; i++)
	{
		JsonbValue	outer = *value;

		found = lookup(&outer, &parts[i], value);
	}
	return found;
}

static bool
is_truthy(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return false;
		case jbvBool:
			return value->val.boolean;
		case jbvString:
			return value->val.string.len > 0;
		case jbvBinary:
			return !is_array(value) ||
				JsonContainerSize(value->val.binary.data) > 0;
		default:
			return true;
	}
}

static void
render_date(Renderer *renderer, const MustacheNode *node)
{
	char	   *error = NULL;
	char	   *text = dates_format(renderer->dates->start_at, node->text,
									renderer->dates->timezone,
									renderer->dates->locale, &error);

	renderer->steps += MUSTACHE_STEPS_OF_DATE;
	if (text == NULL)
	{
		renderer->error = error;
		return;
	}
	append_value_text(renderer, node, text, strlen(text));
	pfree(text);
}

static void
render_value(Renderer *renderer, const MustacheNode *node)
{
	JsonbValue	value;
	char	   *text = NULL;

	if (!resolve(renderer, node, &value))
	{
		if (node->is_pattern && renderer->dates)
			render_date(renderer, node);
		return;
	}
	switch (value.type)
	{
		case jbvNull:
			return;
		case jbvString:
			append_value_text(renderer, node,
							  value.val.string.val, value.val.string.len);
			return;
		case jbvBool:
			text = pstrdup(value.val.boolean ? "true" : "false");
			break;
		case jbvNumeric:
			text = DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value.val.numeric)));
			break;
		case jbvBinary:
			text = JsonbToCString(NULL, value.val.binary.data,
								  value.val.binary.len);
			break;
		default:
			return;				/* no other type is stored in a jsonb */
	}
	append_value_text(renderer, node, text, strlen(text));
	pfree(text);
}

static void render_nodes(Renderer *renderer, int from, int to);

/* Render the inside of a section with one more context. */
static void
render_inside(Renderer *renderer, int section, JsonbValue *context)
{
	renderer->contexts[renderer->context_count++] = context;
	render_nodes(renderer, section + 1, renderer->m->nodes[section].end);
	renderer->contexts[--renderer->context_count] = NULL;
}

static void
render_section(Renderer *renderer, int section)
{
	const MustacheNode *node = &renderer->m->nodes[section];
	JsonbValue	value;
	bool		truthy = resolve(renderer, node, &value) && is_truthy(&value);

	if (node->kind == NODE_INVERTED)
	{
		if (!truthy)
			render_nodes(renderer, section + 1, node->end);
	}
	else if (truthy && is_array(&value))
	{
		JsonbContainer *array = value.val.binary.data;

		for (uint32 i = 0; i < JsonContainerSize(array) && take_step(renderer); i++)
		{
			JsonbValue *element = getIthJsonbValueFromContainer(array, i);

			render_inside(renderer, section, element);
			pfree(element);
		}
	}
	else if (truthy)
		render_inside(renderer, section, &value);
}

static void
render_nodes(Renderer *renderer, int from, int to)
{
	for (int i = from; i < to && take_step(renderer);)
	{
		const MustacheNode *node = &renderer->m->nodes[i];

		switch (node->kind)
		{
			case NODE_TEXT:
				append(renderer, node->text, node->length);
				i++;
				break;
			case NODE_VALUE:
			case NODE_RAW_VALUE:
				render_value(renderer, node);
				i++;
				break;
			case NODE_SECTION:
			case NODE_INVERTED:
				render_section(renderer, i);
				i = node->end;
				break;
		}
	}
}

/* data as a value; a jsonb may also be a scalar. */
static void
root_context(Jsonb *data, JsonbValue *root)
{
	if (JB_ROOT_IS_SCALAR(data))
		*root = *getIthJsonbValueFromContainer(&data->root, 0);
	else
	{
		root->type = jbvBinary;
		root->val.binary.data = &data->root;
		root->val.binary.len = VARSIZE(data) - VARHDRSZ;
	}
}

char *
mustache_render(const Mustache *m, Jsonb *data, bool html,
				const DateFormat *dates, char **error)
{
	Renderer	renderer;
	JsonbValue	root;

	root_context(data, &root);
	renderer.m = m;
	renderer.html = html;
	renderer.dates = dates;
	renderer.contexts[0] = &root;
	renderer.context_count = 1;
	renderer.steps = 0;
	renderer.error = NULL;
	initStringInfo(&renderer.result);

	render_nodes(&renderer, 0, m->node_count);
	if (renderer.error)
	{
		pfree(renderer.result.data);
		*error = renderer.error;
		return NULL;
	}
	/* Without the room to grow: it is kept until the message is delivered. */
	return (char *) repalloc(renderer.result.data, renderer.result.len + 1);
}
