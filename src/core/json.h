/*
 * json.h
 *		Reading texts from jsonb, building objects, and writing texts.
 */
#ifndef APPT_JSON_H
#define APPT_JSON_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

/* Copies in CurrentMemoryContext; NULL if the value is absent or not text. */
extern char *json_text(const JsonbValue *value);
extern char *json_member_text(const JsonbContainer *object, const char *key);

/* The same; NULL also for a NULL jsonb, or if it is not an object. */
extern char *json_root_text(const Jsonb *jsonb, const char *key);

/* A member that is an object or array; NULL if there is none. */
extern Jsonb *json_root_jsonb(const Jsonb *jsonb, const char *key);

/* The boolean of this name; `otherwise` if there is none. */
extern bool json_root_bool(const Jsonb *jsonb, const char *key, bool otherwise);

/* Is there a member of this name, of any type? */
extern bool json_has_member(const Jsonb *jsonb, const char *key);

/* The number of this name; NULL if there is none. It points into the jsonb. */
extern Numeric json_root_numeric(const Jsonb *jsonb, const char *key);

/*
 * Have its numbers more than `most` bytes as text? A number of a few bytes, such as
 * 1e131071, may have 131,072 digits.
 */
extern bool json_numbers_exceed(const Jsonb *jsonb, Size most);

/* The texts of a string, number or boolean, or of all of those in an array: a List of char *. */
extern List *json_root_texts(const Jsonb *jsonb, const char *key);

/* Push the next text: a WJB_KEY, WJB_VALUE or WJB_ELEM. */
extern void json_push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text);

/* Push the next member of an object; a NULL text is null. */
extern void json_push_member(JsonbParseState **state, const char *key, const char *text);
extern void json_push_number(JsonbParseState **state, const char *key, int64 number);
extern void json_push_jsonb(JsonbParseState **state, const char *key, const Jsonb *jsonb);

/* Push the next member unless its text is NULL. */
extern void json_push_if_given(JsonbParseState **state, const char *key, const char *text);

/*
 * Append a text in quotes: what escape_json appends, but in a fraction of its time if
 * the text is long.
 */
extern void json_append_text(StringInfo json, const char *text);

extern Jsonb *json_empty_object(void);

/* The object without these members; `names` ends with NULL. */
extern Jsonb *json_without(const Jsonb *object, const char *const *keys);

#endif							/* APPT_JSON_H */
