/*
 * date_pattern.h
 *		ICU date patterns, such as "dd-MM-yyyy", that templates may hold.
 *
 * Nothing here raises an error.
 */
#ifndef APPT_DATE_PATTERN_H
#define APPT_DATE_PATTERN_H

#define DATE_PATTERN_SIZE			65	/* bytes, with NUL */
#define DATE_PATTERN_OF_ZONE_SIZE	192 /* the same with a zone's name in it */

/*
 * Is the whole text an ICU date pattern that dates_format() takes?  It consists
 * of known pattern letters, in runs of a length that ICU gives a meaning, and of
 * space - / . , and : between them.  A word that a person could have meant as a
 * name is not a pattern.
 */
extern bool is_date_pattern(const char *text);

/* Does a valid pattern ask for the name or the offset of the timezone? */
extern bool date_pattern_has_zone(const char *pattern);

/*
 * Writes the pattern to use with a zone whose names must not be taken from ICU:
 * a name becomes an offset, and the identifier (VV) becomes the given text.
 * The identifier has fewer than 64 bytes and no apostrophe.
 */
extern void date_pattern_without_zone_names(const char *pattern, const char *identifier,
											char result[DATE_PATTERN_OF_ZONE_SIZE]);

#endif							/* APPT_DATE_PATTERN_H */
