/*
 * segments.h
 *		How many parts a carrier makes of a text message, and charges.
 */
#ifndef APPT_SEGMENTS_H
#define APPT_SEGMENTS_H

/* At least 1, also for an empty text. The text is valid UTF-8. */
extern int	count_segments(const char *utf8);

#endif							/* APPT_SEGMENTS_H */
