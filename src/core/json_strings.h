/*
 * json_strings.h
 *		Strings in a text that may be a JSON object: claims of a token, headers
 *		of a request.
 */
#ifndef APPT_JSON_STRINGS_H
#define APPT_JSON_STRINGS_H

typedef struct JsonString
{
	const char *name;
	char	   *value;			/* in CurrentMemoryContext; NULL: there is
								 * none */
} JsonString;

/*
 * Finds the values of the names among the members of the outermost object.
 * Only strings count; of several members with one name the last one does, of
 * whatever type. A text that is NULL or no JSON has no members and raises no
 * error.
 */
extern void find_json_strings(const char *text, JsonString *wanted, int count);

/* The value of one name. */
extern char *json_string(const char *text, const char *name);

#endif							/* APPT_JSON_STRINGS_H */
