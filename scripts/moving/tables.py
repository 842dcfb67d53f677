"""The tables that have rows of a tenant, as the catalog tells, and how their rows are brought over.

A table is read again and again until little has changed meanwhile: since a transaction id, rows have changed whose xmin is not
older. A row that is gone shows in the number of rows.
"""

import psycopg2

from moving.database import carry

CATALOG = """
SELECT c.oid::regclass::text, c.relname, CASE c.relname WHEN 'application' THEN 'id' ELSE 'application_id' END,
	(SELECT array_agg(quote_ident(a.attname) ORDER BY k.number)
		FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, number)
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
		WHERE i.indrelid = c.oid AND i.indisprimary),
	array_agg(quote_ident(a.attname) ORDER BY a.attnum) FILTER (WHERE a.attgenerated = ''),
	array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) FILTER (WHERE a.attgenerated = '')
FROM pg_extension e
	JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
	JOIN pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'p')
	JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE e.extname = 'appt'
GROUP BY c.oid, c.relname
HAVING c.relname = 'application' OR bool_or(a.attname = 'application_id')
ORDER BY c.relname
"""

IS_CHANGED = "age(t.xmin) <= age(%s::xid8::xid)"

# Written by a transaction of the mover at the target (Database.mark) and not changed since, by whichever transaction.
IS_BROUGHT = "t.xmin IN (SELECT b.xmin FROM appt_move.brought b WHERE b.application_id = %s)"


class Table:
    def __init__(self, name, short_name, owner, key, columns, types):
        self.name, self.short_name, self.owner = name, short_name, owner
        self.key, self.columns, self.types = key, columns, types

    def __eq__(self, other):
        return (self.name, self.key, self.columns, self.types) == (other.name, other.key, other.columns, other.types)

    @property
    def column_list(self):
        return ", ".join(self.columns)

    def key_of(self, alias):
        return ", ".join("%s.%s" % (alias, column) for column in self.key)

    def select(self, condition):
        return "SELECT %s FROM %s t WHERE %s" % (", ".join("t." + column for column in self.columns), self.name, condition)

    @property
    def of_tenant(self):
        return "t.%s = %%s" % self.owner


def tables_of(database):
    return {row[1]: Table(*row) for row in database.rows(CATALOG)}


def now_of(database):
    """A transaction id that no later change is older than."""
    return database.value("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")


def count(database, table, tenant):
    return database.value("SELECT count(*) FROM %s t WHERE %s" % (table.name, table.of_tenant), tenant)


def stage(source, target, table, columns, query, values):
    """The rows of a query in a temporary table of the target's transaction."""
    target.run("CREATE TEMP TABLE IF NOT EXISTS staged_%s ON COMMIT DROP AS SELECT %s FROM %s WITH NO DATA" % (
        table.short_name, columns, table.name))
    target.run("TRUNCATE staged_%s" % table.short_name)
    carry(source, query, values, target, "staged_" + table.short_name, columns)
    return "staged_" + table.short_name


def bring(source, target, table, condition, values):
    """Insert or replace the rows that a condition selects; returns how many are new."""
    staged = stage(source, target, table, table.column_list, table.select(condition), values)
    return target.value("WITH brought AS (%s RETURNING xmax = 0 AS is_new) SELECT count(*) FILTER (WHERE is_new) FROM brought" %
                        upsert(table, staged))


def bring_late(source, target, table, places, tenant):
    """The rows at these places; but those that have changed here since stay. Returns the keys of those that were brought."""
    staged = stage(source, target, table, table.column_list, table.select("t.ctid = ANY (%s::tid[])"), (places,))
    with target.attempt():
        return target.rows("%s WHERE %s RETURNING %s" % (upsert(table, staged), IS_BROUGHT, table.key_of("t")), tenant)


def upsert(table, staged):
    # A table without other columns has nothing to replace.
    others = [column for column in table.columns if column not in table.key] or table.key
    return "INSERT INTO %s AS t (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %s ON CONFLICT (%s) DO UPDATE SET %s" % (
        table.name, table.column_list, table.column_list, staged, ", ".join(table.key),
        ", ".join("%s = excluded.%s" % (column, column) for column in others))


def drop_missing(source, target, table, tenant):
    """Delete what the source has no longer, but not what has changed here since."""
    keys = Table(table.name, table.short_name + "_key", table.owner, table.key, table.key, None)
    staged = stage(source, target, keys, keys.column_list, keys.select(table.of_tenant), (tenant,))
    target.run("DELETE FROM %s t WHERE %s AND %s AND NOT EXISTS (SELECT FROM %s s WHERE (%s) = (%s))" % (
        table.name, table.of_tenant, IS_BROUGHT, staged, keys.key_of("s"), keys.key_of("t")), tenant, tenant)


def withhold(source, target, table, tenant):
    """The rows of a small table, where only reveal() finds them."""
    target.run("DELETE FROM appt_move.withheld WHERE application_id = %s AND table_name = %s", tenant, table.short_name)
    carry(source, "SELECT %%s::uuid, %%s, to_jsonb(t) FROM %s t WHERE %s" % (table.name, table.of_tenant),
          (tenant, table.short_name, tenant), target, "appt_move.withheld", "application_id, table_name, content")


def reveal(target, table, tenant):
    """Put them into the table."""
    target.run("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s"
               " FROM appt_move.withheld w, jsonb_populate_record(NULL::%s, w.content) t"
               " WHERE w.application_id = %%s AND w.table_name = %%s" % (
                   table.name, table.column_list, ", ".join("t." + column for column in table.columns), table.name),
               tenant, table.short_name)
    target.run("DELETE FROM appt_move.withheld WHERE application_id = %s AND table_name = %s", tenant, table.short_name)


def bring_all(source, target, table, tenant):
    target.run("DELETE FROM %s t WHERE %s" % (table.name, table.of_tenant), tenant)
    return bring(source, target, table, table.of_tenant, (tenant,))


def bring_changed(source, target, table, tenant, since, target_count):
    """What has changed since; returns how many rows the target has now, and the versions of what had changed."""
    rows, places, xmins = source.row(
        "SELECT count(*), coalesce(array_agg(t.ctid::text) FILTER (WHERE %s), '{}'),"
        " coalesce(array_agg(t.xmin::text) FILTER (WHERE %s), '{}') FROM %s t WHERE %s" % (
            IS_CHANGED, IS_CHANGED, table.name, table.of_tenant), since, since, tenant)
    if places:
        try:
            with target.attempt():
                target_count += bring(source, target, table, "t.ctid = ANY (%s::tid[])", (places,))
        except psycopg2.errors.UniqueViolation:
            # A value has moved from one row to another, say: not in every order of rows is it unique.
            target_count = bring_all(source, target, table, tenant)
    if target_count != rows:
        drop_missing(source, target, table, tenant)
        target_count = count(target, table, tenant)
    return target_count, list(zip(places, xmins))
