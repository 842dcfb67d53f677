"""What a router costs: count_overlapping and schedule_appointment called directly and by a router, on one machine.

    make bench ONLY=shards SECONDS=5            a measurement

One client calls as an SQL application. Both ways take turns in the same tenant, and the medians of the server's processor time
are compared: what the router adds is its own session, and on the shard the statements that come by it. A client with a token
also tells role, claims and headers; that is noted.
"""

import os
import re

from bench import HERE, argument, in_turns, median

ROUNDS = argument("ROUNDS", 3, 1)
ROUTER = "bench_router"
APPLICATION = "10000000-0000-4000-8000-000000000000"

SHARD = """
INSERT INTO appt.application (id, organization_id, name) VALUES ('%(application)s', :'organization', 'bench');
INSERT INTO appt.rule (application_id, type, channel, time_offset)
	SELECT '%(application)s', type, 'EMAIL', time_offset
	FROM (VALUES ('CREATE', interval '0'), ('REMINDER', '24 hours'), ('REMINDER', '1 hour')) r (type, time_offset);
""" % {"application": APPLICATION}

COUNT = "SELECT appt.count_overlapping('%s', '2031-01-01 00:00+00', '30 minutes');\n" % APPLICATION
SCHEDULE = (
    "\\set start random(0, 28800)\n"
    "SELECT id FROM appt.schedule_appointment('%s', timestamptz '2031-01-01 00:00+00' + :start * interval '15 minutes', '30 minutes',"
    " '{\"name\": {\"firstName\": \"Bobby\", \"lastName\": \"Brown\"}, \"contact\": {\"primaryEmail\": \"bobby@customer.example\"}}',"
    " organizer_id => 'agent-1', title => 'Your mortgage');\n" % APPLICATION
)
TOKEN = ("role=appt_client_service", 'request.jwt.claims={"sub":"agent-1","application_id":"%s"}' % APPLICATION, "request.method=POST")


class Ways:
    """The same script in the shard and in the router."""

    def __init__(self, bench):
        self.bench = bench
        self.shard = bench.cluster.database
        self.seconds = argument("SECONDS", 5, 1)

    def run(self, database, script, settings):
        cluster = self.bench.cluster
        cluster.database = database
        try:
            return self.bench.pgbench(script, "-c", "1", "-T", str(self.seconds), settings=settings)
        finally:
            cluster.database = self.shard

    def measure(self, script, settings=()):
        """Median microseconds of the server's processor time, of a call directly and by the router."""
        runs = in_turns(ROUNDS, lambda: self.run(self.shard, script, settings), lambda: self.run(ROUTER, script, settings))
        return [median([run.cost.server for run in way]) for way in runs]


def documented(beginning):
    """The SQL of doc/shards.md that begins so."""
    with open(os.path.join(HERE, "../../doc/shards.md"), encoding="utf-8") as document:
        return re.search(r"^ {4}%s.*\n(?: {4}.*\n)*" % re.escape(beginning), document.read(), re.MULTILINE).group()


def set_up(bench):
    cluster = bench.cluster
    shard = cluster.database
    cluster.psql(SHARD)
    cluster.psql(documented("CREATE ROLE router_tokens"))
    # The bench's database has an organization, so it stays node 0.
    cluster.psql(documented("SELECT appt.set_node(1)").partition(";")[2])
    cluster.psql("CREATE DATABASE %s" % ROUTER)
    cluster.database = ROUTER
    cluster.psql(
        "CREATE EXTENSION appt_router;\n"
        "INSERT INTO appt.shard (node, conninfo) VALUES (0, 'host=%s port=%s dbname=%s');\n"
        "SELECT appt.register_tenants(0);" % (cluster.folder, cluster.port, shard))
    cluster.database = shard


def measure(bench):
    bench.heading("A call by a router, medians of %d rounds in turns" % ROUNDS)
    bench.new_database()
    # Due messages must not be sent: that is measured elsewhere.
    bench.enable(False)
    set_up(bench)
    ways = Ways(bench)
    direct, routed = ways.measure(COUNT)
    bench.result("count_overlapping, processor time that a router adds", "%.0f us" % (routed - direct), "150 us", routed - direct <= 150,
                 "%.0f us" % direct)
    direct, routed = ways.measure(SCHEDULE)
    bench.result("schedule_appointment, the same as a part of the call", "%.2f x" % (routed / direct - 1), "0.3 x", routed <= 1.3 * direct,
                 "%.0f us" % direct)
    for name, script in (("count_overlapping", COUNT), ("schedule_appointment", SCHEDULE)):
        direct, routed = ways.measure(script, TOKEN)
        bench.note("%s with a token: %.0f us directly, %.0f us more by the router" % (name, direct, routed - direct))
    bench.enable(True)
    bench.cluster.psql("DROP DATABASE %s WITH (FORCE)" % ROUTER)
    bench.drop_database()
    bench.cluster.psql("DROP ROLE router_tokens, router_services")
