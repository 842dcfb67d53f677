/*
 * person.h
 *		A person outside the application, known by an address: the rows that
 *		tell of it.
 */
#ifndef APPT_PERSON_H
#define APPT_PERSON_H

#include "core/call.h"
#include "core/column.h"
#include "core/statement.h"

/* Parameters of statements about a person, in this order. */
#define PERSON_PARAMETERS 8
#define PERSON_TYPES \
	{UUIDOID, TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID}

/* Words in lower case, with a blank around each: so a name is found in a text as a whole, whatever stands around it. */
#define WORDS_OF(text) "lower(' ' || btrim(regexp_replace(" text ", '[^[:alnum:]]+', ' ', 'g')) || ' ')"

/* In statements about a person: does the text hold one of its names? */
#define HOLDS_NAME(text) "EXISTS (SELECT FROM unnest($8) w (name) WHERE strpos(" WORDS_OF(text) ", w.name) > 0)"

/* The same of JSON, where escapes like \n are no part of a word. */
#define JSON_HOLDS_NAME(json) HOLDS_NAME("regexp_replace(" json "::text, '\\\\u[0-9a-f]{4}|\\\\.', ' ', 'g')")

typedef struct Person
{
	NullableDatum application_id;
	NullableDatum addresses;	/* $2: the one asked for, and the others of
								 * the same customers */
	NullableDatum appointment_ids;	/* $3 and $4: the customers, also those
									 * that were removed */
	NullableDatum participant_ids;
	NullableDatum notification_ids; /* $5: messages to the person */
	NullableDatum told_ids;		/* $6: messages to others that tell of it: all
								 * to users and subscribers, and those to
								 * other customers whose title has its name */
	NullableDatum event_ids;	/* $7: events about the person that users were
								 * told of */
	NullableDatum names;		/* $8: of the customers that are still there,
								 * as WORDS_OF; none of one letter */
} Person;

/*
 * The address in the forms in which rows may have it: as it is, in lower case, as its
 * channel stores and compares it. calling_code as in phone_normalize().
 */
extern void address_forms_add(Column *forms, const char *address, const char *calling_code);

/*
 * The arguments application_id and address of a function for admins. 22023: one is
 * missing. PT404: no such application of the caller's organization.
 */
extern Person person_of_arguments(const Caller *caller, FunctionCallInfo fcinfo);

/*
 * Find the customers, and lock their appointments if that is asked for; then what tells of them.
 * With locks: PT404 if the application is deleted meanwhile.
 */
extern void person_find(Person *person, bool is_locking);

/* Run a statement with the parameters above; the number of rows. */
extern uint64 person_run(Statement *statement, const Person *person);

/* Record in appt.change what a function did; counts are what it did it to. */
extern void person_record(const Person *person, const char *function, const Jsonb *counts);

#endif							/* APPT_PERSON_H */
