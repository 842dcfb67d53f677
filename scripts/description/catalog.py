"""What the catalog of a database with appt says of types, functions and relations."""

import collections
import re

import psycopg2

from description.names import CODES

SCHEMAS = ("appt", "appt_rest")
ROLES = ("appt_agent", "appt_supervisor", "appt_client_service", "appt_customer", "appt_admin", "appt_anonymous")
INTERNAL = r"^(caller|agent|attended|administered|due)_|_(is|are)_valid$|^(reasons|notification_types|duration_class)$"
SCALARS = {
    "uuid": ("string", "uuid"), "text": ("string", None), "name": ("string", None), "timestamptz": ("string", "date-time"),
    "date": ("string", "date"), "time": ("string", "time"), "interval": ("string", None), "tstzrange": ("string", None),
    "int2": ("integer", "int32"), "int4": ("integer", "int32"), "int8": ("integer", "int64"), "numeric": ("number", None),
    "float8": ("number", "double"), "bool": ("boolean", None), "bytea": ("string", None), "inet": ("string", None),
    "oid": ("integer", "int64"), "xid": ("string", None),
}  # fmt: skip

Column = collections.namedtuple("Column", "name type not_null comment has_default generated")


def snake(name):
    return re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), name)


class Type:
    def __init__(self, row):
        self.oid, self.schema, self.name, self.kind, self.element, self.base, self.relation, self.comment, self.checks = row
        lists = re.findall(r"'([^']*)'", self.checks or "")
        codes = [code for part in lists for code in part.split(", ")]
        self.codes = codes if codes and all(re.fullmatch(r"[A-Z_]+", code) for code in codes) else None


class Function:
    def __init__(self, row):
        self.oid, self.schema, self.name, self.comment, self.is_set, self.volatility, self.result, self.roles = row[:8]
        names, types, all_types, modes, defaults = row[8:]
        count = len(types)
        self.arguments = list(zip((names or [""] * count)[:count], types))
        self.outputs = [
            (name, type_) for name, type_, mode in zip(names or [], all_types or [], modes or []) if mode in ("o", "t", "b")
        ]
        self.has_body = bool(self.arguments) and not self.arguments[0][0]
        self.has_defaults = defaults == count
        self.required = set()


class Catalog:
    def __init__(self, connection):
        self.cursor = connection.cursor()
        self.connection = connection
        self.types = {row[0]: Type(row) for row in self.rows(
            "SELECT t.oid, nspname, typname, typtype, typelem, typbasetype, typrelid, obj_description(t.oid, 'pg_type'),"
            " (SELECT string_agg(pg_get_constraintdef(c.oid), ' ') FROM pg_constraint c WHERE contypid = t.oid)"
            " FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace"
        )}  # fmt: skip
        self.named = {(type_.schema, type_.name): type_ for type_ in self.types.values()}
        self.relation_kinds = dict(self.rows("SELECT oid, relkind FROM pg_class"))
        self.columns = collections.defaultdict(list)
        for relation, *column in self.rows(
            "SELECT attrelid, attname, atttypid, attnotnull, col_description(attrelid, attnum),"
            " atthasdef OR attidentity <> '', attgenerated <> '' OR attidentity = 'a'"
            " FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
            " WHERE relnamespace = ANY (%s::regnamespace[]) AND attnum > 0 AND NOT attisdropped ORDER BY attrelid, attnum",
            list(SCHEMAS),
        ):
            self.columns[relation].append(Column(*column))
        self.functions = {(function.schema, function.name): function for function in map(Function, self.rows(
            "SELECT p.oid, nspname, proname, obj_description(p.oid, 'pg_proc'), proretset, provolatile, prorettype,"
            " ARRAY(SELECT role FROM unnest(%s) AS role WHERE has_function_privilege(role, p.oid, 'EXECUTE')),"
            " proargnames, proargtypes::oid[]::bigint[], proallargtypes::bigint[], proargmodes::text[], pronargdefaults"
            " FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = ANY (%s) AND prorettype <> 'trigger'::regtype"
            " ORDER BY nspname, proname, length(obj_description(p.oid, 'pg_proc'))", list(ROLES), list(SCHEMAS),
        ))}  # fmt: skip
        for function in self.functions.values():
            function.required = self.required_arguments(function) if function.has_defaults else set()

    def rows(self, statement, *parameters):
        self.cursor.execute(statement, parameters or None)
        return self.cursor.fetchall()

    def required_arguments(self, function):
        """Those that a call without arguments misses."""
        try:
            self.cursor.execute(f'SELECT * FROM {function.schema}."{function.name}"()')
        except psycopg2.Error as error:
            detail = error.diag.message_detail or ""
            missing = re.findall(r'"(\w+)"', detail) if "left out" in detail else []
            ours = {snake(name): name for name, _ in function.arguments}
            ours["start_at"] = ours.get("start_at", "start")
            return {ours[name] for name in missing if name in ours}
        finally:
            self.connection.rollback()
        return set()

    def public(self, schema):
        """Functions of a schema that tokens may call and people name: of appt_rest those that have a path."""
        for function in self.functions.values():
            if function.schema == schema and function.roles and function.comment and not re.search(INTERNAL, function.name):
                if schema == "appt" or path_of(function):
                    yield function

    def relations(self, schema):
        return self.rows(
            "SELECT c.oid, relname, relkind FROM pg_class c WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'v')"
            " AND EXISTS (SELECT FROM unnest(%s) AS role WHERE has_table_privilege(role, c.oid, 'SELECT')) ORDER BY relname",
            schema, list(ROLES),
        )  # fmt: skip


def path_of(function):
    """Verb, path and summary, which the comment of a function of appt_rest begins with."""
    match = re.match(r"(?:DEPRECATED: )?(GET|POST|PUT|DELETE) (/api/\S+): (.*)", function.comment)
    return match and match.groups()


def code_of(owner, name):
    return CODES.get(f"{owner}.{name}", CODES.get(name))
