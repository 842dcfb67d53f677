/*
 * mustache_parser.c
 *		Parses templates.
 *
 * One pass over the text appends nodes and names.  The first mistake ends it,
 * with a sentence that names the line.
 */
#include "postgres.h"

#include "render/date_pattern.h"
#include "render/mustache_parser.h"

/* A section that is open while parsing. */
typedef struct OpenSection
{
	int			node;
	int			line;
	const char *name;
	const char *enclosing;		/* what MustacheName.section is inside it */
	bool		in_open_object;
} OpenSection;

typedef struct Parser
{
	Mustache   *m;
	const char *start;			/* of the text */
	const char *position;		/* end of what is in nodes */
	const char *counted;		/* end of what `line` counts */
	int			line;
	OpenSection open[MUSTACHE_MAX_DEPTH];
	int			depth;
	char	   *error;			/* palloc'd sentence, or NULL */
} Parser;

/* A tag in the text. */
typedef struct Tag
{
	char		kind;			/* one of # ^ / ! & { or 0 for {{name}} */
	const char *start;
	const char *end;			/* after its closing braces */
	const char *content;		/* without padding, not terminated */
	int			length;
} Tag;

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
add_node(Mustache *m, MustacheNodeKind kind)
{
	MustacheNode *node;

	m->nodes = grown(m->nodes, m->node_count, &m->node_space, sizeof(MustacheNode));
	node = &m->nodes[m->node_count++];
	memset(node, 0, sizeof(MustacheNode));
	node->kind = kind;
	return node;
}

static void
add_text(Mustache *m, const char *from, const char *to)
{
	MustacheNode *node;

	if (from == to)
		return;
	node = add_node(m, NODE_TEXT);
	node->text = from;
	node->length = to - from;
}

/* The number of the line that a position in the text is in. */
static int
line_of(Parser *parser, const char *position)
{
	for (; parser->counted < position; parser->counted++)
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

/* Is it the object of this name, or a name below it? */
static bool
is_within(const char *name, const char *object)
{
	size_t		length = strlen(object);

	return strncmp(name, object, length) == 0 && (name[length] == '\0' || name[length] == '.');
}

/* Is it, or is it in, an object with keys that the application chose, or the content of a report? */
static bool
is_open_object(const char *name)
{
	return is_within(name, "metadata") || is_within(name, "participant.metadata") || is_within(name, "payload") ||
		is_within(name, "report");
}

/* Split a name at its dots. */
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

		m->parts = grown(m->parts, m->part_count, &m->part_space, sizeof(MustachePart));
		m->parts[m->part_count].text = part;
		m->parts[m->part_count].length = length;
		m->part_count++;
		node->part_count++;
		if (part[length] == '\0')
			break;
		part += length + 1;
	}
}

/* Append a node, and its name to the list of names. */
static void
add_name(Parser *parser, MustacheNodeKind kind, const Tag *tag)
{
	Mustache   *m = parser->m;
	MustacheNode *node = add_node(m, kind);
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
	name->in_open_object = around && around->in_open_object;
	name->line = line_of(parser, tag->start);
}

static void
open_section(Parser *parser, const Tag *tag)
{
	Mustache   *m = parser->m;
	MustacheNodeKind kind = tag->kind == '#' ? NODE_SECTION : NODE_INVERTED;
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
	section->in_open_object = name->in_open_object ||
		(kind == NODE_SECTION && is_open_object(name->name));
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

/* Set the tag's kind; false and parser->error for tags that are not supported. */
static bool
read_kind(Parser *parser, Tag *tag)
{
	char		kind = tag->start[2];

	switch (kind)
	{
		case '>':
			parser->error = psprintf("Line %d has a partial ({{>), which is not supported.",
									 line_of(parser, tag->start));
			return false;
		case '<':
		case '$':
			parser->error = psprintf("Line %d has a tag of template inheritance ({{%c), which is not supported.",
									 line_of(parser, tag->start), kind);
			return false;
		case '=':
			parser->error = psprintf("Line %d sets delimiters ({{=), which is not supported.",
									 line_of(parser, tag->start));
			return false;
	}
	tag->kind = kind != '\0' && strchr("{#^/!&", kind) != NULL ? kind : 0;
	return true;
}

/* Read the tag that starts here; false and parser->error if it is not one. */
static bool
read_tag(Parser *parser, const char *start, Tag *tag)
{
	const char *closing;
	const char *content;
	const char *end;

	tag->start = start;
	if (!read_kind(parser, tag))
		return false;
	content = start + (tag->kind == 0 ? 2 : 3);
	closing = tag->kind == '{' ? "}}}" : "}}";
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

/* Does the tag have a valid name?  All but comments need one. */
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

		/* A brace or a line end: likely an earlier tag is not closed. */
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
 * Is the tag alone on its line (or lines)?  Then the whole line is removed from
 * the output: *from is set to its start and *to to the start of the next.  The
 * braces of an earlier tag on the line count as text.
 */
static bool
is_alone(const Parser *parser, const Tag *tag,
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

/* Append the text before a tag, and the tag. */
static void
parse_tag(Parser *parser, const Tag *tag)
{
	bool		is_value = tag->kind == 0 || tag->kind == '&' || tag->kind == '{';
	const char *from = tag->start;
	const char *to = tag->end;

	if (tag->kind != '!' && !tag_has_name(parser, tag))
		return;
	if (!is_value)
		(void) is_alone(parser, tag, &from, &to);
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

Mustache *
mustache_parse(const char *text, char **error)
{
	Size		length = strlen(text);
	Parser		parser = {.line = 1};

	if (length > MUSTACHE_MAX_TEMPLATE)
	{
		*error = psprintf("The template is longer than %d bytes.", MUSTACHE_MAX_TEMPLATE);
		return NULL;
	}
	parser.m = palloc0(sizeof(Mustache));
	parser.start = parser.position = parser.counted = text;
	parse_text(&parser, parser.start + length);
	*error = parser.error;
	return parser.error == NULL ? parser.m : NULL;
}
