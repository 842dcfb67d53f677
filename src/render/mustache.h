/*
 * mustache.h
 *		A parsed template: its nodes, and the names that it mentions.
 *
 * mustache_parser.h makes one, mustache_renderer.h renders it.
 */
#ifndef APPT_MUSTACHE_H
#define APPT_MUSTACHE_H

#define MUSTACHE_MAX_DEPTH		64	/* sections within each other */

typedef enum MustacheNodeKind
{
	NODE_TEXT,
	NODE_VALUE,					/* {{name}} */
	NODE_RAW_VALUE,				/* {{{name}}} and {{&name}} */
	NODE_SECTION,				/* {{#name}} */
	NODE_INVERTED				/* {{^name}} */
} MustacheNodeKind;

typedef struct MustacheNode
{
	MustacheNodeKind kind;
	bool		is_pattern;		/* of a value: could it be a date pattern? */
	int			end;			/* of a section: the index after its last node */
	int			first_part;		/* of a name: index of its first part */
	int			part_count;		/* of a name; 0 for ".", the implicit iterator */
	const char *text;			/* NODE_TEXT: not terminated; else the name */
	int			length;
} MustacheNode;

/* One part of a dotted name. */
typedef struct MustachePart
{
	const char *text;			/* not terminated */
	int			length;
} MustachePart;

/* One name in a template. */
typedef struct MustacheName
{
	const char *name;			/* as written, without the padding */
	bool		is_section;		/* {{#name}} or {{^name}} */
	const char *section;		/* innermost {{#section}} around it, or NULL */
	bool		in_open_object; /* is it inside a section of metadata, of
								 * payload or of a part of them? */
	int			line;			/* from 1 */
} MustacheName;

typedef struct Mustache
{
	MustacheNode *nodes;		/* in the order of the text */
	int			node_count;
	int			node_space;
	MustachePart *parts;
	int			part_count;
	int			part_space;
	MustacheName *names;		/* in the order of the text, with repetitions */
	int			name_count;
	int			name_space;
} Mustache;

/* Is this name, or one below it ("metadata" of "metadata.id"), mentioned? */
extern bool mustache_uses(const Mustache *m, const char *name);

#endif							/* APPT_MUSTACHE_H */
