/*
 * json_scan.h
 *		Finding one value in text that may or may not be JSON: an answer from
 *		outside, cut off, deeply nested.
 *
 * Raises no error except out of memory.
 */
#ifndef APPT_JSON_SCAN_H
#define APPT_JSON_SCAN_H

/*
 * A path lists members, and [n] for elements of arrays: messages[0].status; it
 * may start with "$.". Returns what is wrong with the path, or NULL.
 */
extern const char *json_path_problem(const char *path);

/*
 * The text of the string, number, true or false at a path, in UTF-8 and
 * CurrentMemoryContext. NULL if there is none, or if the text becomes
 * malformed before it. JSON and path are UTF-8.
 */
extern char *json_scalar_at(const char *json, const char *path);

extern bool json_is_valid(const char *json);

#endif							/* APPT_JSON_SCAN_H */
