/*
 * json_scan.h
 *		One value out of JSON text that may be anything: an answer from
 *		outside, cut off, deeply nested, or no JSON at all.
 *
 * Nothing here raises an error but for want of memory.
 */
#ifndef APPT_JSON_SCAN_H
#define APPT_JSON_SCAN_H

/*
 * A path names the members on the way to a value, [n] the elements of arrays:
 * messages[0].status; "$." may stand before. NULL, or what is wrong with one.
 */
extern const char *json_path_problem(const char *path);

/*
 * The text of the string, number, true or false at a path, UTF-8 in
 * CurrentMemoryContext. NULL if there is none, or if the text ceases to be
 * JSON before it. The JSON and the path are UTF-8.
 */
extern char *json_scalar_at(const char *json, const char *path);

extern bool json_is_valid(const char *json);

#endif							/* APPT_JSON_SCAN_H */
