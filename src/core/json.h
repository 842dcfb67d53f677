/*
 * json.h
 *		Reading texts out of jsonb, and putting objects together.
 */
#ifndef APPT_JSON_H
#define APPT_JSON_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* Copies in CurrentMemoryContext; NULL for a value that is absent or no text. */
extern char *json_text(const JsonbValue *value);
extern char *json_member_text(const JsonbContainer *object, const char *key);

/* The same; NULL also without a jsonb, or if it is no object. */
extern char *json_root_text(const Jsonb *jsonb, const char *key);

/* A member that is itself an object or array; else NULL. */
extern Jsonb *json_root_jsonb(const Jsonb *jsonb, const char *key);

/* The boolean under a key, or the other if there is none. */
extern bool json_root_bool(const Jsonb *jsonb, const char *key, bool otherwise);

/* The texts of a string, number or boolean, or of all such in an array: a List of char *. */
extern List *json_root_texts(const Jsonb *jsonb, const char *key);

/* The next piece of what is being built: a WJB_KEY, WJB_VALUE or WJB_ELEM. */
extern void json_push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text);

/* An object's next member; a NULL text is null. */
extern void json_push_member(JsonbParseState **state, const char *key, const char *text);
extern void json_push_jsonb(JsonbParseState **state, const char *key, const Jsonb *jsonb);

extern Jsonb *json_empty_object(void);

/* The object without these members; the list ends with NULL. */
extern Jsonb *json_without(const Jsonb *object, const char *const *keys);

#endif							/* APPT_JSON_H */
