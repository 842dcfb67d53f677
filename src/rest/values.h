/*
 * values.h
 *		What clients of the compatible API send.
 */
#ifndef APPT_REST_VALUES_H
#define APPT_REST_VALUES_H

/*
 * The string that the text is as JSON, in CurrentMemoryContext; the text itself
 * if it is none. The text is valid in the database's encoding.
 */
extern char *plain_text(char *text);

#endif							/* APPT_REST_VALUES_H */
