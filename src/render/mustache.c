/*
 * mustache.c
 *		The template engine.
 *
 * A template is parsed once into a flat array of nodes, in the order of the
 * text; a section knows where its last node is, so that skipping it is one
 * jump.  Rendering walks the array with a stack of contexts, which are values
 * inside the jsonb given, not copies.
 *
 * What can fail is bounded, because anybody who may save a template may save a
 * hostile one, and the worker renders it: the size of the template, the depth
 * of its sections (which is the depth of the recursion), the bytes of the
 * result, and the steps taken, since a few sections within each other over a
 * long array would take for ever without writing a byte.  All these, and
 * bad syntax, are reported as a sentence, never raised: one bad template costs
 * its own message only.  Out of memory and a cancelled query are raised as
 * usual; nothing but palloc'd memory is held then.
 *
 * The cache gives every template a memory context of its own, so that evicting
 * one is a single delete.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "render/date_pattern.h"
#include "render/iso8601.h"
#include "render/mustache.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

/* The cache's bounds. */
#define CACHE_TEMPLATES			128
#define CACHE_TEMPLATES_KEPT	16	/* never evicted for the sake of bytes */
#define CACHE_BYTES				(8 * 1024 * 1024)
#define CACHE_BYTES_OF_ONE		(256 * 1024)

StaticAssertDecl(CACHE_TEMPLATES_KEPT * CACHE_BYTES_OF_ONE <= CACHE_BYTES,
				 "the templates always kept must fit into the cache");

typedef enum NodeKind
{
	NODE_TEXT,
	NODE_VALUE,					/* {{name}} */
	NODE_RAW_VALUE,				/* {{{name}}} and {{&name}} */
	NODE_SECTION,				/* {{#name}} */
	NODE_INVERTED				/* {{^name}} */
} NodeKind;

typedef struct MustacheNode
{
	NodeKind	kind;
	bool		is_pattern;		/* of a value: could it be a date pattern? */
	int			end;			/* of a section: the index after its last node */
	int			first_part;		/* of a name: its dotted parts; none of "." */
	int			part_count;
	const char *text;			/* NODE_TEXT: not terminated; else the name */
	int			length;
} MustacheNode;

/* One part of a dotted name. */
typedef struct Part
{
	const char *text;
	int			length;
} Part;

struct Mustache
{
	MustacheNode	   *nodes;
	int			node_count;
	int			node_space;
	Part	   *parts;
	int			part_count;
	int			part_space;
	MustacheName *names;
	int			name_count;
	int			name_space;
};

/* A section that is open while parsing. */
typedef struct OpenSection
{
	int			node;
	int			line;
	const char *name;
	const char *enclosing;		/* what MustacheName.section is inside it */
	bool		in_metadata;
} OpenSection;

typedef struct Parser
{
	Mustache   *m;
	const char *start;			/* of the text */
	const char *position;		/* up to here it is in nodes */
	const char *counted;		/* up to here its lines are counted */
	int			line;
	OpenSection open[MUSTACHE_MAX_DEPTH];
	int			depth;
	char	   *error;			/* palloc'd sentence, or NULL */
} Parser;

/* A tag as it stands in the text. */
typedef struct Tag
{
	char		kind;			/* one of # ^ / ! & { or 0 for {{name}} */
	const char *start;
	const char *end;			/* after its closing braces */
	const char *content;		/* without padding, not terminated */
	int			length;
} Tag;

typedef struct Renderer
{
	const Mustache *m;
	bool		html;
	const DateFormat *dates;	/* NULL if no name is a date pattern */
	TimestampTz start_at;		/* set if dates is */
	StringInfoData result;
	JsonbValue *contexts[MUSTACHE_MAX_DEPTH + 1];
	int			context_count;
	int			steps;
	char	   *error;			/* palloc'd sentence, or NULL */
} Renderer;

typedef struct CachedTemplate
{
	uint64		hash;
	uint64		last_used;
	char	   *text;
	Mustache   *m;
	MemoryContext context;
	Size		bytes;
} CachedTemplate;

static MemoryContext cache_context = NULL;
static CachedTemplate cache[CACHE_TEMPLATES];
static int	cache_count = 0;
static Size cache_bytes = 0;
static uint64 cache_clock = 0;

/* ---------- parsing ---------- */

/* Make room for one more element of an array that grows. */
static void *
grown(void *array, int count, int *space, Size element)
{
	if (count < *space)
		return array;
	*space = Max(*space * 2, 8);
	if (array == NULL)
		return palloc(*space * element);
	return repalloc(array, *space * element);
}

static MustacheNode *
add_node(Mustache *m, NodeKind kind)
{
	MustacheNode	   *node;

	m->nodes = grown(m->nodes, m->node_count, &m->node_space, sizeof(MustacheNode));
	node = &m->nodes[m->node_count++];
	memset(node, 0, sizeof(MustacheNode));
	node->kind = kind;
	return node;
}

static void
add_text(Mustache *m, const char *from, const char *to)
{
	MustacheNode	   *node;

	if (from == to)
		return;
	node = add_node(m, NODE_TEXT);
	node->text = from;
	node->length = to - from;
}

/* The number of the line that a place in the text is in. */
static int
line_of(Parser *parser, const char *place)
{
	for (; parser->counted < place; parser->counted++)
	{
		if (*parser->counted == '\n')
			parser->line++;
	}
	return parser->line;
}

static bool
is_padding(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Is it "metadata", "participant.metadata" or a name below one of them? */
static bool
is_metadata(const char *name)
{
	if (strncmp(name, "participant.", 12) == 0)
		name += 12;
	return strncmp(name, "metadata", 8) == 0 &&
		(name[8] == '\0' || name[8] == '.');
}

/* Split a name at its dots; "." itself, the implicit iterator, has no parts. */
static void
add_parts(Mustache *m, MustacheNode *node)
{
	const char *part = node->text;

	node->first_part = m->part_count;
	if (strcmp(part, ".") == 0)
		return;
	for (;;)
	{
		int			length = strcspn(part, ".");

		m->parts = grown(m->parts, m->part_count, &m->part_space, sizeof(Part));
		m->parts[m->part_count].text = part;
		m->parts[m->part_count].length = length;
		m->part_count++;
		node->part_count++;
		if (part[length] == '\0')
			break;
		part += length + 1;
	}
}

/* Append the node of a name, and the name to the list of names. */
static void
add_name(Parser *parser, NodeKind kind, const Tag *tag)
{
	Mustache   *m = parser->m;
	MustacheNode	   *node = add_node(m, kind);
	OpenSection *around = parser->depth > 0 ? &parser->open[parser->depth - 1] : NULL;
	MustacheName *name;

	node->text = pnstrdup(tag->content, tag->length);
	node->length = tag->length;
	node->is_pattern = (kind == NODE_VALUE || kind == NODE_RAW_VALUE) &&
		is_date_pattern(node->text);
	add_parts(m, node);

	m->names = grown(m->names, m->name_count, &m->name_space, sizeof(MustacheName));
	name = &m->names[m->name_count++];
	name->name = node->text;
	name->is_section = kind == NODE_SECTION || kind == NODE_INVERTED;
	name->section = around ? around->enclosing : NULL;
	name->in_metadata = around && around->in_metadata;
	name->line = line_of(parser, tag->start);
}

static void
open_section(Parser *parser, const Tag *tag)
{
	Mustache   *m = parser->m;
	NodeKind	kind = tag->kind == '#' ? NODE_SECTION : NODE_INVERTED;
	const MustacheName *name;
	OpenSection *section;

	if (parser->depth == MUSTACHE_MAX_DEPTH)
	{
		parser->error = psprintf("More than %d sections within each other in line %d.",
								 MUSTACHE_MAX_DEPTH, line_of(parser, tag->start));
		return;
	}
	add_name(parser, kind, tag);
	name = &m->names[m->name_count - 1];

	section = &parser->open[parser->depth++];
	section->node = m->node_count - 1;
	section->line = name->line;
	section->name = name->name;
	section->enclosing = kind == NODE_SECTION ? name->name : name->section;
	section->in_metadata = name->in_metadata ||
		(kind == NODE_SECTION && is_metadata(name->name));
}

static void
close_section(Parser *parser, const Tag *tag)
{
	OpenSection *section;

	if (parser->depth == 0)
	{
		parser->error = psprintf("Section \"%.*s\" is closed in line %d but was not opened.",
								 tag->length, tag->content,
								 line_of(parser, tag->start));
		return;
	}
	section = &parser->open[parser->depth - 1];
	if (strlen(section->name) != tag->length ||
		memcmp(section->name, tag->content, tag->length) != 0)
	{
		parser->error = psprintf("Section \"%s\" of line %d is still open where \"%.*s\" is closed in line %d.",
								 section->name, section->line,
								 tag->length, tag->content,
								 line_of(parser, tag->start));
		return;
	}
	parser->m->nodes[section->node].end = parser->m->node_count;
	parser->depth--;
}

/* Read the tag that starts here; false and parser->error if it is none. */
static bool
read_tag(Parser *parser, const char *start, Tag *tag)
{
	const char *closing = "}}";
	const char *content = start + 2;
	const char *end;

	tag->start = start;
	tag->kind = 0;
	switch (*content)
	{
		case '{':
			closing = "}}}";
			/* FALLTHROUGH */
		case '#':
		case '^':
		case '/':
		case '!':
		case '&':
			tag->kind = *content++;
			break;
		case '>':
			parser->error = psprintf("Line %d has a partial ({{>), which is not supported.",
									 line_of(parser, start));
			return false;
		case '<':
		case '$':
			parser->error = psprintf("Line %d has a tag of template inheritance ({{%c), which is not supported.",
									 line_of(parser, start), *content);
			return false;
		case '=':
			parser->error = psprintf("Line %d sets delimiters ({{=), which is not supported.",
									 line_of(parser, start));
			return false;
	}

	end = strstr(content, closing);
	if (end == NULL)
	{
		parser->error = psprintf("The tag in line %d is not closed.",
								 line_of(parser, start));
		return false;
	}
	tag->end = end + strlen(closing);
	while (content < end && is_padding(*content))
		content++;
	while (end > content && is_padding(end[-1]))
		end--;
	tag->content = content;
	tag->length = end - content;
	return true;
}

/* Is the tag's content a name, as everything but a comment needs? */
static bool
tag_has_name(Parser *parser, const Tag *tag)
{
	if (tag->length == 0)
	{
		parser->error = psprintf("The tag in line %d has no name.",
								 line_of(parser, tag->start));
		return false;
	}
	for (int i = 0; i < tag->length; i++)
	{
		unsigned char c = tag->content[i];

		/* Braces or a line's end: most likely a tag before was not closed. */
		if (c < ' ' || c == 0x7f || c == '{' || c == '}')
		{
			parser->error = psprintf("The tag in line %d is not closed, or its name has characters that no name has.",
									 line_of(parser, tag->start));
			return false;
		}
	}
	if (tag->length > MUSTACHE_MAX_NAME)
	{
		parser->error = psprintf("The name in line %d is longer than %d bytes.",
								 line_of(parser, tag->start), MUSTACHE_MAX_NAME);
		return false;
	}
	return true;
}

/*
 * Does the tag stand alone on its line (or lines)?  Then the whole line goes:
 * *from is set to its start and *to to the start of the next.  What precedes
 * on the line is looked up in the text, where the braces of an earlier tag
 * stop the search as any other character does.
 */
static bool
stands_alone(const Parser *parser, const Tag *tag,
			 const char **from, const char **to)
{
	const char *before = tag->start;
	const char *after = tag->end;

	while (before > parser->start && (before[-1] == ' ' || before[-1] == '\t'))
		before--;
	if (before > parser->start && before[-1] != '\n')
		return false;
	while (*after == ' ' || *after == '\t')
		after++;
	if (after[0] == '\r' && after[1] == '\n')
		after++;
	if (*after == '\n')
		after++;
	else if (*after != '\0')
		return false;
	*from = before;
	*to = after;
	return true;
}

/* Take the text before a tag, and the tag. */
static void
parse_tag(Parser *parser, const Tag *tag)
{
	bool		is_value = tag->kind == 0 || tag->kind == '&' || tag->kind == '{';
	const char *from = tag->start;
	const char *to = tag->end;

	if (tag->kind != '!' && !tag_has_name(parser, tag))
		return;
	if (!is_value)
		(void) stands_alone(parser, tag, &from, &to);
	add_text(parser->m, parser->position, from);
	parser->position = to;

	if (tag->kind == '#' || tag->kind == '^')
		open_section(parser, tag);
	else if (tag->kind == '/')
		close_section(parser, tag);
	else if (is_value)
		add_name(parser, tag->kind == 0 ? NODE_VALUE : NODE_RAW_VALUE, tag);
}

static void
parse_text(Parser *parser, const char *end)
{
	const char *start;
	Tag			tag;

	while ((start = strstr(parser->position, "{{")) != NULL)
	{
		if (!read_tag(parser, start, &tag))
			return;
		parse_tag(parser, &tag);
		if (parser->error)
			return;
	}
	add_text(parser->m, parser->position, end);
	if (parser->depth > 0)
	{
		OpenSection *section = &parser->open[parser->depth - 1];

		parser->error = psprintf("Section \"%s\" of line %d is not closed.",
								 section->name, section->line);
	}
}

/* Parse a text that must live as long as the result. */
static Mustache *
parse_kept_text(const char *text, Size length, char **error)
{
	Parser		parser;

	parser.m = palloc0(sizeof(Mustache));
	parser.start = parser.position = parser.counted = text;
	parser.line = 1;
	parser.depth = 0;
	parser.error = NULL;
	parse_text(&parser, text + length);
	if (parser.error)
	{
		*error = parser.error;
		return NULL;
	}
	return parser.m;
}

static bool
template_has_size(Size length, char **error)
{
	if (length <= MUSTACHE_MAX_TEMPLATE)
		return true;
	*error = psprintf("The template is longer than %d bytes.", MUSTACHE_MAX_TEMPLATE);
	return false;
}

Mustache *
mustache_parse(const char *text, char **error)
{
	Size		length = strlen(text);

	if (!template_has_size(length, error))
		return NULL;
	return parse_kept_text(pnstrdup(text, length), length, error);
}

/* ---------- the cache ---------- */

static CachedTemplate *
cache_find(uint64 hash, const char *text)
{
	for (int i = 0; i < cache_count; i++)
	{
		if (cache[i].hash == hash && strcmp(cache[i].text, text) == 0)
			return &cache[i];
	}
	return NULL;
}

static void
cache_evict_oldest(void)
{
	int			oldest = 0;
	MemoryContext context;

	for (int i = 1; i < cache_count; i++)
	{
		if (cache[i].last_used < cache[oldest].last_used)
			oldest = i;
	}
	context = cache[oldest].context;
	cache_bytes -= cache[oldest].bytes;
	cache[oldest] = cache[--cache_count];
	MemoryContextDelete(context);
}

/* Keep a parsed template, if it isn't too large, and make room for it. */
static void
cache_keep(const CachedTemplate *template)
{
	if (template->bytes > CACHE_BYTES_OF_ONE)
		return;
	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext,
											  "appt templates",
											  ALLOCSET_SMALL_SIZES);
	while (cache_count == CACHE_TEMPLATES ||
		   (cache_count > CACHE_TEMPLATES_KEPT &&
			cache_bytes + template->bytes > CACHE_BYTES))
		cache_evict_oldest();
	MemoryContextSetParent(template->context, cache_context);
	cache[cache_count++] = *template;
	cache_bytes += template->bytes;
}

const Mustache *
mustache_parse_cached(const char *text, char **error)
{
	MemoryContext caller = CurrentMemoryContext;
	Size		length = strlen(text);
	CachedTemplate *found;
	CachedTemplate fresh;
	char	   *parse_error = NULL;

	if (!template_has_size(length, error))
		return NULL;
	fresh.hash = hash_bytes_extended((const unsigned char *) text, length, 0);
	fresh.last_used = ++cache_clock;
	found = cache_find(fresh.hash, text);
	if (found)
	{
		found->last_used = fresh.last_used;
		return found->m;
	}

	fresh.context = AllocSetContextCreate(caller, "appt template",
										  ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(fresh.context);
	fresh.text = pnstrdup(text, length);
	fresh.m = parse_kept_text(fresh.text, length, &parse_error);
	MemoryContextSwitchTo(caller);
	if (fresh.m == NULL)
	{
		*error = pstrdup(parse_error);
		MemoryContextDelete(fresh.context);
		return NULL;
	}
	fresh.bytes = MemoryContextMemAllocated(fresh.context, true);
	cache_keep(&fresh);
	return fresh.m;
}

/* ---------- what a template mentions ---------- */

bool
mustache_uses(const Mustache *m, const char *name)
{
	Size		length = strlen(name);

	for (int i = 0; i < m->name_count; i++)
	{
		const char *mentioned = m->names[i].name;

		if (strncmp(mentioned, name, length) == 0 &&
			(mentioned[length] == '\0' || mentioned[length] == '.'))
			return true;
	}
	return false;
}

int
mustache_name_count(const Mustache *m)
{
	return m->name_count;
}

const MustacheName *
mustache_name(const Mustache *m, int i)
{
	Assert(i >= 0 && i < m->name_count);
	return &m->names[i];
}

/* ---------- rendering ---------- */

/* Count a node or an element; false where rendering is over. */
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
			return "&#39;";		/* an attribute may be quoted with it */
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
lookup(const JsonbValue *object, const Part *part, JsonbValue *value)
{
	return is_object(object) &&
		getKeyJsonValueFromContainer(object->val.binary.data,
									 part->text, part->length, value) != NULL;
}

/*
 * Resolve a name: its first part in the innermost context that has it, the
 * others inside what that gave and nowhere else.
 */
static bool
resolve(Renderer *renderer, const MustacheNode *node, JsonbValue *value)
{
	const Part *parts = &renderer->m->parts[node->first_part];
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
	char	   *text = dates_format(renderer->start_at, node->text,
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

/* Render the inside of a section with a value atop the context stack. */
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

/* The whole of data as a value: a jsonb may also be a mere scalar. */
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

/*
 * Take start_at out of data, if it is there: only then are there dates.  What
 * can't be an instant is an error even where no date is asked for, so that it
 * is found on the first message and not on the one that needs it.
 */
static bool
take_start_at(Renderer *renderer, const JsonbValue *root, const DateFormat *dates)
{
	static const Part start_at = {"start_at", 8};
	JsonbValue	value;
	char	   *text;
	char	   *error = NULL;

	if (dates == NULL || !lookup(root, &start_at, &value) ||
		value.type == jbvNull)
		return true;
	if (value.type != jbvString)
	{
		renderer->error = pstrdup("start_at is not a text.");
		return false;
	}
	text = pnstrdup(value.val.string.val, value.val.string.len);
	if (!iso8601_parse(text, dates->timezone, &renderer->start_at, &error))
	{
		renderer->error = psprintf("start_at: %s", error);
		return false;
	}
	pfree(text);
	renderer->dates = dates;
	return true;
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
	renderer.dates = NULL;
	renderer.contexts[0] = &root;
	renderer.context_count = 1;
	renderer.steps = 0;
	renderer.error = NULL;
	initStringInfo(&renderer.result);

	if (take_start_at(&renderer, &root, dates))
		render_nodes(&renderer, 0, m->node_count);
	if (renderer.error)
	{
		pfree(renderer.result.data);
		*error = renderer.error;
		return NULL;
	}
	/* It is kept for as long as the message is on its way: without the room to grow. */
	return (char *) repalloc(renderer.result.data, renderer.result.len + 1);
}
