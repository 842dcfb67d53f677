/*
 * random_input.h
 *		Random texts for what reads text from outside.
 */
#ifndef APPT_TEST_RANDOM_INPUT_H
#define APPT_TEST_RANDOM_INPUT_H

#include "common/pg_prng.h"

/* The longest text. */
#define RANDOM_INPUT_MAX 4096

/* A number from 0 to `sides` - 1. */
extern int	random_number(pg_prng_state *random, int sides);

/*
 * Put together of fragments (a list ended by NULL), single bytes, characters of
 * UTF-8, and pieces of itself that are repeated; without NUL. In
 * CurrentMemoryContext, of exactly the length that it has.
 */
extern char *random_input(pg_prng_state *random, const char *const *fragments);

/* A text with a few of its bytes changed, left out or added. */
extern char *random_change(pg_prng_state *random, const char *text);

#endif							/* APPT_TEST_RANDOM_INPUT_H */
