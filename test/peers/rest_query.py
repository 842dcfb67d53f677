"""What rest_server.py makes of a request's query and headers: rows of a table, a view or a function, as SQL."""

import re
import urllib.parse

from psycopg2 import sql

MAX_ROWS = 1000
OPERATORS = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "like": "LIKE", "ilike": "ILIKE"}
RESERVED = {"select", "order", "limit", "offset", "and", "or", "on_conflict", "columns"}


class Refusal(Exception):
    """An answer that is an error, by the server's own judgement."""

    def __init__(self, status, code, message, details=None, hint=None, headers=()):
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers
        self.body = {"code": code, "details": details, "hint": hint, "message": message}


class NoText(Exception):
    """A query or a form that is not UTF-8: PostgREST fails."""


def pairs_of(text):
    """Names and values of a query or a form, whose octets are the characters of the text."""
    pairs = []
    for part in re.split(r"[&;]", text):
        if part:
            name, _, value = part.partition("=")
            pairs.append((decoded(name), decoded(value)))
    return pairs


def decoded(text):
    try:
        # What comes after a zero byte does not reach the database.
        return urllib.parse.unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode("utf-8").split("\0")[0]
    except UnicodeDecodeError:
        raise NoText from None


def unparsable(what, value, column=1):
    return Refusal(400, "PGRST100", f'"failed to parse {what} ({value})" (line 1, column {column})')


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


def column(name):
    """A column, or what is at a path in one: metadata->a->>b."""
    first, *steps = re.split(r"(->>?)", name)
    found = sql.Identifier(first)
    if steps:
        found = sql.SQL("to_jsonb({})").format(found)
    for arrow, key in zip(steps[::2], steps[1::2]):
        found = sql.SQL("{}%s{}" % arrow).format(found, sql.Literal(int(key) if key.isdigit() else key))
    return found


def condition(name, expression):
    """name=op.value as SQL."""
    negated = expression.startswith("not.")
    operator, _, value = expression[4 * negated :].partition(".")
    left = column(name)
    if operator == "is":
        if value not in ("null", "not_null", "true", "false", "unknown"):
            raise unparsable("filter", expression, 4)
        found = sql.SQL("{} IS %s" % value.upper().replace("_", " ")).format(left)
    elif operator == "in" and value.startswith("(") and value.endswith(")"):
        items = [unquote(item) for item in split_list(value[1:-1])] if value != "()" else []
        array = "{%s}" % ",".join('"%s"' % re.sub(r'(["\\])', r"\\\1", item) for item in items)
        found = sql.SQL("{} = ANY ({})").format(left, sql.Literal(array))
    elif operator in OPERATORS:
        if operator.endswith("like"):
            value = value.replace("*", "%")
        found = sql.SQL("{} %s {}" % OPERATORS[operator].replace("%", "%%")).format(left, sql.Literal(value))
    else:
        raise unparsable("filter", expression)
    return sql.SQL("NOT ({})").format(found) if negated else found


def tree(joiner, text):
    """and=(..), or=(..) with what is nested in it."""
    if not (text.startswith("(") and text.endswith(")")):
        raise unparsable("logic tree", text)
    parts = []
    for part in split_list(text[1:-1]):
        nested = re.match(r"(not\.)?(and|or)(\(.*)$", part, re.S)
        if nested:
            inner = tree(nested[2].upper(), nested[3])
            parts.append(sql.SQL("NOT {}").format(inner) if nested[1] else inner)
        else:
            name, _, expression = part.partition(".")
            operator, _, value = expression.partition(".")
            parts.append(condition(name, expression if operator in ("in", "not") else f"{operator}.{unquote(value)}"))
    return sql.SQL("({})").format(sql.SQL(f" {joiner} ").join(parts))


class Preferences:
    KNOWN = {
        "resolution": ("merge-duplicates", "ignore-duplicates"),
        "missing": ("default", "null"),
        "return": ("representation", "minimal", "headers-only"),
        "count": ("exact", "planned", "estimated"),
        "tx": ("commit", "rollback"),
        "handling": ("strict", "lenient"),
    }

    def __init__(self, header):
        self.values, self.unknown = {}, []
        for preference in [part.strip() for part in (header or "").split(",")]:
            name, _, value = preference.partition("=")
            if value in self.KNOWN.get(name, ()) or name == "timezone" or name == "max-affected":
                self.values.setdefault(name, value)
            elif preference:
                self.unknown.append(preference)
        self.strict = self.values.get("handling") == "strict"
        self.count = self.values.get("count")
        limit = self.values.get("max-affected", "")
        self.most = int(limit) if self.strict and limit.isdigit() else None

    def check(self):
        if self.strict and self.unknown:
            details = "Invalid preferences: " + ", ".join(self.unknown)
            raise Refusal(400, "PGRST122", "Invalid preferences given with handling=strict", details)

    def check_number(self, number):
        if self.most is not None and number > self.most:
            message = "Query result exceeds max-affected preference constraint"
            raise Refusal(400, "PGRST124", message, f"The query affects {number} rows")

    def applied(self, names):
        """The header that tells which ones were heeded, of those that such a request knows."""
        told = [f"{name}={self.values[name]}" for name in names if name in self.values]
        if "max-affected" in names and self.most is None:
            told = [one for one in told if not one.startswith("max-affected=")]
        return [("Preference-Applied", ", ".join(told))] if told else []


class Shape:
    """What the query's select, filters, order, limit and offset, and Range, ask for."""

    def __init__(self, pairs, headers, method="GET"):
        self.selected, self.filters, self.orders, self.embedded = ["*"], [], [], {}
        self.limit, self.offset = None, 0
        for name, value in pairs:
            if name == "select":
                self.selected = split_list(value) if value else ["*"]
            elif name in ("and", "or"):
                self.filters.append(tree(name.upper(), value))
            elif name == "order":
                self.orders = [self.ordered(term, value) for term in value.split(",")]
            elif name == "limit" and re.fullmatch(r"-?\d+", value):
                self.limit = int(value)
            elif name == "offset" and re.fullmatch(r"\d+", value):
                self.offset = int(value)
            elif name not in RESERVED:
                if not is_filter(value):
                    raise unparsable("filter", value)
                before, _, after = name.partition(".")
                where = self.embedded.setdefault(before, []) if after else self.filters
                where.append(condition(after or name, value))
        if self.limit != 0:
            self.narrow(headers.get("range", "") if method == "GET" else "")

    def narrow(self, header):
        """What Range and limit have in common."""
        outside = "Requested range not satisfiable"
        asked = re.fullmatch(r"(\d+)-(\d*)", header)
        if asked and asked[2] and int(asked[2]) < int(asked[1]):
            details = "The lower boundary must be lower than or equal to the upper boundary in the Range header."
            raise Refusal(416, "PGRST103", outside, details)
        last = [self.offset + self.limit - 1] if self.limit is not None else []
        if asked:
            self.offset = max(self.offset, int(asked[1]))
            last += [int(asked[2])] if asked[2] else []
        if last:
            self.limit = min(last) - self.offset + 1
            if self.limit <= 0:
                raise Refusal(416, "PGRST103", outside, "Limit should be greater than or equal to zero.")

    def columns(self, relation=None):
        return sql.SQL(", ").join(self.item(text.strip(), relation) for text in self.selected)

    def item(self, text, relation):
        whole = ",".join(self.selected)
        if re.search(r"(^|[.:])(count|sum|avg|max|min)\(\)", text):
            raise Refusal(400, "PGRST123", "Use of aggregate functions is not allowed")
        if embedding := re.fullmatch(r"(?:(\w+):)?(\w+)\((.*)\)", text):
            return self.embed(embedding[1] or embedding[2], embedding[2], embedding[3], relation)
        match = re.fullmatch(r"(?:(\w+):(?!:))?(\*|\w+(?:->>?\w+)*)(?:::(\w+))?", text)
        if not match:
            raise unparsable("select parameter", whole)
        alias, name, cast = match.groups()
        if name == "*":
            return sql.SQL("*")
        found = column(name)
        if cast:
            found = sql.SQL("{}::{}").format(found, sql.Identifier(cast))
        if alias or cast or "->" in name:
            found = sql.SQL("{} AS {}").format(found, sql.Identifier(alias or re.split("->>?", name)[-1]))
        return found

    def embed(self, alias, target, columns, relation):
        """Rows of a table with a key to this one, or the row that a key of this one leads to."""
        join = relation.join(target) if relation else None
        if not join:
            of = relation.name if relation else "the function"
            message = f"Could not find a relationship between '{of}' and '{target}' in the schema cache"
            raise Refusal(400, "PGRST200", message)
        inner = Shape([("select", columns)], {})
        conditions = join.conditions + self.embedded.get(alias, [])
        rows = sql.SQL("SELECT {} FROM {} WHERE {}").format(inner.columns(), join.table, sql.SQL(" AND ").join(conditions))
        shown = "to_json(e)" if join.is_single else "coalesce(json_agg(e), '[]')"
        return sql.SQL("(SELECT %s FROM ({}) AS e) AS {}" % shown).format(rows, sql.Identifier(alias))

    @staticmethod
    def ordered(term, value):
        match = re.fullmatch(r"(\w+(?:->>?\w+)*)(\.asc|\.desc)?(\.nullsfirst|\.nullslast)?", term)
        if not match:
            raise unparsable("order", value)
        text = "{}" + (match[2] or "").replace(".", " ").upper()
        text += {None: "", ".nullsfirst": " NULLS FIRST", ".nullslast": " NULLS LAST"}[match[3]]
        return sql.SQL(text).format(column(match[1]))

    def where(self):
        return sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(self.filters)) if self.filters else sql.SQL("")

    def rows(self, source, relation=None):
        """The statement whose rows are the answer, and the one of all rows, whatever the limit."""
        order = sql.SQL(" ORDER BY {}").format(sql.SQL(", ").join(self.orders)) if self.orders else sql.SQL("")
        limit = MAX_ROWS if self.limit is None else min(self.limit, MAX_ROWS)
        return (
            sql.SQL("SELECT {} FROM {}{}{} LIMIT {} OFFSET {}").format(
                self.columns(relation), source, self.where(), order, sql.Literal(limit), sql.Literal(self.offset)
            ),
            sql.SQL("SELECT 1 FROM {}{}").format(source, self.where()),
        )

    def content_range(self, number, total):
        """Content-Range and the status of rows."""
        last = self.offset + number - 1
        rows = f"{self.offset}-{last}" if number and total != 0 else "*"
        status = 200
        if total is not None:
            status = 416 if self.offset > total else 206 if number < total else 200
        return status, ("Content-Range", f"{rows}/{'*' if total is None else total}")
