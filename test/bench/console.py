"""The console's views of one day at size, in the database's processor time, beside 25 rows by key: at most 100 ms.

    make bench ONLY=console ROWS=1000000        10,000,000 notifications unless said otherwise, which take minutes and 20 GB of disk

The log has 90 days of one large application, and a tenth of 1,000 small ones. An appointment has three messages: at booking, and
two in the ten days after it, so that the messages of a day lie scattered among those of ten, as they do when appointments are
booked ahead. Every view is the statement that PostgREST sends for a URL of web/console.js (test/peers/rest_server.py makes it),
as each role, through row level security. A figure is the processor time of the server's process, which other programs lengthen
less than the clock, from the transaction's begin to its end, the median of five after one that warms up, without JIT. Beside it
stands planning and execution as EXPLAIN ANALYZE tells them.
"""

import json
import os
import re
import sys
import time

import psycopg2
import psycopg2.errors

from bench import HERE, argument, median, processor_seconds

sys.path.insert(0, os.path.join(HERE, "../peers"))

from rest_query import Shape  # noqa: E402  (found by the line above)
from psycopg2 import sql  # noqa: E402

ROUNDS = argument("ROUNDS", 5, 1)
TOO_LONG = 2  # seconds: what takes longer is broken off
BASELINE = "25 rows by key"
BAR = 100
SMALL = 1000
DAYS = 90
LARGE = "10000000-0000-4000-8000-000000000000"
MEMORY = "5GB"

TABLES = ("notification", "attempt", "appointment", "participant")

# Unlogged, and without what a row by row filling would pay for; indexes are made at the end, as they were.
PREPARE = """
INSERT INTO appt.organization (name) VALUES ('Others');
INSERT INTO appt.application (id, organization_id, name, agent_scope)
	SELECT '%(large)s', :'organization', 'Large', 'APPLICATION'
	UNION ALL SELECT (10000000 + 89999 * i || '-0000-4000-8000-000000000000')::uuid,
		CASE WHEN i %% 2 = 0 THEN :'organization' ELSE (SELECT id FROM appt.organization WHERE name = 'Others') END, 'Small ' || i, 'OWN'
	FROM generate_series(1, %(small)d) i;
CREATE TABLE dropped AS SELECT indrelid::regclass::text AS relation, pg_get_indexdef(indexrelid) AS definition
	FROM pg_index WHERE indrelid IN ('appt.notification'::regclass, 'appt.attempt'::regclass) AND NOT indisprimary ORDER BY indexrelid;
SELECT format('DROP INDEX %%s', indexrelid::regclass)
	FROM pg_index WHERE indrelid IN ('appt.notification'::regclass, 'appt.attempt'::regclass) AND NOT indisprimary \\gexec
ALTER TABLE appt.notification DROP CONSTRAINT notification_pkey CASCADE;
ALTER TABLE appt.attempt DROP CONSTRAINT attempt_pkey CASCADE;
ALTER TABLE appt.notification SET UNLOGGED;
ALTER TABLE appt.attempt SET UNLOGGED;
"""

# Message k of appointment i, each a third of a day's messages, has the id 3 i + k.
NOTIFICATIONS = """
SET session_replication_role = replica;
INSERT INTO appt.notification (id, uid, application_id, appointment_id, recipient_kind, recipient_id, type, channel, due_at, lane, state,
	reason, settled_at, attempt_count, address, title, start_at, end_at, organizer_id, created_at, next_attempt_at)
SELECT id, ('00000000-0000-4000-8000-' || lpad(id::text, 12, '0'))::uuid, application_id, appointment_id, kind,
	CASE kind WHEN 'USER' THEN 'agent-' || i %% 100 ELSE 'c' || person END, type, channel, due_at, 5, state,
	CASE state WHEN 'FAILED' THEN 'REJECTED' WHEN 'RETRYING' THEN 'WILL_RETRY' WHEN 'SKIPPED' THEN 'NO_ADDRESS' WHEN 'CANCELLED' THEN 'RESCHEDULED' END,
	CASE WHEN state NOT IN ('PENDING', 'RETRYING') THEN due_at + interval '1 s' END, CASE WHEN state IN ('SENT', 'FAILED', 'RETRYING') THEN 1 ELSE 0 END,
	CASE channel WHEN 'SMS' THEN '+3069' || lpad(person::text, 8, '0') WHEN 'IN_APP' THEN 'agent-' || i %% 100
		ELSE 'customer' || person || '@example.com' END,
	'An appointment', start_at, start_at + interval '1 hour', 'agent-' || i %% 100, booked, CASE WHEN state IN ('PENDING', 'RETRYING') THEN due_at END
FROM (
	SELECT *, CASE WHEN due_at > now() THEN 'PENDING' WHEN id %% 997 = 0 THEN 'FAILED' WHEN id %% 101 = 0 THEN 'SKIPPED'
		WHEN id %% 37 = 0 THEN 'CANCELLED' WHEN id %% 9973 = 0 THEN 'RETRYING' ELSE 'SENT' END AS state
	FROM (
		SELECT i, (i * 7368787) %% 1000000 AS person, 3 * i + k AS id, booked, booked + interval '11 days' AS start_at,
			CASE k WHEN 0 THEN booked ELSE booked + ((i * 7919 + k * 500009) %% 864000) * interval '1 s' END AS due_at,
			('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid AS appointment_id,
			CASE WHEN i %% 10 > 0 THEN '%(large)s'::uuid
				ELSE (10000000 + 89999 * (1 + i / 10 %% %(small)d) || '-0000-4000-8000-000000000000')::uuid END AS application_id,
			CASE WHEN k = 2 AND i %% 6 = 0 THEN 'USER' ELSE 'CUSTOMER' END AS kind,
			CASE WHEN k = 0 THEN 'CREATE' WHEN k = 1 THEN 'REMINDER' WHEN i %% 6 = 0 THEN 'MESSAGE' WHEN i %% 6 = 1 THEN 'UPDATE'
				ELSE 'REMINDER' END AS type,
			CASE WHEN k = 1 THEN 'SMS' WHEN k = 2 AND i %% 6 = 0 THEN 'IN_APP' ELSE 'EMAIL' END AS channel
		FROM (SELECT i, date_trunc('day', now()) + interval '12 hours' - (%(appointments)d - i) * (interval '%(days)d days' / %(appointments)d) AS booked
			FROM generate_series(0::bigint, %(appointments)d - 1) i) bookings, generate_series(0, 2) k) due) judged
"""

ATTEMPTS = """
SET session_replication_role = replica;
SET work_mem = '2GB';
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, due_at, started_at, finished_at, outcome, recipient, subject, text_body)
SELECT application_id, id, 1, due_at, due_at + interval '20 ms', due_at + interval '1 s',
	CASE state WHEN 'SENT' THEN 'DELIVERED' ELSE 'FAILED' END, address, 'Your appointment', 'Dear customer, we expect you as agreed.'
FROM appt.notification WHERE attempt_count = 1 ORDER BY due_at, id
"""

INDEXES = """
SET maintenance_work_mem = '2GB';
SET max_parallel_maintenance_workers = 2;
ALTER TABLE appt.notification ADD PRIMARY KEY (id);
ALTER TABLE appt.attempt ADD PRIMARY KEY (id);
SELECT definition FROM dropped \\gexec
"""

# Of the day that is looked at: who the messages are for, and what waits.
REST = """
SET session_replication_role = replica;
INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at)
	SELECT lane, due_at, id, application_id, due_at FROM appt.notification WHERE settled_at IS NULL;
CREATE TABLE chosen AS SELECT DISTINCT ON (application_id, appointment_id) application_id, appointment_id, organizer_id, start_at, end_at
	FROM appt.notification WHERE application_id = '%(large)s'
		AND (due_at >= %(day)s AND due_at < %(day)s + interval '1 day' OR due_at >= %(later)s AND due_at < %(later)s + interval '1 day');
INSERT INTO appt.appointment (application_id, id, conference_id, organizer_id, state, start_at, end_at, timezone, locale, notifications_active,
	title)
	SELECT application_id, appointment_id, gen_random_uuid(), organizer_id, 'ACTIVATED', start_at, end_at, 'UTC', 'en', true, 'An appointment' FROM chosen;
INSERT INTO appt.participant (application_id, appointment_id, id, type, first_name, last_name, email, phone)
	SELECT application_id, appointment_id, 'c' || person, 'CUSTOMER', 'Customer', person::text, 'customer' || person || '@example.com',
		'+3069' || lpad(person::text, 8, '0')
	FROM (SELECT *, (right(appointment_id::text, 12)::bigint * 7368787) %% 1000000 AS person FROM chosen) c;
INSERT INTO appt.user_profile (application_id, id, name, email)
	SELECT id, 'agent-' || i, 'Agent ' || i, 'agent' || i || '@example.com' FROM appt.application, generate_series(0, 99) i;
INSERT INTO appt.hourly_figure (application_id, hour, type, channel, sent, failed, attempted, lateness_sum, lateness_max)
	SELECT application_id, date_trunc('hour', due_at), type, channel, count(*) FILTER (WHERE state = 'SENT'),
		count(*) FILTER (WHERE state = 'FAILED'), sum(attempt_count), count(*) * interval '20 ms', '20 ms'
	FROM appt.notification WHERE due_at < now() GROUP BY 1, 2, 3, 4;
"""


def load(bench, rows):
    began = time.monotonic()
    values = {"large": LARGE, "small": SMALL, "days": DAYS, "appointments": rows // 3, "day": "date_trunc('day', now()) - interval '12 days'",
              "later": "date_trunc('day', now()) + interval '2 days'"}
    for name, statements in (("prepared", PREPARE), ("notifications", NOTIFICATIONS), ("attempts", ATTEMPTS), ("indexes", INDEXES % {}),
                             ("the rest", REST), ("statistics", "VACUUM ANALYZE")):
        bench.cluster.psql(statements if statements.startswith("VACUUM") or name == "indexes" else statements % values)
        bench.note("%s: %.0f s" % (name, time.monotonic() - began))


def page_constants():
    """What web/console.js asks for: filters of states by name, the column of what is overdue, columns of list and CSV, rows of CSV, orders."""
    with open(os.path.join(HERE, "../../web/console.js"), encoding="utf-8") as file:
        text = file.read()
    states = {name: re.findall(r"\['(\w+)', '([^']+)'\]", filters)
              for name, filters in re.findall(r"^\t\t\['(\w+)', '[\w ]+'(.*)\],$", text, re.M)}
    overdue = re.search(r"const times = .*\['due_at', '(\w+)'\]", text).group(1)
    shown = "".join(re.findall(r"'([\w,]+)'", re.search(r"const SHOWN = (.*?);", text, re.S).group(1)))
    columns = ",".join(re.findall(r"'(\w+)'", re.search(r"const COLUMNS = \[(.*?)\];", text, re.S).group(1)))
    orders = dict(re.findall(r"const (ORDER|LIST_ORDER) = \['order', '([\w.,]+)'\]", text))
    rows = re.search(r"const CSV_PAGE = (\d+)", text).group(1)
    return states, overdue, shown, columns, rows, orders


# How many of 10,000,000 rows of the log there are, of all days.
RECIPIENTS = {
    "27 rows": "customer123456@",
    "200": "customer12345",
    "2,000": "customer1234",
    "20,000": "customer123",
    "200,000": "customer12",
    "every email": "cust",
    "2,000 numbers": "+3069001234",
    "nobody": "zoe@",
}


def beginning(text):
    """As the page's function of that name, for ASCII."""
    return [("address", "gte." + text), ("address", "lt." + text[:-1] + chr(ord(text[-1]) + 1))]


def views(constants, day):
    """{name: the URL's query}, of one day."""
    states, overdue, shown, columns, rows, orders = constants
    ordered = [("order", orders["LIST_ORDER"]), ("limit", "51")]
    groups = (states,
              {name: [("type", "eq." + name)] for name in ("CREATE", "UPDATE", "ROOM")},
              {name: [("channel", "eq." + name)] for name in ("SMS", "IN_APP", "WEBHOOK")},
              {"recipient, " + name: beginning(text) for name, text in RECIPIENTS.items()})
    filters = {"all": [], **{name: each for group in groups for name, each in group.items()}}
    for place, group in enumerate(groups):
        for first in ("failed", "pending", "UPDATE", "SMS"):
            if first in group:
                for second in [name for others in groups[place + 1:] for name in others]:
                    filters["%s, %s" % (first, second)] = filters[first] + filters[second]
    filters["failed, UPDATE, EMAIL, every email"] = filters["failed, UPDATE"] + [("channel", "eq.EMAIL"), *beginning("cust")]
    of_application = [("application_id", "eq." + LARGE)]

    def of_day(name):
        is_overdue = name.startswith("pending") and day[0] < time.strftime("%Y-%m-%d")
        return [(column, bound) for bound in ("gte." + day[0], "lt." + day[2]) for column in (["due_at", overdue] if is_overdue else ["due_at"])]

    chosen = {name: [("select", shown), *of_day(name), *of_application, *each, *ordered] for name, each in filters.items()}
    same = 'due_at.eq."%s"' % day[1]
    after = [("due_at", "lte." + day[1]), ("or", '(due_at.lt."%s",and(%s,notification_id.lt.1))' % (day[1], same))]
    chosen["a page at noon"] = [("select", shown), *of_day("all"), *of_application, *after, *ordered]
    chosen["a page of CSV"] = [("select", columns), *of_day("all"), *of_application, *after, ("order", orders["ORDER"]), ("limit", rows)]
    return chosen


class Reader:
    """A session that reads by the role and claims that PostgREST would set; of a superuser, since tenants may not EXPLAIN."""

    def __init__(self, bench):
        cluster = bench.cluster
        self.connection = psycopg2.connect(host=cluster.folder, port=cluster.port, dbname=cluster.database, user="postgres")
        self.connection.autocommit = True
        with self.connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '%ds'; SET jit = off" % TOO_LONG)

    def text(self, composed):
        return composed.as_string(self.connection)

    def table(self, name, query):
        statement, _ = Shape(query, {}).rows(sql.Identifier("appt", name))
        return self.text(sql.SQL("SELECT coalesce(json_agg(to_json(t)), '[]')::text, count(*) FROM ({}) AS t").format(statement))

    def run(self, claims, statement):
        """The rows of the statement, in a transaction as PostgREST begins it."""
        settings = {"search_path": '"appt", "pg_catalog"', "role": claims["role"], "request.jwt.claims": json.dumps(claims)}
        with self.connection.cursor() as cursor:
            cursor.execute("START TRANSACTION READ ONLY")
            for setting in settings.items():
                cursor.execute("SELECT set_config(%s, %s, true)", setting)
            cursor.execute(statement)
            rows = cursor.fetchall()
            cursor.execute("COMMIT")
        return rows

    def processor_ms(self):
        """Of the server's process, so far."""
        return processor_seconds(self.connection.get_backend_pid()) * 1e3

    def milliseconds(self, claims, statement):
        """Medians of planning and execution, and of the processor time of the transaction around them."""
        explain = "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + statement
        elapsed, processor = [], []
        try:
            # The first round warms up.
            for _ in range(ROUNDS + 1):
                before = self.processor_ms()
                plan = self.run(claims, explain)[0][0][0]
                elapsed.append(plan["Planning Time"] + plan["Execution Time"])
                processor.append(self.processor_ms() - before)
        except psycopg2.errors.QueryCanceled:
            with self.connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
            return TOO_LONG * 1000.0, TOO_LONG * 1000.0
        return median(elapsed[1:]), median(processor[1:])


def claims_by_role(bench):
    """{name: claims}; the agent sees the application, or, as `agent OWN`, what it organizes."""
    organization = bench.cluster.variables["organization"]
    of_application = {"application_id": LARGE}
    return {
        "supervisor": {"role": "appt_supervisor", "sub": "sue", **of_application},
        "client service": {"role": "appt_client_service", "sub": "support", **of_application},
        "admin": {"role": "appt_admin", "sub": "ada", "organization_id": organization},
        "agent": {"role": "appt_agent", "sub": "agent-7", **of_application},
        "agent OWN": {"role": "appt_agent", "sub": "agent-7", **of_application},
    }


def measure_role(bench, reader, name, claims, pages):
    scope = "OWN" if name == "agent OWN" else "APPLICATION"
    bench.cluster.psql("UPDATE appt.application SET agent_scope = '%s' WHERE id = '%s'" % (scope, LARGE))
    times = {}
    for view, statement in pages.items():
        times[view] = reader.milliseconds(claims, statement)
        bench.note("%-14s %-48s %8.1f ms, %8.1f ms of a processor" % (name, view, *times[view]))
    return times


def functions(reader):
    """What else the page asks for: charts of 24 hours and of 30 days, what is new, and a message with its attempts."""
    def series(days, hours):
        return reader.text(sql.SQL("SELECT coalesce(json_agg(to_json(t)), '[]')::text FROM appt.notification_series(since := now() - {}::interval,"
                                   " until := now(), step := {}::interval, application_id := {}::uuid) AS t").format(
                                       *map(sql.Literal, ("%d days" % days, "%d hours" % hours, LARGE))))

    of_message = [("notification_id", "eq.3999997")]
    return {
        "series of a day": series(1, 1),
        "series of 30 days": series(30, 15),
        "what is new": "SELECT to_json(appt.console_state())::text",
        "a message": reader.table("notification_log", [*of_message, ("order", "attempt_number.desc")]),
        "its failure": reader.table("latest_failure", [("select", "retriable,not_retriable_because"), ("notification_id", "eq.3999961")]),
    }


def measure_views(bench):
    reader = Reader(bench)
    constants = page_constants()
    key = reader.text(sql.SQL("SELECT coalesce(json_agg(to_json(t)), '[]')::text FROM (SELECT * FROM appt.notification WHERE id = ANY ({})) AS t").format(
        sql.Literal([1000003 * number for number in range(1, 10)] + [300007 * number for number in range(1, 17)])))
    pages = {}
    for name, begin in (("", "12 days"), ("waiting: ", "-2 days")):
        day = bench.cluster.value("SELECT to_char(date_trunc('day', now()) - interval '%s' + n * interval '12 hours', 'YYYY-MM-DD\"T\"HH24:MI:SS.MSZ')"
                                  " FROM generate_series(0, 2) n ORDER BY n" % begin).splitlines()
        pages.update({name + view: reader.table("notification_log", query) for view, query in views(constants, day).items()})
    others = functions(reader)
    found = {}
    for name, claims in claims_by_role(bench).items():
        allowed = {view: each for view, each in others.items() if name in ("supervisor", "admin") or not view.startswith("series")}
        found[name] = measure_role(bench, reader, name, claims, {BASELINE: key, **pages, **allowed})
    return found


def measure(bench):
    rows = argument("ROWS", 10000000, 100000)
    bench.heading("The console's views of a day among %d notifications of %d applications, medians of %d" % (rows, 1 + SMALL, ROUNDS))
    bench.new_database()
    bench.restart(shared_buffers="'%s'" % MEMORY, fsync="off", max_wal_size="'40GB'")
    try:
        bench.enable(False)
        load(bench, rows)
        report(bench)
    finally:
        bench.enable(True)
        bench.restart(shared_buffers=None, fsync=None, max_wal_size=None)
        bench.drop_database()


def report(bench):
    for name, times in measure_views(bench).items():
        _, base = times.pop(BASELINE)
        slow = {view: processor for view, (_, processor) in times.items() if processor > BAR}
        worst = max(times, key=lambda view: times[view][1])
        bench.result("%s: %s, of %d views" % (name, worst, len(times)), "%.1f ms" % times[worst][1], "%d ms" % BAR, not slow, "%.1f ms" % base)
        if slow:
            bench.note("over the bar: " + ", ".join("%s %.0f ms" % each for each in sorted(slow.items(), key=lambda each: -each[1])))
