"""The types of postgrest-js: Database."""

import json

from description.catalog import SCALARS, SCHEMAS, code_of


def names_of(relation, key):
    """SQL for the names of a key's columns."""
    return (
        f"ARRAY(SELECT attname::text FROM unnest({key}) WITH ORDINALITY k (n, o)"
        f" JOIN pg_attribute ON attrelid = {relation} AND attnum = n ORDER BY o)"
    )


class TypeScript:
    def __init__(self, catalog):
        self.catalog = catalog

    def of_type(self, oid):
        type_ = self.catalog.types[oid]
        if type_.codes:
            return f'Database["{type_.schema}"]["Enums"]["{type_.name}"]'
        if type_.kind == "c":
            place = {"r": "Tables", "v": "Views"}.get(self.catalog.relation_kinds[type_.relation])
            row = f'["{place}"]["{type_.name}"]["Row"]' if place else f'["CompositeTypes"]["{type_.name}"]'
            return f'Database["{type_.schema}"]{row}'
        if type_.kind == "d":
            return self.of_type(type_.base)
        if type_.element and type_.name.startswith("_"):
            element = self.of_type(type_.element)
            return f"({element})[]" if " " in element else f"{element}[]"
        if type_.name in ("json", "jsonb"):
            return "Json"
        if type_.name == "void":
            return "undefined"
        return {"integer": "number", "number": "number", "boolean": "boolean"}.get(SCALARS[type_.name][0], "string")

    def value(self, owner, name, oid):
        code = code_of(owner, name)
        if code is None:
            return self.of_type(oid)
        known = self.of_type(self.catalog.named["appt", code].oid)
        return f"{known}[]" if self.catalog.types[oid].element else known

    def lines(self):
        yield "// Made by scripts/describe (make describe) from the catalog: the types of postgrest-js."
        yield ""
        yield "export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[];"
        yield ""
        yield "export type Database = {"
        for schema in SCHEMAS:
            yield f"  {schema}: {{"
            yield from self.relations(schema, "Tables", "r")
            yield from self.relations(schema, "Views", "v")
            yield from self.functions(schema)
            yield from self.codes(schema)
            yield from self.composites(schema)
            yield "  };"
        yield "};"

    def relations(self, schema, title, kind):
        yield f"    {title}: {{"
        for oid, name, relkind in self.catalog.relations(schema):
            if relkind == kind:
                yield f"      {name}: {{"
                yield from self.members("Row", oid, lambda column: "", lambda column: not column.not_null)
                if kind == "r":
                    given = [column for column in self.catalog.columns[oid] if not column.generated]
                    optional = lambda column: "?" if column.has_default or not column.not_null else ""  # noqa: E731
                    yield from self.members("Insert", oid, optional, lambda column: not column.not_null, given)
                    yield from self.members("Update", oid, lambda column: "?", lambda column: not column.not_null, given)
                yield "        Relationships: [" + ", ".join(self.references(oid)) + "];"
                yield "      };"
        yield "    };"

    def members(self, title, oid, mark, is_nullable, columns=None):
        yield f"        {title}: {{"
        for column in self.catalog.columns[oid] if columns is None else columns:
            yield f"          {column.name}{mark(column)}: {self.of_type(column.type)}{' | null' if is_nullable(column) else ''};"
        yield "        };"

    def references(self, oid):
        for name, columns, relation, others, is_single in self.catalog.rows(
            f"SELECT conname, {names_of('conrelid', 'conkey')}, confrelid::regclass::text, {names_of('confrelid', 'confkey')}, EXISTS"
            " (SELECT FROM pg_index WHERE indrelid = conrelid AND indisunique AND indkey::int2[] @> conkey AND conkey @> indkey::int2[])"
            " FROM pg_constraint WHERE conrelid = %s AND contype = 'f' ORDER BY conname", oid,
        ):  # fmt: skip
            yield (
                f'{{ foreignKeyName: "{name}"; columns: {json.dumps(columns)}; isOneToOne: {json.dumps(is_single)}; '
                f'referencedRelation: "{relation.split(".")[-1]}"; referencedColumns: {json.dumps(others)} }}'
            )

    def functions(self, schema):
        yield "    Functions: {"
        for function in self.catalog.public(schema):
            yield f"      {function.name}: {{"
            yield f"        Args: {self.arguments(function)};"
            yield f"        Returns: {self.result(function)};"
            yield "      };"
        yield "    };"

    def arguments(self, function):
        if function.has_body:
            request = self.catalog.named.get((function.schema, f"{function.name}_request"))
            return self.of_type(request.oid) if request else "Record<string, unknown>"
        if not function.arguments:
            return "Record<PropertyKey, never>"
        members = []
        for name, oid in function.arguments:
            value = self.value(function.name, name, oid)
            members.append(f"{name}: {value}" if name in function.required else f"{name}?: {value} | null")
        return "{ " + "; ".join(members) + " }"

    def result(self, function):
        if self.catalog.types[function.result].name == "*/*":
            return "string"
        result = "" if function.outputs else self.of_type(function.result)
        if function.outputs:
            members = [f"{name}: {self.value(function.name, name, oid)} | null" for name, oid in function.outputs]
            result = "{ " + "; ".join(members) + " }"
        return f"({result})[]" if function.is_set else result

    def codes(self, schema):
        yield "    Enums: {"
        for type_ in sorted(self.catalog.types.values(), key=lambda type_: type_.name):
            if type_.schema == schema and type_.codes:
                yield f"      {type_.name}: " + " | ".join(f'"{code}"' for code in type_.codes) + ";"
        yield "    };"

    def composites(self, schema):
        yield "    CompositeTypes: {"
        for type_ in sorted(self.catalog.types.values(), key=lambda type_: type_.name):
            if type_.schema == schema and type_.kind == "c" and self.catalog.relation_kinds[type_.relation] == "c":
                yield f"      {type_.name}: {{"
                for column in self.catalog.columns[type_.relation]:
                    required = column.comment.startswith("Required. ")
                    mark = "?" if type_.name.endswith("_request") and not required else ""
                    value = self.value(type_.name, column.name, column.type)
                    yield f"        {column.name}{mark}: {value}{'' if required else ' | null'};"
                yield "      };"
        yield "    };"
