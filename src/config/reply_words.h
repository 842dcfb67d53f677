/*
 * reply_words.h
 *		Words of text messages that always mean the same, and the codes of rules
 *		beside them.
 */
#ifndef APPT_REPLY_WORDS_H
#define APPT_REPLY_WORDS_H

#include "utils/jsonb.h"

/* What a word means whatever was sent before. */
typedef enum ReservedMeaning
{
	MEANS_NOTHING, MEANS_OPT_OUT, MEANS_OPT_IN, MEANS_HELP
} ReservedMeaning;

/* The meaning of a word in the form of single_word. Pure. */
extern ReservedMeaning reserved_meaning(const char *word);

/*
 * The action that a rule's reply_codes have for a word in the form of
 * single_word, in CurrentMemoryContext; NULL: none. NULL codes have none. Pure.
 */
extern char *reply_code_action(const Jsonb *codes, const char *word);

#endif							/* APPT_REPLY_WORDS_H */
