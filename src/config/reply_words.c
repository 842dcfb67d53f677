/*
 * reply_words.c
 *		Words of text messages that always mean the same, and the codes and
 *		answers of rules beside them: what may be stored.
 *
 * Who wants no more messages must be able to say so in answer to any message, so
 * no rule can give these words another meaning.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "config/reply_words.h"
#include "core/errors.h"
#include "core/json.h"
#include "core/meeting_codes.h"
#include "core/text.h"
#include "render/mustache_parser.h"
#include "render/single_word.h"
#include "render/template_names.h"

PG_FUNCTION_INFO_V1(reply_codes_are_valid);
PG_FUNCTION_INFO_V1(auto_replies_are_valid);

/* Most codes of a rule. */
#define MAX_REPLY_CODES 20

/* In lower case, as single_word returns them. */
static const struct
{
	const char *word;
	ReservedMeaning meaning;
}			reserved_words[] = {
	{"stop", MEANS_OPT_OUT},
	{"stopall", MEANS_OPT_OUT},
	{"unsubscribe", MEANS_OPT_OUT},
	{"cancel", MEANS_OPT_OUT},
	{"end", MEANS_OPT_OUT},
	{"quit", MEANS_OPT_OUT},
	{"optout", MEANS_OPT_OUT},
	{"revoke", MEANS_OPT_OUT},
	{"start", MEANS_OPT_IN},
	{"unstop", MEANS_OPT_IN},
	{"help", MEANS_HELP},
	{"info", MEANS_HELP}
};

ReservedMeaning
reserved_meaning(const char *word)
{
	for (int i = 0; i < lengthof(reserved_words); i++)
		if (strcmp(reserved_words[i].word, word) == 0)
			return reserved_words[i].meaning;
	return MEANS_NOTHING;
}

/* The members of an object are read by next_member, which returns false at the end. 22023: it is none. */
static JsonbIterator *
open_object(Jsonb *object, const char *name)
{
	JsonbIterator *iterator;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(object))
		report_invalid("not a JSON object", "\"%s\" must be a JSON object.", name);
	iterator = JsonbIteratorInit(&object->root);
	(void) JsonbIteratorNext(&iterator, &value, true);
	return iterator;
}

static bool
next_member(JsonbIterator **iterator, char **key, JsonbValue *value)
{
	if (JsonbIteratorNext(iterator, value, true) != WJB_KEY)
		return false;
	*key = pnstrdup(value->val.string.val, value->val.string.len);
	(void) JsonbIteratorNext(iterator, value, true);
	return true;
}

char *
reply_code_action(const Jsonb *codes, const char *word)
{
	JsonbIterator *iterator;
	JsonbValue	value;
	char	   *key;

	if (codes == NULL || !JB_ROOT_IS_OBJECT(codes))
		return NULL;
	iterator = open_object(unconstify(Jsonb *, codes), "reply_codes");
	while (next_member(&iterator, &key, &value))
	{
		char	   *code = single_word(key);

		if (code != NULL && strcmp(code, word) == 0)
			return json_text(&value);
	}
	return NULL;
}

/* ---- what may be stored ---- */

static void
check_action(const char *code, const char *name)
{
	for (int i = 0; i < RESPONSE_ACTIONS; i++)
		if (code != NULL && strcmp(response_actions[i].code, code) == 0)
			return;
	report_unlisted(action_codes(), "unknown action", "\"%s\" has %s, which is no action.", name,
					code == NULL ? "a value that is no text" : psprintf("\"%s\"", quotable_text(code)));
}

/* Returns the word that is compared. */
static char *
check_reply_code(const char *code)
{
	char	   *word = single_word(code);

	if (word == NULL)
		report_invalid("a reply code is one word", "\"%s\" is not a word of at most %d letters and digits.",
					   quotable_text(code), SINGLE_WORD_MAX);
	if (reserved_meaning(word) != MEANS_NOTHING)
		report_invalid("this word cannot be a reply code", "\"%s\" always has its own meaning.", quotable_text(code));
	return word;
}

/*
 * appt.reply_codes_are_valid(reply_codes jsonb) -> boolean; 22023
 *
 * Words to actions, at most MAX_REPLY_CODES, no two of which are the same in an
 * answer.
 */
Datum
reply_codes_are_valid(PG_FUNCTION_ARGS)
{
	JsonbIterator *iterator = open_object(PG_GETARG_JSONB_P(0), "reply_codes");
	char	   *words[MAX_REPLY_CODES];
	int			count = 0;
	JsonbValue	value;
	char	   *key;

	while (next_member(&iterator, &key, &value))
	{
		if (count == MAX_REPLY_CODES)
			report_invalid("too many reply codes", "A rule has at most %d.", MAX_REPLY_CODES);
		words[count] = check_reply_code(key);
		for (int i = 0; i < count; i++)
			if (strcmp(words[i], words[count]) == 0)
				report_invalid("two reply codes are the same word", "\"%s\" is given twice.", words[count]);
		check_action(json_text(&value), "reply_codes");
		count++;
	}
	PG_RETURN_BOOL(true);
}

static void
check_reply_template(const char *action, const char *text)
{
	char	   *error = NULL;
	const Mustache *template;

	if (text == NULL || text[0] == '\0')
		report_invalid("an auto-reply is a template", "\"%s\" of \"auto_replies\" is no text, or empty.", action);
	template = mustache_parse(text, &error);
	if (template == NULL || !template_names_are_known(template, &error))
		report_invalid("template is not valid", "\"%s\" of \"auto_replies\": %s", action, error);
}

/* appt.auto_replies_are_valid(auto_replies jsonb) -> boolean; 22023: actions to templates */
Datum
auto_replies_are_valid(PG_FUNCTION_ARGS)
{
	JsonbIterator *iterator = open_object(PG_GETARG_JSONB_P(0), "auto_replies");
	JsonbValue	value;
	char	   *key;

	while (next_member(&iterator, &key, &value))
	{
		check_action(key, "auto_replies");
		check_reply_template(key, json_text(&value));
	}
	PG_RETURN_BOOL(true);
}
