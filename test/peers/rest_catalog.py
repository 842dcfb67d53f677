"""What rest_server.py knows of the schemas that it serves: functions, tables, columns and foreign keys."""

import queue
import threading

import psycopg2
import psycopg2.extensions
from psycopg2 import sql
from rest_query import Refusal

SCHEMAS = ("appt", "appt_rest")

FUNCTIONS = """
SELECT p.proname, p.oid::regprocedure::text, p.proretset, p.provolatile,
	CASE WHEN t.oid = 'void'::regtype THEN 'void' WHEN t.typname = '*/*' THEN 'octets'
		WHEN t.typtype = 'c' OR p.proargmodes && '{o,b,t}' THEN 'row' ELSE 'scalar' END,
	coalesce(p.proargnames[1:p.pronargs], '{}'),
	(SELECT array_agg(format_type(a.type, NULL) ORDER BY a.place) FROM unnest(p.proargtypes) WITH ORDINALITY a (type, place)),
	p.pronargs - p.pronargdefaults
FROM pg_proc p JOIN pg_type t ON t.oid = p.prorettype
WHERE p.pronamespace = to_regnamespace(%s) AND p.prorettype <> 'trigger'::regtype
"""

RELATIONS = """
SELECT relname, (SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
	pg_relation_is_updatable(c.oid, true), EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary)
FROM pg_class c WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('r', 'v', 'p')
"""

# Each key once: the table that has it, the one that it leads to, and whether at most one row has a value of it.
KEYS = """
SELECT f.relname, t.relname,
	(SELECT array_agg(ARRAY[a.attname::text, b.attname::text] ORDER BY k.place)
	 FROM unnest(c.conkey, c.confkey) WITH ORDINALITY k (of, "to", place)
		JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.of
		JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k."to"),
	EXISTS (SELECT FROM pg_index WHERE indrelid = c.conrelid AND indisunique AND indkey::int2[] <@ c.conkey)
FROM pg_constraint c JOIN pg_class f ON f.oid = c.conrelid JOIN pg_class t ON t.oid = c.confrelid
WHERE c.contype = 'f' AND c.connamespace = to_regnamespace(%s)
"""

INSERTABLE, UPDATABLE, DELETABLE = 8, 4, 16


class Function:
    def __init__(self, schema, row):
        self.schema = schema
        self.name, self.signature, self.is_set, self.volatility, self.kind, names, types, self.required = row
        self.names = list(names or [])
        self.types = types or []
        self.unnamed = self.types[0] if len(self.types) == 1 and not (self.names and self.names[0]) else None

    def takes(self, given):
        return self.unnamed is None and given <= set(self.names) and set(self.names[: self.required]) <= given


class Join:
    def __init__(self, table, conditions, is_single):
        self.table, self.conditions, self.is_single = table, conditions, is_single


class Relation:
    def __init__(self, schema, row):
        self.schema = schema
        self.name, self.columns, self.updatable, self.has_key = row
        self.keys = []

    def join(self, target):
        """How rows of another table belong to one of this."""
        for table, other, columns, is_unique in self.keys:
            if self.name in (table, other) and target in (table, other):
                own = 0 if self.name == table else 1
                conditions = [
                    sql.SQL("{} = {}").format(
                        sql.Identifier(self.schema, self.name, pair[own]), sql.Identifier(self.schema, target, pair[1 - own])
                    )
                    for pair in columns
                ]
                return Join(sql.Identifier(self.schema, target), conditions, own == 0 or is_unique)
        return None

    def allowed(self):
        methods = ["OPTIONS,GET,HEAD"]
        methods += ["POST"] if self.updatable & INSERTABLE else []
        methods += ["PUT"] if self.updatable & INSERTABLE and self.updatable & UPDATABLE and self.has_key else []
        methods += ["PATCH"] if self.updatable & UPDATABLE else []
        methods += ["DELETE"] if self.updatable & DELETABLE else []
        return ",".join(methods)


class Database:
    """Connections of the authenticator's login, and the schemas."""

    def __init__(self, dsn):
        self.dsn = dsn
        self.free = queue.LifoQueue()
        self.functions, self.relations = {}, {}
        self.lock = threading.Lock()

    def connection(self):
        try:
            connection = self.free.get_nowait()
            if not connection.closed:
                return connection
        except queue.Empty:
            pass
        connection = psycopg2.connect(self.dsn)
        connection.autocommit = True
        return connection

    def release(self, connection):
        if not connection.closed and connection.info.transaction_status != psycopg2.extensions.TRANSACTION_STATUS_IDLE:
            connection.close()
        if not connection.closed:
            self.free.put(connection)

    def read_schema(self):
        connection = self.connection()
        with self.lock, connection.cursor() as cursor:
            functions, relations = {}, {}
            for schema in SCHEMAS:
                cursor.execute(FUNCTIONS, (schema,))
                for row in cursor.fetchall():
                    functions.setdefault((schema, row[0]), []).append(Function(schema, row))
                cursor.execute(RELATIONS, (schema,))
                relations |= {(schema, row[0]): Relation(schema, row) for row in cursor.fetchall()}
                cursor.execute(KEYS, (schema,))
                for key in cursor.fetchall():
                    for name in {key[0], key[1]}:
                        relations[schema, name].keys.append(key)
            self.functions, self.relations = functions, relations
        self.release(connection)

    def function(self, schema, name, given, content_type):
        """The function that takes arguments of these names, or else the body of this type as its only one."""
        wanted = {"text/plain": ["text"], "application/json": ["json", "jsonb"], "application/octet-stream": ["bytea"]}
        wanted = {**wanted, "text/xml": ["xml"]}.get(content_type, [])
        is_raw = content_type in ("text/plain", "application/octet-stream", "text/xml")
        for attempt in range(2):
            named = self.functions.get((schema, name), [])
            for function in named:
                if function.takes(given):
                    return function
            for function in named:
                if function.unnamed in wanted:
                    return function
            if attempt == 0:
                self.read_schema()
        given = sorted(given)
        arguments = f" with parameter{'s' * (len(given) > 1)} {', '.join(given)}" if given else " without parameters"
        if is_raw:
            arguments = f" with a single unnamed {wanted[0]} parameter"
        elif content_type == "application/json":
            arguments += " or with a single unnamed json/jsonb parameter"
        details = f"Searched for the function {schema}.{name}{arguments}, but no matches were found in the schema cache."
        shown = "" if is_raw else f"({', '.join(given)})" if given else " without parameters"
        raise Refusal(404, "PGRST202", f"Could not find the function {schema}.{name}{shown} in the schema cache", details)

    def relation(self, schema, name):
        if (schema, name) not in self.relations:
            self.read_schema()
        if (schema, name) not in self.relations:
            raise Refusal(404, "PGRST205", f"Could not find the table '{schema}.{name}' in the schema cache")
        return self.relations[schema, name]
