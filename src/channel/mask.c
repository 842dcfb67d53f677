/*
 * mask.c
 *		Secrets out of foreign text.
 *
 * The other side of a transfer knows secrets and may repeat them: as they are, in
 * base64, or escaped for JSON, a URL, a form or HTML, also within one another,
 * and broken over lines. How much of a secret it escapes is its choice. So all
 * escapes in the text are decoded, of every kind at once, until none is left,
 * keeping for each byte where it came from. Each of these readings is searched
 * for the secrets, and what is found is struck out in the text itself.
 *
 * A secret that holds what looks like an escape is decoded with the text around
 * it. So it is searched for in its own readings, too.
 *
 * In base64 a secret has three forms, by its position in a group of three bytes.
 * Each form's middle does not depend on what surrounds the secret: it is searched
 * for, and the whole run of base64 around it is struck out.
 *
 * The text may be cut off, within a secret or an escape. So the beginning of a
 * secret at the end of a reading counts as the secret.
 *
 * A text that is escaped deeper than anybody writes, or takes more work than some
 * milliseconds for all secrets together, is struck out as a whole: the worker
 * must not be held up, and nothing unread goes into the log.
 */
#include "postgres.h"

#include "common/base64.h"

#include "channel/escape.h"
#include "channel/mask.h"
#include "channel/unescape.h"
#include "core/compat.h"

#define MASK "********"

/* Shorter secrets are not masked, nor are shorter beginnings: they may be any word. */
#define SHORTEST_SECRET 4

/* Of a beginning, decoded. As it is written it has no fewer bytes than a secret. */
#define SHORTEST_BEGINNING (SHORTEST_SECRET - 1)

/* Times that escapes are decoded. JSON in HTML in JSON takes three. */
#define DEEPEST 8

/* Bytes compared, of all readings with all secrets: some milliseconds. */
#define MOST_EFFORT (8 * 1024 * 1024)

/* One form of a secret. */
typedef struct Needle
{
	const char *bytes;
	int			length;
	bool		is_base64;
	bool		is_open;		/* a backslash that it lacks is part of the
								 * byte behind it */
} Needle;

/* Where a byte of a reading is in the text. */
typedef struct Span
{
	int			start;
	int			end;
} Span;

/* The text, or a secret, with its escapes decoded a number of times. */
typedef struct Reading
{
	char	   *bytes;
	int			length;
	Span	   *origins;		/* of each byte */
	int			depth;			/* times that escapes were decoded */
	bool		is_whole;		/* the text was not cut off */
} Reading;

typedef enum Mark
{
	MARK_NONE, MARK_FIRST, MARK_OTHER
}			Mark;

typedef struct Masking
{
	List	   *needles;
	int64		effort;			/* bytes compared */
	int			length;			/* of the text */
	char	   *marks;			/* a Mark for each byte of the text */
} Masking;

/*
 * Readings.
 */

static void
put(Reading *reading, char byte, Span origin)
{
	if (byte == '\r' || byte == '\n')
		return;
	reading->bytes[reading->length] = byte;
	reading->origins[reading->length++] = origin;
}

static Reading
first_reading(const char *text, bool is_whole)
{
	Reading		reading = {.is_whole = is_whole};

	reading.bytes = (char *) palloc(strlen(text) + 1);
	reading.origins = (Span *) palloc(sizeof(Span) * (strlen(text) + 1));
	for (int i = 0; text[i] != '\0'; i++)
		put(&reading, text[i], (Span) {i, i + 1});
	return reading;
}

static bool
begins_escape(char byte)
{
	return byte == '\\' || byte == '%' || byte == '&';
}

static bool
may_have_escapes(const Reading *reading)
{
	return memchr(reading->bytes, '\\', reading->length) != NULL ||
		memchr(reading->bytes, '%', reading->length) != NULL ||
		memchr(reading->bytes, '&', reading->length) != NULL;
}

/*
 * Decode each escape once, in place: none gets longer by it. True if that changed
 * the reading.
 */
static bool
decode(Reading *reading)
{
	int			before = reading->length;
	const char *end = reading->bytes + before;
	int			length;

	if (!may_have_escapes(reading))
		return false;
	reading->length = 0;
	for (int from = 0; from < before; from += length)
	{
		char		decoded[LONGEST_UNESCAPED + 1];
		int			count = 1;
		Span		origin = reading->origins[from];

		length = begins_escape(reading->bytes[from]) ?
			unescape(reading->bytes + from, end, decoded, &count) : 0;
		if (length == 0)
		{
			decoded[0] = reading->bytes[from];
			length = count = 1;
		}
		origin.end = reading->origins[from + length - 1].end;
		for (int i = 0; i < count; i++)
			put(reading, decoded[i], origin);
	}
	if (reading->length == before)
		return false;
	reading->depth++;
	return true;
}

/*
 * Finding.
 */

static bool
is_base64(char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
		(byte >= '0' && byte <= '9') || byte == '+' || byte == '/' || byte == '-' || byte == '_';
}

/* Do the bytes at index - 1 and `index` adjoin in the text, with no line break between? */
static bool
is_joined(const Reading *reading, int index)
{
	return reading->origins[index - 1].end == reading->origins[index].start;
}

/* Extend the range to the whole run of base64 around it. */
static void
extend_base64(const Reading *reading, int *first, int *last)
{
	while (*first > 0 && is_base64(reading->bytes[*first - 1]) && is_joined(reading, *first))
		(*first)--;
	while (*last < reading->length && is_base64(reading->bytes[*last]) && is_joined(reading, *last))
		(*last)++;
	while (*last < reading->length && reading->bytes[*last] == '=' && is_joined(reading, *last))
		(*last)++;
}

static void
mark_span(Masking *masking, int start, int end)
{
	if (masking->marks[start] == MARK_NONE)
		masking->marks[start] = MARK_FIRST;
	memset(masking->marks + start + 1, MARK_OTHER, end - start - 1);
}

/* Mark what was found, and return where that ends. */
static int
mark(Masking *masking, const Reading *reading, const Needle *needle, int first, int last)
{
	if (needle->is_base64)
		extend_base64(reading, &first, &last);
	if (needle->is_open && last < reading->length)
		last++;
	mark_span(masking, reading->origins[first].start, reading->origins[last - 1].end);
	return last;
}

/*
 * The longest beginning of the needle that ends with the byte, if the longest that
 * ends before it has `matched` bytes.
 */
static int
extend_beginning(const Needle *needle, const int *borders, int matched, char byte)
{
	while (matched > 0 && needle->bytes[matched] != byte)
		matched = borders[matched];
	return needle->bytes[matched] == byte ? matched + 1 : 0;
}

/*
 * For each beginning, by its length, the length of the longest shorter one that it
 * ends with: the table of Knuth, Morris and Pratt.
 */
static int *
find_borders(const Needle *needle)
{
	int		   *borders = (int *) palloc(sizeof(int) * (needle->length + 1));

	borders[0] = borders[1] = 0;
	for (int length = 2; length <= needle->length; length++)
		borders[length] = extend_beginning(needle, borders, borders[length - 1],
										   needle->bytes[length - 1]);
	return borders;
}

/* Does the reading end here, or may an escape that begins here be cut off? */
static bool
may_be_cut(const Reading *reading, int index)
{
	char		unescaped[LONGEST_UNESCAPED + 1];
	int			count;

	return index == reading->length ||
		(begins_escape(reading->bytes[index]) &&
		 unescape(reading->bytes + index, reading->bytes + reading->length, unescaped, &count) == 0);
}

/* Mark the beginning that ends at `end`, unless it is short. What follows is part of an escape, and masked with it. */
static void
mark_beginning(Masking *masking, const Reading *reading, const Needle *needle, int length, int end)
{
	int			start;

	if (length < SHORTEST_BEGINNING)
		return;
	start = reading->origins[end - length].start;
	if (reading->origins[end - 1].end - start < SHORTEST_SECRET)
		return;
	(void) mark(masking, reading, needle, end - length, end);
	if (end < reading->length)
		mark_span(masking, start, masking->length);
}

/* Mark beginnings at the very end, and before an escape that may be cut off. Takes as many steps as there are bytes. */
static void
find_beginnings(Masking *masking, const Reading *reading, const Needle *needle)
{
	int		   *borders = find_borders(needle);
	int			first_end = Max(reading->length - LONGEST_ESCAPE, 0);
	int			start = Max(first_end - needle->length, 0);
	int			matched = 0;

	masking->effort += needle->length + reading->length - start;
	for (int end = start; end <= reading->length; end++)
	{
		if (end > start)
			matched = extend_beginning(needle, borders, matched, reading->bytes[end - 1]);
		if (matched == needle->length)
			matched = borders[matched];
		if (end >= first_end && may_be_cut(reading, end))
			mark_beginning(masking, reading, needle, matched, end);
	}
	pfree(borders);
}

static void
find(Masking *masking, const Reading *reading, const Needle *needle)
{
	const char *end = reading->bytes + reading->length;
	const char *at = reading->bytes;

	masking->effort += reading->length;
	while ((at = memmem(at, end - at, needle->bytes, needle->length)) != NULL)
	{
		int			first = at - reading->bytes;

		at = reading->bytes + mark(masking, reading, needle, first, first + needle->length);
	}
	if (!reading->is_whole)
		find_beginnings(masking, reading, needle);
}

/*
 * What to search for.
 */

static List *
add_needle(List *needles, Needle needle)
{
	Needle	   *copy;

	if (needle.length < SHORTEST_SECRET)
		return needles;
	copy = (Needle *) palloc(sizeof(Needle));
	*copy = needle;
	return lappend(needles, copy);
}

/* A copy with one character replaced by another. */
static char *
with_replaced(const char *text, char from, char to)
{
	char	   *copy = pstrdup(text);

	for (char *c = copy; *c != '\0'; c++)
	{
		if (*c == from)
			*c = to;
	}
	return copy;
}

/* Its base64 where it begins `behind` bytes after a group of three, without letters that depend on other bytes. */
static List *
add_base64(List *needles, const char *secret, int behind)
{
	static const int mixed[] = {0, 2, 3};	/* letters that depend on what
											 * comes before */
	int			length = behind + strlen(secret);
	char	   *bytes = psprintf("%.*s%s", behind, "  ", secret);
	int			size = pg_b64_enc_len(length) + 1;
	char	   *letters = (char *) palloc0(size);
	char	   *other_letters;

	if (encode_base64(bytes, length, letters, size - 1) < 0)
		elog(ERROR, "could not encode a secret");
	letters[length * 8 / 6] = '\0';
	letters += mixed[behind];
	needles = add_needle(needles, (Needle) {letters, strlen(letters), .is_base64 = true});
	/* base64url */
	other_letters = with_replaced(with_replaced(letters, '+', '-'), '/', '_');
	if (strcmp(letters, other_letters) != 0)
		needles = add_needle(needles, (Needle) {other_letters, strlen(other_letters), .is_base64 = true});
	return needles;
}

static List *
add_all_base64(List *needles, const char *secret)
{
	for (int behind = 0; behind < 3; behind++)
		needles = add_base64(needles, secret, behind);
	return needles;
}

/*
 * A secret and its readings. Where it ends with a backslash, that may be taken for
 * the beginning of an escape with what follows.
 */
static List *
add_readings(List *needles, const char *secret)
{
	Reading		reading = first_reading(secret, true);

	do
	{
		int			length = reading.length;
		char	   *bytes = (char *) palloc(length + 1);

		memcpy(bytes, reading.bytes, length);
		needles = add_needle(needles, (Needle) {bytes, length});
		if (length > 0 && bytes[length - 1] == '\\')
			needles = add_needle(needles, (Needle) {bytes, length - 1, .is_open = true});
	} while (decode(&reading) && reading.depth <= DEEPEST);
	return needles;
}

static List *
add_secret(List *needles, const char *secret)
{
	StringInfoData url;

	if (strlen(secret) < SHORTEST_SECRET)
		return needles;
	needles = add_readings(needles, secret);
	/* Forms have + for a blank. */
	if (strchr(secret, ' ') != NULL)
		needles = add_readings(needles, with_replaced(secret, ' ', '+'));
	needles = add_all_base64(needles, secret);
	/* Basic authentication of OAuth2 clients encodes for URLs first. */
	initStringInfo(&url);
	append_url_encoded(&url, secret);
	return strcmp(url.data, secret) == 0 ? needles : add_all_base64(needles, url.data);
}

/*
 * The whole.
 */

/* Mark all secrets. False: there are too many escapes to tell. */
static bool
mark_secrets(Masking *masking, Reading *reading)
{
	do
	{
		ListCell   *cell;

		foreach(cell, masking->needles)
		{
			find(masking, reading, (const Needle *) lfirst(cell));
			if (masking->effort > MOST_EFFORT)
				return false;
		}
		if (reading->depth > DEEPEST)
			return false;
	} while (decode(reading));
	return true;
}

static char *
strike_out(const char *text, const char *marks)
{
	StringInfoData masked;

	initStringInfo(&masked);
	for (int i = 0; text[i] != '\0'; i++)
	{
		if (marks[i] == MARK_FIRST)
			appendStringInfoString(&masked, MASK);
		if (marks[i] == MARK_NONE)
			appendStringInfoChar(&masked, text[i]);
	}
	return masked.data;
}

char *
mask_secrets(const char *text, List *secrets, bool is_whole)
{
	Masking		masking = {0};
	Reading		reading;
	ListCell   *cell;

	/*
	 * Most answers are "ok": do not prepare all forms of the secrets for
	 * these.
	 */
	if (strlen(text) < SHORTEST_SECRET)
		return pstrdup(text);
	foreach(cell, secrets)
		masking.needles = add_secret(masking.needles, (const char *) lfirst(cell));
	if (masking.needles == NIL)
		return pstrdup(text);
	masking.length = strlen(text);
	masking.marks = (char *) palloc0(masking.length + 1);
	reading = first_reading(text, is_whole);
	if (!mark_secrets(&masking, &reading))
		return pstrdup(MASK);
	return strike_out(text, masking.marks);
}
