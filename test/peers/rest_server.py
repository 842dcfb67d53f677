#!/usr/bin/python3
"""A stand-in for PostgREST 16 where there is none: HTTP in front of the schemas appt and appt_rest, for tests.

Listens on 127.0.0.1, on a port that it prints as its first line ("port 12345"). Every request is one transaction, set up as
PostgREST does: role of the token (HS256, or RS256 with --public-key) or appt_anonymous, request.jwt.claims, request.headers,
request.method and request.path for that transaction; read-only for GET and for functions that are not VOLATILE. What it knows:

    GET, HEAD /rpc/NAME?argument=   arguments by name; one that the function does not have, or a missing one: 404 PGRST202.
                                    HEAD checks the arguments and calls nothing
    POST /rpc/NAME                  JSON object or urlencoded form: arguments by name; text/plain, application/json and
                                    application/octet-stream also go whole to a single unnamed text, json(b) or bytea
    GET, HEAD /TABLE                select, order, limit, offset; filters eq neq gt gte lt lte like ilike in is, not., and, or;
                                    Range; Prefer: count=exact. Rows that a function returns can be filtered likewise
    POST, PATCH, DELETE /TABLE      rows, with Prefer: return=representation
    Accept-Profile, Content-Profile the schema of a request: the former for GET and HEAD, the latter for all others

Errors are answered as PostgREST maps their SQLSTATE, SQLSTATE PGRST by its message and detail; response.headers and
response.status are honoured; a function that returns the domain "*/*" answers its bytes. It has no embedding,
no CSV and no description of the API. Each request is appended to --record as a line of JSON: {"method", "path" (without the query), "status", "role", "milliseconds"}.
"""

import argparse
import base64
import hashlib
import hmac
import http.server
import json
import queue
import re
import socketserver
import subprocess
import sys
import threading
import time
import urllib.parse

import psycopg2
import psycopg2.extensions
from psycopg2 import sql

SCHEMAS = ("appt", "appt_rest")
MAX_ROWS = 1000
OPERATORS = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "like": "LIKE", "ilike": "ILIKE"}
RESERVED = {"select", "order", "limit", "offset", "and", "or", "on_conflict", "columns"}

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

RELATIONS = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('r', 'v', 'p')"


class Refusal(Exception):
    """An answer that is an error, by the server's own judgement."""

    def __init__(self, status, code, message, headers=()):
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.body = {"code": code, "details": None, "hint": None, "message": message}


class Function:
    def __init__(self, schema, row):
        self.schema = schema
        self.name, self.signature, self.is_set, self.volatility, self.kind, names, types, self.required = row
        self.names = [name for name in names or []]
        self.types = types or []
        self.unnamed = self.types[0] if len(self.types) == 1 and not (self.names and self.names[0]) else None

    def takes(self, given):
        return self.unnamed is None and given <= set(self.names) and set(self.names[: self.required]) <= given


def base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def is_rs256(signed, proof, public_key):
    """RSASSA-PKCS1-v1_5 with SHA-256: the padding is compared as a whole."""
    modulus, exponent = public_key
    length = (modulus.bit_length() + 7) // 8
    digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(signed).digest()
    expected = b"\x00\x01" + b"\xff" * (length - len(digest) - 3) + b"\x00" + digest
    return len(proof) == length and pow(int.from_bytes(proof, "big"), exponent, modulus).to_bytes(length, "big") == expected


def read_public_key(path):
    """Modulus and exponent of a file in PEM."""
    command = ["openssl", "rsa", "-pubin", "-in", path, "-noout", "-text", "-modulus"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(re.search(r"Modulus=([0-9A-F]+)", text)[1], 16), int(re.search(r"Exponent: (\d+)", text)[1])


def claims_of(authorization, server):
    """Claims of a bearer token; none of any other Authorization."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return {}
    refusal = Refusal(401, "PGRST301", "No suitable key or wrong key type", [("WWW-Authenticate", 'Bearer error="invalid_token"')])
    try:
        head, body, proof = token.strip().split(".")
        algorithm, signed = json.loads(base64url(head)).get("alg"), f"{head}.{body}".encode()
        if algorithm == "RS256" and server.public_key:
            genuine = is_rs256(signed, base64url(proof), server.public_key)
        else:
            expected = hmac.new(server.secret, signed, hashlib.sha256).digest()
            genuine = algorithm == "HS256" and hmac.compare_digest(expected, base64url(proof))
        if not genuine:
            raise refusal
        claims = json.loads(base64url(body))
    except (ValueError, AttributeError):
        raise refusal from None
    now = time.time()
    if claims.get("exp", now + 1) < now - 30 or claims.get("nbf", now) > now + 30:
        raise Refusal(401, "PGRST303", "JWT expired", refusal.headers)
    return claims


def status_of(sqlstate, anonymous):
    """As PostgREST maps them."""
    if re.fullmatch(r"PT\d{3}", sqlstate):
        return int(sqlstate[2:])
    if sqlstate == "42501":
        return 401 if anonymous else 403
    for pattern, status in (
        (r"42883|42P01", 404),
        (r"25006", 405),
        (r"2350[35]", 409),
        (r"P0001", 400),
        (r"0L|0P|28", 403),
        (r"08|53|57P01", 503),
        (r"09|21|25|2D|38|39|3B|40|54|55|57|58|F0|HV|P0|XX|42P17", 500),
    ):
        if re.match(pattern, sqlstate):
            return status
    return 400


def split_list(text):
    """Splits at commas outside of parentheses and quotes."""
    parts, depth, quoted, current = [], 0, False, ""
    i = 0
    while i < len(text):
        c = text[i]
        if quoted and c == "\\" and i + 1 < len(text):
            current += text[i : i + 2]
            i += 2
            continue
        if c == '"':
            quoted = not quoted
        elif not quoted:
            depth += (c == "(") - (c == ")")
        if c == "," and depth == 0 and not quoted:
            parts.append(current)
            current = ""
        else:
            current += c
        i += 1
    return parts + [current]


def unquote(text):
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def is_filter(value):
    return re.match(r"(not\.)?(%s|in|is)\." % "|".join(OPERATORS), value) is not None


def condition(column, expression):
    """col=op.value as SQL."""
    negated = expression.startswith("not.")
    operator, _, value = expression[4 * negated :].partition(".")
    name = sql.Identifier(column)
    if operator == "is":
        if value not in ("null", "not_null", "true", "false", "unknown"):
            raise Refusal(400, "PGRST100", "failed to parse filter")
        found = sql.SQL("{} IS %s" % value.upper().replace("_", " ")).format(name)
    elif operator == "in" and value.startswith("(") and value.endswith(")"):
        items = [unquote(item) for item in split_list(value[1:-1])] if value != "()" else []
        array = "{%s}" % ",".join('"%s"' % re.sub(r'(["\\])', r"\\\1", item) for item in items)
        found = sql.SQL("{} = ANY ({})").format(name, sql.Literal(array))
    elif operator in OPERATORS:
        if operator.endswith("like"):
            value = value.replace("*", "%")
        found = sql.SQL("{} %s {}" % OPERATORS[operator].replace("%", "%%")).format(name, sql.Literal(value))
    else:
        raise Refusal(400, "PGRST100", "failed to parse filter")
    return sql.SQL("NOT ({})").format(found) if negated else found


def tree(joiner, text):
    """and=(..), or=(..) with what is nested in it."""
    if not (text.startswith("(") and text.endswith(")")):
        raise Refusal(400, "PGRST100", "failed to parse logic tree")
    parts = []
    for part in split_list(text[1:-1]):
        nested = re.match(r"(not\.)?(and|or)(\(.*)$", part, re.S)
        if nested:
            inner = tree(nested[2].upper(), nested[3])
            parts.append(sql.SQL("NOT {}").format(inner) if nested[1] else inner)
        else:
            column, _, expression = part.partition(".")
            operator, _, value = expression.partition(".")
            parts.append(condition(column, expression if operator in ("in", "not") else f"{operator}.{unquote(value)}"))
    return sql.SQL("({})").format(sql.SQL(f" {joiner} ").join(parts))


class Shape:
    """What the query's select, filters, order, limit and offset, and Range, ask for."""

    def __init__(self, pairs, headers):
        self.columns, self.filters, self.orders = sql.SQL("*"), [], []
        self.limit, self.offset = None, 0
        for name, value in pairs:
            if name == "select":
                self.columns = self.selected(value)
            elif name in ("and", "or"):
                self.filters.append(tree(name.upper(), value))
            elif name == "order":
                self.orders = [self.ordered(term) for term in value.split(",")]
            elif name in ("limit", "offset"):
                setattr(self, name, self.number(value))
            elif name not in RESERVED:
                if not is_filter(value):
                    raise Refusal(400, "PGRST100", f'"failed to parse filter ({value})" (line 1, column 1)')
                self.filters.append(condition(name, value))
        asked = re.fullmatch(r"(\d+)-(\d*)", headers.get("range", ""))
        if asked:
            self.offset = max(self.offset, int(asked[1]))
            if asked[2]:
                size = int(asked[2]) - int(asked[1]) + 1
                self.limit = size if self.limit is None else min(self.limit, size)
        self.count = "count=exact" in headers.get("prefer", "")

    @staticmethod
    def number(value):
        if not re.fullmatch(r"\d+", value):
            raise Refusal(400, "PGRST100", "failed to parse limit or offset")
        return int(value)

    @staticmethod
    def selected(value):
        columns = []
        for item in split_list(value):
            match = re.fullmatch(r"(?:(\w+):(?!:))?(\*|\w+)(?:::(\w+))?", item.strip())
            if not match:
                raise Refusal(400, "PGRST100", "failed to parse select parameter")
            alias, name, cast = match.groups()
            column = sql.SQL("*") if name == "*" else sql.Identifier(name)
            if cast:
                column = sql.SQL("{}::{}").format(column, sql.Identifier(cast))
            if alias or cast:
                column = sql.SQL("{} AS {}").format(column, sql.Identifier(alias or name))
            columns.append(column)
        return sql.SQL(", ").join(columns)

    @staticmethod
    def ordered(term):
        match = re.fullmatch(r"(\w+)(\.asc|\.desc)?(\.nullsfirst|\.nullslast)?", term)
        if not match:
            raise Refusal(400, "PGRST100", "failed to parse order")
        text = "{}" + (match[2] or "").replace(".", " ").upper()
        text += {None: "", ".nullsfirst": " NULLS FIRST", ".nullslast": " NULLS LAST"}[match[3]]
        return sql.SQL(text).format(sql.Identifier(match[1]))

    def rows(self, source):
        """The statement whose rows are the answer, and the one that counts all of them."""
        where = sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(self.filters)) if self.filters else sql.SQL("")
        order = sql.SQL(" ORDER BY {}").format(sql.SQL(", ").join(self.orders)) if self.orders else sql.SQL("")
        limit = MAX_ROWS if self.limit is None else min(self.limit, MAX_ROWS)
        return (
            sql.SQL("SELECT {} FROM {}{}{} LIMIT {} OFFSET {}").format(
                self.columns, source, where, order, sql.Literal(limit), sql.Literal(self.offset)
            ),
            sql.SQL("SELECT count(*) FROM {}{}").format(source, where),
        )


class Database:
    """Connections of the authenticator's login, and what schema appt has in it."""

    def __init__(self, dsn):
        self.dsn = dsn
        self.free = queue.LifoQueue()
        self.functions = {}
        self.tables = set()
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
            functions, tables = {}, set()
            for schema in SCHEMAS:
                cursor.execute(FUNCTIONS, (schema,))
                for row in cursor.fetchall():
                    functions.setdefault((schema, row[0]), []).append(Function(schema, row))
                cursor.execute(RELATIONS, (schema,))
                tables |= {(schema, row[0]) for row in cursor.fetchall()}
            self.functions, self.tables = functions, tables
        self.release(connection)

    def function(self, schema, name, given, content_type):
        for attempt in range(2):
            named = self.functions.get((schema, name), [])
            for function in named:
                if function.takes(given):
                    return function
            wanted = {"text/plain": ("text",), "application/json": ("json", "jsonb"), "application/octet-stream": ("bytea",)}
            for function in named:
                if function.unnamed in wanted.get(content_type, ()):
                    return function
            if attempt == 0:
                self.read_schema()
        parameters = ", ".join(sorted(given)) or "no parameters"
        raise Refusal(404, "PGRST202", f"Could not find the function {schema}.{name}({parameters}) in the schema cache")

    def has_table(self, schema, name):
        if (schema, name) not in self.tables:
            self.read_schema()
        return (schema, name) in self.tables


class Answer:
    def __init__(self, status, body=b"", content_type="application/json; charset=utf-8", headers=()):
        self.status, self.body, self.reason = status, body, None
        self.headers = [("Content-Type", content_type)] if content_type else []
        for header in headers:
            self.set(*header)

    def set(self, name, value):
        self.headers = [(n, v) for n, v in self.headers if n.lower() != name.lower() or name.lower() == "set-cookie"]
        self.headers.append((name, value))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "stand-in"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def do_any(self):
        began = time.monotonic()
        url = urllib.parse.urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        self.content = self.rfile.read(length) if length else b""
        self.lowered = {}
        for name, value in self.headers.items():
            known = self.lowered.get(name.lower())
            self.lowered[name.lower()] = value if known is None else f"{known}, {value}"
        self.role, claims = "appt_anonymous", {}
        try:
            claims = claims_of(self.lowered.get("authorization"), self.server)
            self.role = self.server.role_of(claims)
            self.schema = self.profile()
            answer = self.answer(url, claims)
        except Refusal as refusal:
            answer = Answer(refusal.status, json.dumps(refusal.body).encode(), headers=refusal.headers)
        except psycopg2.Error as error:
            answer = self.failure(error)
        self.send(answer)
        with self.server.record_lock:
            entry = {"method": self.command, "path": url.path, "status": answer.status, "role": self.role}
            entry["milliseconds"] = round(1000 * (time.monotonic() - began), 1)
            self.server.record.write(json.dumps(entry) + "\n")
            self.server.record.flush()

    do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = do_PUT = do_OPTIONS = do_any

    def failure(self, error):
        anonymous = self.role == "appt_anonymous"
        diag = error.diag
        if diag.sqlstate == "PGRST":
            told = json.loads(diag.message_detail)
            return Answer(told["status"], diag.message_primary.encode(), headers=told["headers"].items())
        sqlstate = diag.sqlstate or "08006"
        message = diag.message_primary or "connection lost"
        body = {"code": sqlstate, "details": diag.message_detail, "hint": diag.message_hint, "message": message}
        answer = Answer(status_of(sqlstate, anonymous), json.dumps(body).encode())
        if answer.status == 401:
            answer.set("WWW-Authenticate", "Bearer")
        if sqlstate.startswith("PT"):
            answer.reason = re.sub(r"[^\x20-\x7e]", " ", message)
        return answer

    def send(self, answer):
        self.send_response(answer.status, answer.reason)
        if self.lowered.get("origin"):
            answer.set("Access-Control-Allow-Origin", "*")
        has_body = answer.status not in (204, 304)
        for name, value in answer.headers:
            if has_body or name.lower() != "content-type":
                self.send_header(name, value)
        if has_body:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if has_body and self.command != "HEAD":
            self.wfile.write(answer.body)

    def profile(self):
        name = self.lowered.get("accept-profile" if self.command in ("GET", "HEAD") else "content-profile", SCHEMAS[0])
        if name not in SCHEMAS:
            raise Refusal(406, "PGRST106", f"Invalid schema: {name}")
        return name

    def answer(self, url, claims):
        if self.command == "OPTIONS":
            allowed = [("Access-Control-Allow-Methods", "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD")]
            return Answer(200, headers=allowed + [("Access-Control-Allow-Headers", "Authorization, Content-Type, Prefer, Range")])
        pairs = urllib.parse.parse_qsl(url.query, keep_blank_values=True)
        if url.path == "/":
            return Answer(200, b'{"swagger":"2.0","info":{"title":"a stand-in"}}', "application/openapi+json; charset=utf-8")
        if match := re.fullmatch(r"/rpc/([^/]+)", url.path):
            return self.call(urllib.parse.unquote(match[1]), pairs, claims)
        name = urllib.parse.unquote(url.path[1:])
        if "/" in name or not self.server.database.has_table(self.schema, name):
            raise Refusal(404, "PGRST205", f"Could not find the table '{self.schema}.{name}' in the schema cache")
        return self.table(name, pairs, claims)

    # Functions

    def call(self, name, pairs, claims):
        if self.command not in ("GET", "HEAD", "POST"):
            raise Refusal(405, "PGRST101", "Cannot use the method on RPC")
        if self.command == "POST":
            content_type, arguments = self.posted_arguments()
        else:
            content_type = None
            arguments = {n: v for n, v in pairs if n not in RESERVED and not is_filter(v)}
            pairs = [(n, v) for n, v in pairs if n in RESERVED or is_filter(v)]
        shape = Shape(pairs, self.lowered)
        function = self.server.database.function(self.schema, name, set(arguments), content_type)
        self.negotiate(function.kind == "octets")
        if function.kind != "row" and shape.filters:
            raise Refusal(400, "42703", "column pgrst_call does not exist")
        if self.command == "HEAD":
            return Answer(200, content_type="application/octet-stream" if function.kind == "octets" else "application/json; charset=utf-8")
        return self.run(claims, function, self.called(function, arguments), shape)

    def posted_arguments(self):
        content_type = self.lowered.get("content-type", "application/json").split(";")[0].strip().lower()
        if content_type == "application/x-www-form-urlencoded":
            return content_type, dict(urllib.parse.parse_qsl(self.content.decode("utf-8", "replace"), keep_blank_values=True))
        if content_type == "application/json":
            try:
                body = json.loads(self.content or b"{}")
            except ValueError:
                raise Refusal(400, "PGRST102", "Empty or invalid json") from None
            return content_type, body if isinstance(body, dict) else {}
        if content_type in ("text/plain", "application/octet-stream", "text/xml"):
            return content_type, {}
        raise Refusal(400, "PGRST102", f"Content-Type not acceptable: {content_type}")

    def called(self, function, arguments):
        """The function with its arguments, as SQL."""
        name = sql.Identifier(function.schema, function.name)
        if function.unnamed is not None:
            value = self.content if function.unnamed == "bytea" else self.content.decode("utf-8", "replace")
            return sql.SQL("{}({}::%s)" % function.unnamed).format(name, sql.Literal(value))
        passed = []
        for argument, value in arguments.items():
            kind = function.types[function.names.index(argument)]
            passed.append(sql.SQL("{} := {}").format(sql.Identifier(argument), self.argument(value, kind)))
        return sql.SQL("{}({})").format(name, sql.SQL(", ").join(passed))

    @staticmethod
    def argument(value, kind):
        if isinstance(value, str) or value is None:
            if isinstance(value, str) and "\0" in value:
                raise Refusal(400, "22P05", "unsupported Unicode escape sequence")
            return sql.SQL("{}::%s" % kind).format(sql.Literal(value))
        # As json_to_record takes it out of the body.
        body = sql.Literal(json.dumps({"v": value}))
        return sql.SQL("(SELECT v FROM json_to_record({}::json) AS _ (v %s))" % kind).format(body)

    def negotiate(self, any_type):
        accepted = [part.split(";")[0].strip().lower() for part in self.lowered.get("accept", "*/*").split(",")]
        fits = ("*/*", "application/*", "application/json", "application/vnd.pgrst.object+json")
        if not any_type and not any(media in fits for media in accepted):
            raise Refusal(406, "PGRST107", "None of these media types are available: " + ", ".join(accepted))

    # Tables and views

    def table(self, name, pairs, claims):
        self.negotiate(False)
        shape = Shape(pairs, self.lowered)
        table = sql.Identifier(self.schema, name)
        if self.command in ("GET", "HEAD"):
            return self.run(claims, None, table, shape)
        where = sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(shape.filters)) if shape.filters else sql.SQL("")
        if self.command == "DELETE":
            return self.change(claims, sql.SQL("DELETE FROM {}{}").format(table, where))
        body = json.loads(self.content)
        rows = body if isinstance(body, list) else [body]
        columns = sorted({column for row in rows for column in row})
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        source = sql.SQL("json_populate_recordset(NULL::{}, {}::json)").format(table, sql.Literal(json.dumps(rows)))
        if self.command == "POST":
            return self.change(claims, sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} AS r").format(table, names, names, source))
        if self.command != "PATCH":
            raise Refusal(405, "PGRST117", "Unsupported HTTP method")
        new = sql.SQL("UPDATE {} SET ({}) = (SELECT {} FROM {} AS r){}").format(table, names, names, source, where)
        return self.change(claims, new)

    def change(self, claims, statement):
        if "return=representation" in self.lowered.get("prefer", ""):
            whole = sql.SQL("WITH changed AS ({} RETURNING *) SELECT coalesce(json_agg(c), '[]')::text FROM changed c").format(statement)
            rows, headers, status = self.transaction(claims, False, [whole])
            return Answer(status or (201 if self.command == "POST" else 200), rows[0][0].encode(), headers=headers)
        _, headers, status = self.transaction(claims, False, [statement])
        return Answer(status or (201 if self.command == "POST" else 204), headers=headers)

    # Both

    def run(self, claims, function, source, shape):
        read_only = self.command != "POST" or function.volatility != "v"
        kind = "row" if function is None else function.kind
        if kind in ("void", "octets", "scalar") and not (function.is_set and kind == "scalar"):
            text = {"void": "SELECT {}", "octets": "SELECT {}::bytea", "scalar": "SELECT coalesce(to_json({}), 'null')::text"}[kind]
            rows, headers, status = self.transaction(claims, read_only, [sql.SQL(text).format(source)])
            if kind == "void":
                return Answer(status or 204, headers=headers)
            if kind == "octets":
                return Answer(status or 200, bytes(rows[0][0] or b""), "application/octet-stream", headers)
            return Answer(status or 200, rows[0][0].encode(), headers=headers)
        if kind == "scalar":
            source = sql.SQL("(SELECT {} AS pgrst_scalar) AS s").format(source)
            shape.columns = sql.SQL("pgrst_scalar")
        statement, counted = shape.rows(source)
        item = "to_json(t.pgrst_scalar)" if kind == "scalar" else "to_json(t)"
        body = sql.SQL("SELECT coalesce(json_agg(%s), '[]')::text, count(*) FROM ({}) AS t" % item).format(statement)
        rows, headers, status = self.transaction(claims, read_only, [body, counted] if shape.count else [body])
        text, number = rows[0][0], rows[0][1]
        wants_object = "vnd.pgrst.object+json" in self.lowered.get("accept", "")
        if (function is not None and not function.is_set) or wants_object:
            if number != 1:
                raise Refusal(406, "PGRST116", "Cannot coerce the result to a single JSON object")
            return Answer(status or 200, json_first(text).encode(), headers=headers)
        total = rows[1][0] if shape.count else None
        answer = Answer(status or 200, text.encode())
        last = f"{shape.offset}-{shape.offset + number - 1}" if number else "*"
        answer.set("Content-Range", f"{last}/{'*' if total is None else total}")
        for header in headers:
            answer.set(*header)
        if total is not None and not status:
            answer.status = 206 if number < total and shape.offset < total else 416 if shape.offset > total else 200
        return answer

    def transaction(self, claims, read_only, statements):
        """The first rows of the statements, and what the call set in response.headers and response.status."""
        database = self.server.database
        settings = {
            "search_path": f'"{self.schema}", "pg_catalog"',
            "role": self.role,
            "request.jwt.claims": json.dumps({"role": self.role, **claims}),
            "request.method": self.command,
            "request.path": urllib.parse.urlsplit(self.path).path,
            "request.headers": json.dumps(self.lowered),
            "request.cookies": "{}",
            **self.server.settings,
        }
        connection = database.connection()
        try:
            with connection.cursor() as cursor:
                cursor.execute("START TRANSACTION ISOLATION LEVEL READ COMMITTED READ " + ("ONLY" if read_only else "WRITE"))
                places = ", ".join(["set_config(%s, %s, true)"] * len(settings))
                cursor.execute(f"SELECT {places}", [item for pair in settings.items() for item in pair])
                if self.server.pre_request:
                    cursor.execute(sql.SQL("SELECT {}()").format(sql.Identifier(*self.server.pre_request.split("."))))
                rows = []
                for statement in statements:
                    cursor.execute(statement)
                    rows.append(cursor.fetchone() if cursor.description else None)
                cursor.execute(
                    "SELECT nullif(current_setting('response.headers', true), ''), nullif(current_setting('response.status', true), '')"
                )
                headers, status = cursor.fetchone()
                cursor.execute("COMMIT")
        except psycopg2.Error:
            if not connection.closed:
                with connection.cursor() as cursor:
                    cursor.execute("ROLLBACK")
            raise
        finally:
            database.release(connection)
        pairs = [pair for header in json.loads(headers or "[]") for pair in header.items()]
        return rows, pairs, int(status) if status else None


def json_first(text):
    """The only element of an array that PostgreSQL wrote, as it is written there."""
    return text.strip()[1:-1].strip()


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128
    role_claim = "role"

    def role_of(self, claims):
        """The claim, or the first text of a list in it that begins with ROLE_."""
        named = claims.get(self.role_claim)
        if isinstance(named, list):
            named = next((role for role in named if role.startswith("ROLE_")), None)
        return named or "appt_anonymous"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dsn", required=True, help="how to connect as the authenticator's login")
    parser.add_argument("--secret-file", required=True, help="the key of tokens")
    parser.add_argument("--public-key", help="the key of tokens by RS256: a file in PEM")
    parser.add_argument("--record", required=True)
    parser.add_argument("--pre-request", help="db-pre-request: a function to call first")
    parser.add_argument("--role-claim", default="role", help="jwt-role-claim-key: a claim, or a list of which those with ROLE_ count")
    parser.add_argument("--setting", action="append", default=[], help="app.settings.NAME=VALUE")
    options = parser.parse_args()
    server = Server(("127.0.0.1", 0), Handler)
    with open(options.secret_file, "rb") as file:
        server.secret = file.read()
    server.public_key = read_public_key(options.public_key) if options.public_key else None
    server.pre_request, server.role_claim = options.pre_request, options.role_claim
    server.settings = dict(setting.split("=", 1) for setting in options.setting)
    server.database = Database(options.dsn)
    server.database.read_schema()
    server.record = open(options.record, "a", encoding="utf-8")
    server.record_lock = threading.Lock()
    print(f"port {server.server_address[1]}")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
