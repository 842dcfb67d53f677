/*
 * facts_to_judge.h
 *		What judging needs to know of messages that are not planned yet.
 */
#ifndef APPT_FACTS_TO_JUDGE_H
#define APPT_FACTS_TO_JUDGE_H

#include "notify/facts.h"

/*
 * Complete the facts of messages of one application to customers, which are not
 * planned yet, by what judging needs, as it is now. The caller has set what their
 * rows will have, with ids from 1, the appointment, the recipient and the rule. What
 * only composing needs is not loaded: each type has built-in texts, so that no
 * template is missing.
 *
 * In CurrentMemoryContext, as the owner, with SPI connected.
 */
extern void facts_load_to_judge(List *facts);

#endif							/* APPT_FACTS_TO_JUDGE_H */
