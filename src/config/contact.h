/*
 * contact.h
 *		The contact information of an application, which its customers see.
 */
#ifndef APPT_CONTACT_H
#define APPT_CONTACT_H

#include "utils/jsonb.h"

/*
 * Check {"name", "phone", "email", "url"}, each optional and text of one line; the
 * url is https, mailto or tel. 22023: anything else.
 */
extern void check_contact(Jsonb *contact);

#endif							/* APPT_CONTACT_H */
