#!/usr/bin/python3
"""A stand-in for PostgREST 16 where there is none: HTTP in front of the schemas appt and appt_rest, for tests.

Listens on 127.0.0.1, on a port that it prints as its first line ("port 12345"). Every request is one transaction, set up as
PostgREST does: role of the token (HS256, or RS256 with --public-key) or appt_anonymous, request.jwt.claims, request.headers,
request.method and request.path for that transaction; read-only for GET and for functions that are not VOLATILE. What it knows:

    GET, HEAD /rpc/NAME?argument=   arguments by name; one that the function does not have, or a missing one: 404 PGRST202.
                                    HEAD of a function that returns one value does not run it
    POST /rpc/NAME                  JSON object or urlencoded form: arguments by name; text/plain, application/json and
                                    application/octet-stream also go whole to a single unnamed text, json(b) or bytea
    GET, HEAD /TABLE                select with rows of other tables, order, limit, offset; filters eq neq gt gte lt lte like
                                    ilike in is, not., and, or, paths in JSON; Range. Rows of a function can be filtered likewise
    POST, PATCH, DELETE /TABLE      rows in JSON
    Prefer                          count, return, handling, max-affected, timezone; tx is ignored
    Accept                          JSON, an array or an object, and CSV
    Accept-Profile, Content-Profile the schema of a request: the former for GET and HEAD, the latter for all others

Errors are answered as PostgREST maps their SQLSTATE, SQLSTATE PGRST by its message and detail; response.headers and
response.status are honoured; a function that returns the domain "*/*" answers its bytes. 081_postgrest.pl holds with the real
one and with this, but for the description of the API. Also missing are PUT, upserts, CSV in bodies, nulls=stripped, other operators,
hints, and the details of what cannot be parsed. Each request is appended to --record as a line of JSON:
{"method", "path" (without the query), "status", "role", "milliseconds"}.
"""

import argparse
import base64
import binascii
import hashlib
import hmac
import http.server
import json
import re
import socketserver
import subprocess
import sys
import threading
import time
import urllib.parse

import psycopg2
from psycopg2 import sql
from rest_catalog import SCHEMAS, Database
from rest_query import NoText, Preferences, Refusal, Shape, is_filter, pairs_of, RESERVED

JSON = "application/json; charset=utf-8"
OBJECT = "application/vnd.pgrst.object+json; charset=utf-8"
CSV = "text/csv; charset=utf-8"
METHODS = "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD"
EXPOSED = "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, Transfer-Encoding, Range-Unit"


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


def bad_token(code, message, details=None):
    header = f'Bearer error="invalid_token", error_description="{message}"'
    return Refusal(401, code, message, details, headers=[("WWW-Authenticate", header)])


def claims_of(authorization, server):
    """Claims of a bearer token; none of any other Authorization."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        return {}
    if not token.strip():
        raise bad_token("PGRST301", "Empty JWT is sent in Authorization header")
    parts = token.strip().split(".")
    if len(parts) != 3:
        raise bad_token("PGRST301", f"Expected 3 parts in JWT; got {len(parts)}")
    try:
        algorithm = json.loads(base64url(parts[0])).get("alg")
        proof = base64url(parts[2])
        claims = json.loads(base64url(parts[1]))
    except (ValueError, AttributeError, binascii.Error):
        raise bad_token("PGRST301", "JWT cryptographic operation failed") from None
    if algorithm == "none":
        details = "JWT is unsecured but expected 'alg' was not 'none'"
        raise bad_token("PGRST301", "Wrong or unsupported encoding algorithm", details)
    signed = f"{parts[0]}.{parts[1]}".encode()
    if algorithm == "RS256" and server.public_key:
        genuine = is_rs256(signed, proof, server.public_key)
    else:
        expected = hmac.new(server.secret, signed, hashlib.sha256).digest()
        genuine = algorithm == "HS256" and hmac.compare_digest(expected, proof)
    if not genuine:
        raise bad_token("PGRST301", "No suitable key or wrong key type", "None of the keys was able to decode the JWT")
    now = time.time()
    for claim, is_bad, message in (
        ("exp", lambda value: value < now - 31, "JWT expired"),
        ("nbf", lambda value: value > now + 30, "JWT not yet valid"),
        ("iat", lambda value: value > now + 30, "JWT issued at future"),
    ):
        value = claims.get(claim)
        if value is not None and not isinstance(value, (int, float)):
            raise bad_token("PGRST303", f"The JWT '{claim}' claim must be a number")
        if value is not None and is_bad(value):
            raise bad_token("PGRST303", message)
    return claims


def status_of(sqlstate, message, anonymous):
    """As PostgREST maps them."""
    if re.fullmatch(r"PT\d{3}", sqlstate):
        return int(sqlstate[2:])
    if sqlstate == "42501":
        return 401 if anonymous else 403
    if sqlstate == "22023" and message.startswith("role") and message.endswith("does not exist"):
        return 401
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


class Answer:
    def __init__(self, status, body=b"", content_type=JSON, headers=()):
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
        self.role = "appt_anonymous"
        try:
            answer = self.preflight() or self.authorized(url)
        except Refusal as refusal:
            answer = Answer(refusal.status, json.dumps(refusal.body).encode(), headers=refusal.headers)
            answer.set("Proxy-Status", f"PostgREST; error={refusal.code}")
        except psycopg2.Error as error:
            answer = self.failure(error)
        except NoText:
            # Nor does PostgREST log it.
            self.send(Answer(500, b"Something went wrong", "text/plain; charset=utf-8"))
            return
        self.send(answer)
        with self.server.record_lock:
            entry = {"method": self.command, "path": url.path, "status": answer.status, "role": self.role}
            entry["milliseconds"] = round(1000 * (time.monotonic() - began), 1)
            self.server.record.write(json.dumps(entry) + "\n")
            self.server.record.flush()

    do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = do_PUT = do_OPTIONS = do_TRACE = do_any

    def preflight(self):
        """What a browser asks before it sends a request to another site."""
        if self.command != "OPTIONS" or not {"origin", "access-control-request-method"} <= set(self.lowered):
            return None
        asked = [name.strip() for name in self.lowered.get("access-control-request-headers", "").split(",") if name.strip()]
        allowed = ", ".join(["Authorization", *asked, "Accept", "Accept-Language", "Content-Language"])
        headers = [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Methods", METHODS)]
        headers += [("Access-Control-Allow-Headers", allowed), ("Access-Control-Max-Age", "86400")]
        return Answer(200, content_type=None, headers=headers)

    def failure(self, error):
        diag = error.diag
        if not diag.sqlstate:
            return self.without_database(error)
        message = diag.message_primary
        if diag.sqlstate == "PGRST":
            told = json.loads(diag.message_detail)
            answer = Answer(told["status"], message.encode(), headers=told["headers"].items())
            answer.set("Proxy-Status", f"PostgREST; error={json.loads(message)['code']}")
            return answer
        sqlstate = diag.sqlstate
        body = {"code": sqlstate, "details": diag.message_detail, "hint": diag.message_hint, "message": message}
        answer = Answer(status_of(sqlstate, message, self.role == "appt_anonymous"), json.dumps(body).encode())
        answer.set("Proxy-Status", f"PostgREST; error={sqlstate}")
        if answer.status == 401:
            answer.set("WWW-Authenticate", "Bearer")
        if sqlstate.startswith("PT"):
            answer.reason = re.sub(r"[^\x20-\x7e]", " ", message)
        return answer

    def without_database(self, error):
        body = {"code": "PGRST000", "details": str(error), "hint": None, "message": "Database connection error."}
        return Answer(503, json.dumps(body).encode(), headers=[("Proxy-Status", "PostgREST; error=PGRST000")])

    def send(self, answer):
        self.send_response(answer.status, answer.reason)
        if answer.status == 503:
            # Beside one that the database sets.
            self.send_header("Retry-After", "0")
        if self.lowered.get("origin") and self.command != "OPTIONS":
            answer.set("Access-Control-Allow-Origin", "*")
            answer.set("Access-Control-Expose-Headers", EXPOSED)
        has_body = answer.status not in (204, 304)
        for name, value in answer.headers:
            self.send_header(name, value)
        names = {name.lower() for name, _ in answer.headers}
        # PostgREST announces the length of a body even where the status has none.
        if "content-length" not in names and (has_body or "content-type" in names):
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if has_body and self.command != "HEAD":
            self.wfile.write(answer.body)

    def authorized(self, url):
        claims = claims_of(self.lowered.get("authorization"), self.server)
        self.role = self.server.role_of(claims)
        answer = self.answer(url, claims)
        answer.set("Vary", "Accept, Prefer, Range")
        return answer

    def profile(self):
        name = self.lowered.get("content-profile" if self.command in ("POST", "PATCH", "PUT", "DELETE") else "accept-profile", SCHEMAS[0])
        if name not in SCHEMAS:
            hint = "Only the following schemas are exposed: " + ", ".join(SCHEMAS)
            raise Refusal(406, "PGRST106", f"Invalid schema: {name}", hint=hint)
        return name

    def answer(self, url, claims):
        path = [urllib.parse.unquote(part, errors="replace") for part in url.path.split("/")[1:]]
        if path != [""] and len(path) != 1 and not (len(path) == 2 and path[0] == "rpc"):
            raise Refusal(404, "PGRST125", "Invalid path specified in request URL")
        self.schema = self.profile()
        self.preferences = Preferences(self.lowered.get("prefer"))
        if len(path) == 2:
            if self.command not in ("GET", "HEAD", "POST", "OPTIONS"):
                raise Refusal(405, "PGRST101", f"Cannot use the {self.command} method on RPC")
            return self.call(path[1], pairs_of(url.query), claims)
        if path == [""]:
            return self.root()
        return self.table(path[0], pairs_of(url.query), claims)

    def root(self):
        if self.command == "OPTIONS":
            return self.info("OPTIONS,GET,HEAD")
        if self.command not in ("GET", "HEAD"):
            raise Refusal(405, "PGRST117", f"Unsupported HTTP method: {self.command}")
        accepted = self.accepted()
        if not any(media in ("*/*", "application/json", "application/openapi+json") for media in accepted):
            raise self.not_acceptable(accepted)
        body = b'{"swagger":"2.0","info":{"title":"a stand-in"}}'
        return Answer(200, body, "application/openapi+json; charset=utf-8", [("Content-Profile", self.schema)])

    @staticmethod
    def info(methods):
        return Answer(200, content_type=None, headers=[("Access-Control-Allow-Origin", "*"), ("Allow", methods)])

    def accepted(self):
        """Media types, the ones that the client prefers first."""
        types = []
        for part in self.lowered.get("accept", "*/*").split(","):
            name, *parameters = [word.strip().lower() for word in part.split(";")]
            quality = next((word[2:] for word in parameters if word.startswith("q=")), "1")
            types.append((-float(quality), name == "*/*", len(types), name))
        return [entry[3] for entry in sorted(types)]

    @staticmethod
    def not_acceptable(accepted):
        return Refusal(406, "PGRST107", "None of these media types are available: " + ", ".join(accepted))

    def negotiate(self):
        """The Content-Type of rows and values."""
        accepted = self.accepted()
        for media in accepted:
            if media in ("*/*", "application/json", "application/vnd.pgrst.array+json"):
                return JSON
            if media in ("application/vnd.pgrst.object+json", "application/vnd.pgrst.object"):
                return OBJECT
            if media == "text/csv":
                return CSV
        raise self.not_acceptable(accepted)

    def media_type(self):
        return self.lowered.get("content-type", "application/json").split(";")[0].strip().lower()

    def json_payload(self):
        """The body, whose rows have the same members; what is neither object nor array is an empty array."""
        try:
            value = json.loads(self.content.decode("utf-8"))
        except ValueError:
            raise Refusal(400, "PGRST102", "Empty or invalid json") from None
        if isinstance(value, list) and value:
            if not all(isinstance(row, dict) and isinstance(value[0], dict) and row.keys() == value[0].keys() for row in value):
                raise Refusal(400, "PGRST102", "All object keys must match")
        return value if isinstance(value, (dict, list)) else []

    # Functions

    def call(self, name, pairs, claims):
        content_type, arguments = None, {}
        if self.command == "POST":
            shape = Shape(pairs, self.lowered, self.command)
            content_type, arguments = self.posted_arguments()
        else:
            arguments = {n: v for n, v in pairs if n not in RESERVED and not is_filter(v)}
            shape = Shape([(n, v) for n, v in pairs if n in RESERVED or is_filter(v)], self.lowered, self.command)
        function = self.server.database.function(self.schema, name, set(arguments), content_type)
        if self.command == "OPTIONS":
            return self.info("OPTIONS,POST" if function.volatility == "v" else "OPTIONS,GET,HEAD,POST")
        media = None if function.kind == "octets" else self.negotiate()
        self.preferences.check()
        if self.preferences.most is not None and not function.is_set:
            message = "Function must return SETOF or TABLE when max-affected preference is used with handling=strict"
            raise Refusal(400, "PGRST128", message)
        if function.kind != "row" and (shape.filters or shape.selected != ["*"]):
            raise Refusal(400, "42703", f"column {function.name} does not exist")
        read_only = self.command != "POST" or function.volatility != "v"
        called = self.called(function, arguments)
        if function.is_set or function.kind == "row":
            return self.rows(claims, read_only, shape, called, function, media)
        return self.value(claims, read_only, called, function, media)

    def posted_arguments(self):
        content_type = self.media_type()
        if content_type == "application/x-www-form-urlencoded":
            return content_type, dict(pairs_of(self.content.decode("latin-1")))
        if content_type == "application/json":
            value = self.json_payload() if self.content else {}
            if self.content and not isinstance(value, dict) and json.loads(self.content) != value:
                self.content = b"[]"
            return content_type, value if isinstance(value, dict) else value[0] if value else {}
        if content_type in ("text/plain", "application/octet-stream", "text/xml"):
            return content_type, {}
        raise Refusal(400, "PGRST102", f"Content-Type not acceptable: {self.lowered['content-type']}")

    def called(self, function, arguments):
        """The function with its arguments, as SQL."""
        name = sql.Identifier(function.schema, function.name)
        if function.unnamed is not None:
            value = self.content if function.unnamed == "bytea" else self.content.decode("utf-8", "surrogateescape")
            return sql.SQL("{}({}::%s)" % function.unnamed).format(name, sql.Literal(value))
        passed = []
        for argument, value in arguments.items():
            kind = function.types[function.names.index(argument)]
            passed.append(sql.SQL("{} := {}").format(sql.Identifier(argument), self.argument(value, kind)))
        return sql.SQL("{}({})").format(name, sql.SQL(", ").join(passed))

    @staticmethod
    def argument(value, kind):
        if value is None or (isinstance(value, str) and "\0" not in value):
            return sql.SQL("{}::%s" % kind).format(sql.Literal(value))
        # As json_to_record takes it out of the body.
        body = sql.Literal(json.dumps({"v": value}))
        return sql.SQL("(SELECT v FROM json_to_record({}::json) AS _ (v %s))" % kind).format(body)

    def value(self, claims, read_only, called, function, media):
        """A function that returns one value, or nothing."""
        names = ("count", "handling", "timezone")
        headers = [("Content-Range", "0-0/" + ("1" if self.preferences.count == "exact" else "*")), *self.preferences.applied(names)]
        headers += [("Content-Profile", self.schema)] if function.kind != "void" else []
        shown = {"octets": "t.v::bytea", "void": "NULL"}.get(function.kind, "coalesce(to_json(t.v), 'null')::text")
        if media == CSV:
            shown = "'pgrst_scalar' || E'\n' || trim('()' FROM (ROW(t.v))::text)"
        if self.command == "HEAD":
            shown = "count(*)"
        statement = sql.SQL("SELECT %s FROM (SELECT {} AS v) AS t" % shown).format(called)
        if function.kind == "void" and self.command != "HEAD":
            statement = sql.SQL("SELECT {}").format(called)
        row, more, status = self.transaction(claims, read_only, statement)
        content_type = {"void": None, "octets": "application/octet-stream"}.get(function.kind, media)
        if function.kind == "void" or self.command == "HEAD":
            return Answer(status or (204 if function.kind == "void" else 200), b"", content_type, headers + more)
        body = row[0] or "" if function.kind == "octets" or media == CSV else row[0]
        return Answer(status or 200, bytes(body or b"") if function.kind == "octets" else body.encode(), content_type, headers + more)

    # Tables and views

    def table(self, name, pairs, claims):
        if self.command == "OPTIONS":
            return self.info(self.server.database.relation(self.schema, name).allowed())
        shape = Shape(pairs, self.lowered, self.command)
        body = self.row_payload() if self.command in ("POST", "PATCH", "PUT") else None
        relation = self.server.database.relation(self.schema, name)
        media = self.negotiate()
        self.preferences.check()
        if self.command in ("GET", "HEAD"):
            answer = self.rows(claims, True, shape, sql.Identifier(self.schema, name), relation, media)
            quoted = sorted(f"{urllib.parse.quote(n, safe='')}={urllib.parse.quote(v, safe='')}" for n, v in pairs)
            answer.set("Content-Location", f"/{name}" + ("?" + "&".join(quoted) if quoted else ""))
            return answer
        if self.command == "PUT":
            message = "Filters must include all and only primary key columns with 'eq' operators"
            raise Refusal(405, "PGRST105", message)
        return self.change(claims, shape, relation, body, media)

    def row_payload(self):
        content_type = self.media_type()
        if content_type == "application/json":
            return self.json_payload()
        if content_type == "application/x-www-form-urlencoded":
            return dict(pairs_of(self.content.decode("latin-1")))
        raise Refusal(400, "PGRST102", f"Content-Type not acceptable: {self.lowered['content-type']}")

    def change(self, claims, shape, relation, body, media):
        """INSERT, UPDATE or DELETE, and what it returns."""
        table = sql.Identifier(self.schema, relation.name)
        rows = body if isinstance(body, list) else [body]
        columns = sorted(rows[0]) if rows and rows[0] else []
        for name in columns:
            if name not in relation.columns:
                raise Refusal(400, "PGRST204", f"Could not find the '{name}' column of '{relation.name}' in the schema cache")
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        source = sql.SQL("json_populate_recordset(NULL::{}, {}::json)").format(table, sql.Literal(json.dumps(rows)))
        if self.command == "DELETE":
            statement = sql.SQL("DELETE FROM {}{}").format(table, shape.where())
        elif self.command == "PATCH":
            statement = sql.SQL("UPDATE {} SET ({}) = (SELECT {} FROM {} AS r){}").format(table, names, names, source, shape.where())
        elif columns:
            statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} AS r").format(table, names, names, source)
        else:
            statement = sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table)
        if self.command != "DELETE" and (not rows or (self.command == "PATCH" and not columns)):
            statement = sql.SQL("SELECT FROM {} WHERE false").format(table)
        shown = self.preferences.values.get("return") == "representation"
        if shown:
            text = "WITH changed AS ({} RETURNING *) SELECT %s, count(*) FROM (SELECT {} FROM changed) AS t" % self.body_of(media)
            statement = sql.SQL(text).format(statement, shape.columns())
        row, more, status = self.transaction(claims, False, statement, self.check_changed if shown else None)
        number = row[1] if shown else row
        total = number if self.preferences.count in ("exact", "estimated") else "*"
        changed = f"0-{number - 1}" if self.command == "PATCH" and number else "*"
        names = ["missing"] if self.command != "DELETE" else []
        names += ["return", "count", "handling", "timezone"] + (["max-affected"] if self.command != "POST" else [])
        headers = [("Content-Range", f"{changed}/{total}"), *self.preferences.applied(names)]
        if not shown:
            return Answer(status or (201 if self.command == "POST" else 204), content_type=None, headers=headers + more)
        headers.append(("Content-Profile", self.schema))
        return Answer(status or (201 if self.command == "POST" else 200), row[0].encode(), media, headers + more)

    def check_changed(self, row):
        if self.negotiate() == OBJECT and row[1] != 1:
            raise self.not_single(row[1])
        self.preferences.check_number(row[1])

    # Both

    @staticmethod
    def not_single(number):
        details = f"The result contains {number} rows"
        return Refusal(406, "PGRST116", "Cannot coerce the result to a single JSON object", details)

    @staticmethod
    def body_of(media, item="t", is_single=False):
        """The rows t put together, as SQL."""
        if media == CSV:
            head = "(SELECT string_agg(k, ',') FROM json_object_keys((json_agg(t)->0)) AS k)"
            return f"coalesce({head}, '') || E'\n' || coalesce(string_agg(substring(t::text, 2, length(t::text) - 2), E'\n'), '')"
        if media == OBJECT or is_single:
            return f"coalesce((json_agg({item})->0)::text, 'null')"
        return f"coalesce(json_agg({item}), '[]')::text"

    def rows(self, claims, read_only, shape, source, origin, media):
        """Rows of a table, a view, or a function: of one that returns a row, it is the object."""
        relation = None if hasattr(origin, "kind") else origin
        is_single = relation is None and not origin.is_set
        item = "t"
        start = sql.SQL("")
        if relation is None:
            if origin.kind == "scalar":
                source, item = sql.SQL("SELECT {} AS pgrst_scalar").format(source), "t.pgrst_scalar"
            else:
                source = sql.SQL("SELECT * FROM {} AS pgrst_call").format(source)
            start = sql.SQL("WITH pgrst_call AS ({}) ").format(source)
            source = sql.SQL("pgrst_call")
        statement, whole = shape.rows(source, relation)
        count = sql.SQL("(SELECT count(*) FROM ({}) AS c)").format(whole)
        statement = sql.SQL("{}SELECT %s, count(*), {} FROM ({}) AS t" % self.body_of(media, item, is_single)).format(
            start, count if self.preferences.count in ("exact", "estimated") else sql.SQL("NULL::bigint"), statement
        )

        def check(row):
            if not is_single and media == OBJECT and row[1] != 1:
                raise self.not_single(row[1])
            if relation is None:
                self.preferences.check_number(row[1])

        explained = whole if relation and self.preferences.count in ("planned", "estimated") else None
        row, more, status = self.transaction(claims, read_only, statement, check, explained)
        text, number, total = row
        number = 1 if is_single else number
        found, content_range = shape.content_range(number, total)
        names = ["count", "handling", "timezone"] + (["max-affected"] if relation is None else [])
        headers = [content_range, *self.preferences.applied(names), ("Content-Profile", self.schema)]
        if found == 416:
            details = f"An offset of {shape.offset} was requested, but there are only {total} rows."
            text = json.dumps({"code": "PGRST103", "details": details, "hint": None, "message": "Requested range not satisfiable"})
        return Answer(status or found, text.encode(), media, headers + more)

    def transaction(self, claims, read_only, statement, check=None, explained=None):
        """The first row of the statement, or how many it changed, and what it set in response.headers and response.status."""
        database = self.server.database
        settings = {
            "search_path": f'"{self.schema}", "pg_catalog"',
            "role": self.role,
            "request.jwt.claims": json.dumps({"role": self.role, **claims}),
            "request.method": self.command,
            "request.path": urllib.parse.urlsplit(self.path).path,
            "request.headers": json.dumps(self.lowered),
            "request.cookies": "{}",
            **({"timezone": self.preferences.values["timezone"]} if "timezone" in self.preferences.values else {}),
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
                cursor.execute(statement)
                row = cursor.fetchone() if cursor.description else cursor.rowcount
                if not cursor.description:
                    self.preferences.check_number(row)
                if check:
                    check(row)
                if explained:
                    cursor.execute(sql.SQL("EXPLAIN (FORMAT JSON) {}").format(explained))
                cursor.execute(
                    "SELECT nullif(current_setting('response.headers', true), ''), nullif(current_setting('response.status', true), '')"
                )
                headers, status = cursor.fetchone()
                cursor.execute("COMMIT")
        except (psycopg2.Error, Refusal):
            if not connection.closed:
                with connection.cursor() as cursor:
                    cursor.execute("ROLLBACK")
            raise
        finally:
            database.release(connection)
        pairs = [pair for header in json.loads(headers or "[]") for pair in header.items()]
        return row, pairs, int(status) if status else None


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128
    role_claim = "role"

    def role_of(self, claims):
        """The claim, or the first text of a list in it that begins with ROLE_."""
        named = claims.get(self.role_claim)
        if isinstance(named, list):
            named = next((role for role in named if role.startswith("ROLE_")), None)
        if named is None:
            return "appt_anonymous"
        return named if isinstance(named, str) else json.dumps(named)


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
