/*
 * type_sets.c
 *		Sets of notification types, by columns of the vocabulary.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "core/column.h"
#include "notify/type_sets.h"

Datum
type_codes(TypeSet types)
{
	Column	   *column = column_create(TEXTOID, NOTIFICATION_TYPES);

	for (int type = 0; type < NOTIFICATION_TYPES; type++)
		if (types & TYPE_BIT(type))
			column_add_text(column, notification_types[type].code);
	return column_array(column);
}

TypeSet
types_by_telling(Telling telling)
{
	TypeSet		types = 0;

	for (int type = 0; type < NOTIFICATION_TYPES; type++)
		if (notification_types[type].telling == telling)
			types |= TYPE_BIT(type);
	return types;
}

TypeSet
types_superseded_by(SupersedingEvent event)
{
	TypeSet		types = 0;

	for (int type = 0; type < NOTIFICATION_TYPES; type++)
		if (notification_types[type].superseded_by & EVENT_BIT(event))
			types |= TYPE_BIT(type);
	return types;
}
