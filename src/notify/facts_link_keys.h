/*
 * facts_link_keys.h
 *		Facts about the keys of the tokens in links.
 */
#ifndef APPT_FACTS_LINK_KEYS_H
#define APPT_FACTS_LINK_KEYS_H

#include "notify/facts_batch.h"

/*
 * Sets `link_key` of each application that a message of the batch has links of.
 * A key that is missing is made, unless the batch shows what a query sees.
 */
extern void load_link_keys(Batch *batch);

#endif							/* APPT_FACTS_LINK_KEYS_H */
