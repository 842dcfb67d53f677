/*
 * type_sets.c
 *		Sets of notification types and of channels, by columns of the vocabulary.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

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

Datum
channel_codes(int channels)
{
	Column	   *column = column_create(TEXTOID, CHANNELS);

	for (int channel = 0; channel < CHANNELS; channel++)
		if (channels & CHANNEL_BIT(channel))
			column_add_text(column, channel_infos[channel].code);
	return column_array(column);
}

TypeSet
types_of_codes(Datum codes)
{
	TypeSet		types = 0;
	NotificationType type;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(codes), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
		if (!nulls[i] && notification_type_from_code(TextDatumGetCString(elements[i]), &type))
			types |= TYPE_BIT(type);
	return types;
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
