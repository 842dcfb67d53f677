"""OpenAPI 3.1 documents of the two APIs."""

import os
import re

from description.catalog import SCALARS, code_of, path_of, snake
from description.names import EXAMPLES, FORMATS

STATUSES = {
    "400": "An argument is missing, malformed or impossible.",
    "401": "The token or the code is missing or not valid.",
    "403": "Not for this role, or the token names no valid tenant.",
    "404": "It does not exist, or is not the caller's.",
    "409": "The present state does not allow it.",
    "410": "It is over.",
    "429": "Too many requests for one-time codes.",
}


def version():
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "appt.control"), encoding="utf-8") as file:
        return re.search(r"default_version = '(.*)'", file.read())[1]


def fitting(example, kinds):
    """The example of a name as a value of this type; None: it is none."""
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if example is None or None in kinds:
        return example
    if "array" in kinds:
        return example if isinstance(example, list) else [example]
    if "string" in kinds:
        return example if isinstance(example, str) else str(example) if isinstance(example, int) else None
    return example if isinstance(example, int) else None


class Document:
    """An OpenAPI document, which collects the types that its paths need."""

    def __init__(self, catalog, title, description, server):
        self.catalog, self.schemas = catalog, {}
        self.paths = {}
        self.document = {
            "openapi": "3.1.0",
            "info": {
                "title": title,
                "version": version(),
                "description": description,
                "license": {"name": "PostgreSQL", "identifier": "PostgreSQL"},
            },
            "servers": [{"url": server}],
            "paths": self.paths,
        }
        self.schemas["error"] = {
            "type": "object",
            "properties": {
                "code": {"type": "string", "description": "SQLSTATE.", "examples": ["PT404"]},
                "message": {"type": "string", "description": "What is wrong, a constant.", "examples": ["appointment not found"]},
                "details": {"type": ["string", "null"], "description": "The value in question.", "examples": [None]},
                "hint": {"type": ["string", "null"], "description": "What to do.", "examples": [None]},
            },
            "required": ["code", "message", "details", "hint"],
        }

    def whole(self):
        responses = {
            status: {"description": text, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}}}
            for status, text in STATUSES.items()
        }
        responses["401"]["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "The scheme that is needed."}}
        self.document["components"] = {
            "schemas": dict(sorted(self.schemas.items())),
            "responses": responses,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "code": {"type": "http", "scheme": "basic", "description": "A customer's contact and one-time code."},
            },
        }
        return self.document

    def of_type(self, oid):
        type_ = self.catalog.types[oid]
        if type_.kind == "c" or type_.codes:
            return self.component(type_)
        if (type_.schema, type_.name) in FORMATS:
            return {"type": "string", "format": FORMATS[type_.schema, type_.name]}
        if type_.kind == "d":
            return self.of_type(type_.base)
        if type_.element and type_.name.startswith("_"):
            return {"type": "array", "items": self.of_type(type_.element)}
        if type_.name in ("json", "jsonb"):
            return {}
        kind, form = SCALARS[type_.name]
        if type_.name == "interval":
            # ISO 8601 with fractions and signs, which the format "duration" has not.
            return {"type": kind, "pattern": "^-?P"}
        return {"type": kind, "format": form} if form else {"type": kind}

    def component(self, type_):
        if type_.name not in self.schemas:
            self.schemas[type_.name] = {}
            if type_.codes:
                self.schemas[type_.name] = {"type": "string", "enum": type_.codes, "description": type_.comment}
            else:
                self.schemas[type_.name] = self.composite(type_)
        return {"$ref": f"#/components/schemas/{type_.name}"}

    def composite(self, type_):
        columns = self.catalog.columns[type_.relation]
        is_request = type_.name.endswith("_request")
        properties = {}
        for column in columns:
            required = is_request and column.comment.startswith("Required. ")
            properties[column.name] = self.value(type_.name, column.name, column.type, not required)
            properties[column.name]["description"] = column.comment.removeprefix("Required. ")
        needed = [column.name for column in columns if not is_request or column.comment.startswith("Required. ")]
        schema = {"type": "object", "description": type_.comment, "properties": properties, "required": needed}
        if not needed:
            del schema["required"]
        if not is_request:
            schema["additionalProperties"] = False
        return schema

    def value(self, owner, name, oid, nullable):
        """A member or argument: its type, or the codes and the example that its name stands for."""
        code = code_of(owner, name)
        schema = self.of_type(oid) if code is None else self.of_type(self.catalog.named["appt", code].oid)
        if self.catalog.types[oid].element and code:
            schema = {"type": "array", "items": schema}
        if nullable and "$ref" in schema:
            schema = {"anyOf": [schema, {"type": "null"}]}
        elif nullable and "type" in schema:
            schema = {**schema, "type": [schema["type"], "null"]}
        known = fitting(EXAMPLES.get(f"{owner}.{name}", EXAMPLES.get(snake(name))), schema.get("type"))
        if known is not None and "$ref" not in schema and "anyOf" not in schema:
            schema["examples"] = [known]
        return dict(schema)

    # Operations

    def operation(self, function, summary=None):
        head, _, rest = function.comment.partition("\n\n")
        summary = summary or head.removeprefix("DEPRECATED: ")
        operation = {"operationId": function.name, "summary": summary[0].upper() + summary[1:]}
        if rest:
            operation["description"] = rest
        if head.startswith("DEPRECATED"):
            operation["deprecated"] = True
        operation["security"] = [{"token": []}] if "appt_anonymous" not in function.roles else [{}, {"token": []}]
        operation["responses"] = {**self.success(function), **self.failures(function)}
        return operation

    def success(self, function):
        type_ = self.catalog.types[function.result]
        told = function.comment + (self.twin(function).comment if self.twin(function) else "")
        if re.search(r"\b302\b", told):
            return {"302": {"description": "See the link.", "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}}}}
        if type_.name == "void" or "HTTP status 204" in told:
            return {"204": {"description": "Done."}}
        if type_.name == "*/*":
            return {"200": {"description": "The answer.", "content": self.bytes_of(told)}}
        schema = self.result(function, type_)
        return {"200": {"description": "The answer.", "content": {"application/json": {"schema": schema}}}}

    @staticmethod
    def bytes_of(told):
        media = "text/calendar" if "text/calendar" in told else "text/html" if "page" in told else "*/*"
        return {media: {"schema": {"type": "string"}}}

    def result(self, function, type_):
        if function.outputs:
            properties = {name: self.value(function.name, name, oid, True) for name, oid in function.outputs}
            schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
        else:
            schema = self.of_type(function.result)
        return {"type": "array", "items": schema} if function.is_set else schema

    def twin(self, function):
        return self.catalog.functions.get(("appt", function.name)) if function.schema == "appt_rest" else None

    def failures(self, function):
        statuses = self.told_statuses(function, set())
        if function.arguments:
            statuses.add("400")
        if "appt_anonymous" not in function.roles:
            statuses |= {"401", "403"}
        if self.catalog.types[function.result].name == "*/*" and function.schema == "appt" and "response.status" in function.comment:
            # Without an error: such an answer is a page, too.
            statuses = re.findall(r"\b(4\d\d) (?:for|with|once)\b", function.comment)
            return {status: {"description": STATUSES[status], "content": self.bytes_of(function.comment)} for status in sorted(statuses)}
        return {status: {"$ref": f"#/components/responses/{status}"} for status in sorted(statuses & STATUSES.keys())}

    def told_statuses(self, function, seen):
        """Those of the SQLSTATEs in its comment, and in those of the functions that it refers to."""
        seen.add(function)
        statuses = set(re.findall(r"\bPT(4\d\d)\b", function.comment)) | set(re.findall(r"PGRST: status (\d+)", function.comment))
        if "22023" in function.comment:
            statuses.add("400")
        others = [self.twin(function)] + [
            self.catalog.functions.get(("appt", name)) for name in re.findall(r"\bas (?:for |in |appt\.)?(\w+)", function.comment)
        ]
        for other in others:
            if other and other not in seen:
                statuses |= self.told_statuses(other, seen)
        return statuses

    def parameter(self, function, name, oid, place):
        owner = function.name if function.schema == "appt" else f"{function.schema}.{function.name}"
        schema = self.value(owner, name, oid, False)
        type_ = self.catalog.types[oid]
        required = place == "path" or name in function.required
        if schema.get("type") == "array":
            schema = {"type": "string", "examples": ["{}"], "description": "A list as PostgreSQL writes it: {a,b}."}
        parameter = {"name": name, "in": place, "required": required}
        if type_.name in ("json", "jsonb"):
            return {**parameter, "content": {"application/json": {"schema": schema}}}
        return {**parameter, "schema": schema}


def describe_rpc(catalog):
    document = Document(catalog, "appt", "The functions of schema appt, through PostgREST.", "http://127.0.0.1:3000")
    for function in catalog.public("appt"):
        item = {"post": document.operation(function)}
        if function.has_body:
            bodies = {"application/json": {"schema": {}}, "text/plain": {"schema": {"type": "string"}}}
            item["post"]["requestBody"] = {"required": True, "content": bodies}
        elif function.arguments:
            properties = {
                name: document.value(function.name, name, oid, name not in function.required) for name, oid in function.arguments
            }
            body = {"type": "object", "properties": properties, "additionalProperties": False}
            if function.required:
                body["required"] = [name for name in properties if name in function.required]
            item["post"]["requestBody"] = {"required": bool(function.required), "content": {"application/json": {"schema": body}}}
        if function.volatility != "v" and not function.has_body:
            item["get"] = document.operation(function)
            item["get"]["operationId"] += "_by_get"
            parameters = [document.parameter(function, name, oid, "query") for name, oid in function.arguments]
            if parameters:
                item["get"]["parameters"] = parameters
        document.paths[f"/rpc/{function.name}"] = item
    return document.whole()


def describe_compatible(catalog):
    about = "The functions of schema appt_rest, through doc/nginx.conf and PostgREST."
    document = Document(catalog, "appt: the compatible API", about, "http://127.0.0.1:8080")
    for function in catalog.public("appt_rest"):
        verb, path, summary = path_of(function)
        operation = document.operation(function, summary)
        if "HTTP Basic" in function.comment:
            operation["security"] = [{"code": []}]
        if function.has_body:
            request = document.component(catalog.named["appt_rest", f"{function.name}_request"])
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": request}}}
        else:
            parameters = []
            unnamed = [name for name in re.findall(r"{(\w+)}", path) if name not in dict(function.arguments)]
            for name, oid in function.arguments:
                place = "path" if f"{{{name}}}" in path or (unnamed and name == function.arguments[-1][0]) else "query"
                shown = unnamed[0] if place == "path" and f"{{{name}}}" not in path else name
                parameters.append({**document.parameter(function, name, oid, place), "name": shown})
            operation["parameters"] = parameters
        document.paths.setdefault(path, {})[verb.lower()] = operation
    return document.whole()
