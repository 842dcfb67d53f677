/*
 * observances.c
 *		What clocks show around an event.
 *
 * PostgreSQL finds only the next change of a zone's clocks after an instant, so
 * the last change before an event is found by walking up to it from a few years
 * before. Zones that still change do so within two years; for others the walk
 * begins further back.
 *
 * When clocks go back, the local times of an hour occur twice. RFC 5545 (3.3.5)
 * says that the first is meant, but some readers take the second (ical.js 2.2,
 * node-ical 0.26). Neither is written as local time: what was found is read back
 * as a receiver reads it and must give the same instants, and the next change
 * must not bring the same local times again.
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "render/observances.h"

/* How many years before an event its last change of clocks is searched. */
#define FIRST_LOOK 2
#define LAST_LOOK 64

static bool
name_observance(const pg_tz *zone, Observance *observance)
{
	const struct pg_tm *tm = pg_localtime(&observance->begins, zone);

	if (tm == NULL || tm->tm_zone == NULL)
		return false;
	strlcpy(observance->name, tm->tm_zone, sizeof(observance->name));
	return true;
}

/* The first change of the zone's clocks after an instant. */
static bool
next_change(const pg_tz *zone, pg_time_t after, Observance *change)
{
	long int	offset_from;
	long int	offset_to;
	int			was_daylight;
	int			is_daylight;

	if (pg_next_dst_boundary(&after, &offset_from, &was_daylight,
							 &change->begins, &offset_to, &is_daylight, zone) <= 0)
		return false;
	change->offset_from = offset_from;
	change->offset_to = offset_to;
	change->is_daylight = is_daylight != 0;
	return name_observance(zone, change);
}

/* The last change at or before an instant. */
static bool
last_change(const pg_tz *zone, pg_time_t at, Observance *change)
{
	bool		is_found = false;

	for (int years = FIRST_LOOK; years <= LAST_LOOK && !is_found; years *= 2)
	{
		pg_time_t	after = at - years * (pg_time_t) SECS_PER_YEAR;
		Observance	next;

		while (next_change(zone, after, &next) && next.begins <= at)
		{
			*change = next;
			after = next.begins;
			is_found = true;
		}
	}
	return is_found;
}

/* The observance of a zone without changes: it begins with the local year 1970. */
static bool
unchanging(const pg_tz *zone, pg_time_t at, Observance *observance)
{
	const struct pg_tm *tm = pg_localtime(&at, zone);

	if (tm == NULL)
		return false;
	observance->offset_from = observance->offset_to = tm->tm_gmtoff;
	observance->is_daylight = tm->tm_isdst > 0;
	observance->begins = -observance->offset_to;
	strlcpy(observance->name, tm->tm_zone ? tm->tm_zone : "", sizeof(observance->name));
	return true;
}

int
observances_offset(const Observances *observances, pg_time_t at)
{
	int			offset = observances->all[0].offset_to;

	for (int i = 1; i < observances->count; i++)
		if (observances->all[i].begins <= at)
			offset = observances->all[i].offset_to;
	return offset;
}

/* The instant as which a receiver reads a local time; both in seconds since 1970. */
static bool
read_local(const Observances *observances, pg_time_t local, pg_time_t *at)
{
	const Observance *observance = NULL;

	for (int i = 0; i < observances->count; i++)
		if (observances->all[i].begins + observances->all[i].offset_from <= local)
			observance = &observances->all[i];
	if (observance == NULL)
		return false;
	*at = local - observance->offset_to;
	return true;
}

/* Do clocks show the local time of an instant once more, after a change? */
static bool
is_shown_again(const pg_tz *zone, pg_time_t at)
{
	Observance	change;

	return next_change(zone, at, &change) &&
		at + change.offset_from >= change.begins + change.offset_to;
}

/* Does every receiver read the local time of an instant as this instant? */
static bool
is_unambiguous(const pg_tz *zone, const Observances *observances, pg_time_t at)
{
	pg_time_t	read = 0;

	return read_local(observances, at + observances_offset(observances, at), &read) &&
		read == at && !is_shown_again(zone, at);
}

bool
observances_find(const pg_tz *zone, pg_time_t start, pg_time_t end, Observances *found)
{
	Observance *first = &found->all[0];
	Observance *second = &found->all[1];

	found->count = 1;
	if (!last_change(zone, start, first) && !unchanging(zone, start, first))
		return false;
	if (last_change(zone, end, second) && second->begins > start)
		found->count = 2;
	else if (next_change(zone, end, second) && second->begins - end <= SECS_PER_YEAR)
		found->count = 2;
	return is_unambiguous(zone, found, start) && is_unambiguous(zone, found, end);
}
