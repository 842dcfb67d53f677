"""What a router costs, and what a second shard adds (the numbers of doc/shards.md), on one machine.

    make bench ONLY=shards SECONDS=5 MESSAGES=20000     a measurement of a call, the messages of a shard

Of a call: one client calls as an SQL application, directly and by a router. Both ways take turns in the same tenant, and the medians of
the server's processor time are compared: what the router adds is its own session, and on the shard the statements that come by it. A
client with a token also tells role, claims and headers; that is noted.

Of delivery: a shard sends with 32 transfers at once to an endpoint that takes 20 ms for an answer, so that its slots are the limit, not
the processor; then two shards do, each as many messages.
"""

from bench import argument, in_turns, median
from documents import documented

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

APPOINTMENTS = 1000
DELAY_MS = 20
MAX_CONCURRENCY = 32


class Ways:
    """The same script in the shard and in the router."""

    def __init__(self, bench):
        self.bench = bench
        self.shard = bench.cluster.database
        self.seconds = argument("SECONDS", 5, 1)

    def run(self, database, script, settings):
        with self.bench.within(database):
            return self.bench.pgbench(script, "-c", "1", "-T", str(self.seconds), settings=settings)

    def measure(self, script, settings=()):
        """Median microseconds of the server's processor time, of a call directly and by the router."""
        runs = in_turns(ROUNDS, lambda: self.run(self.shard, script, settings), lambda: self.run(ROUTER, script, settings))
        return [median([run.cost.server for run in way]) for way in runs]


def set_up_router(bench):
    cluster = bench.cluster
    shard = cluster.database
    cluster.psql(SHARD)
    cluster.psql(documented("shards.md", "CREATE ROLE router_tokens"))
    # The bench's database has an organization, so it stays node 0.
    cluster.psql(documented("shards.md", "SELECT appt.set_node(1)").partition(";")[2])
    cluster.psql("CREATE DATABASE %s" % ROUTER)
    with bench.within(ROUTER):
        cluster.psql(
            "CREATE EXTENSION appt_router;\n"
            "INSERT INTO appt.shard (node, conninfo) VALUES (0, 'host=%s port=%s dbname=%s');\n"
            "SELECT appt.register_tenants(0);" % (cluster.folder, cluster.port, shard))


def measure_calls(bench):
    bench.heading("A call by a router, medians of %d rounds in turns" % ROUNDS)
    bench.new_database()
    # Due messages must not be sent: that is measured elsewhere.
    bench.enable(False)
    set_up_router(bench)
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


class Shard:
    """A database with its own worker, and an application with appointments to send about."""

    def __init__(self, bench, node, url):
        self.bench = bench
        self.database = "bench_shard_%d" % node
        bench.cluster.psql("CREATE DATABASE %s" % self.database)
        with self.inside():
            bench.cluster.psql("CREATE EXTENSION appt; SELECT appt.set_node(%d)" % node)
            bench.cluster.variables["organization"] = bench.cluster.value("SELECT appt.create_organization('bench')")
            self.tenant = bench.application(url, "UPDATE")
            bench.schedule(self.tenant[0], APPOINTMENTS, "now() + interval '1 day' + i * interval '1 minute'")

    def inside(self):
        return self.bench.within(self.database)

    def fill(self, count):
        with self.inside():
            self.bench.fill(*self.tenant, count)

    def span(self):
        """Seconds since the epoch, once all is sent: when the first attempt began, and when the last message was settled."""
        with self.inside():
            self.bench.wait_until_sent(600)
            return [float(time) for time in self.bench.cluster.value(
                "SELECT extract(epoch FROM min(a.started_at)), extract(epoch FROM max(n.settled_at)) FROM appt.notification n"
                " JOIN appt.attempt a ON a.notification_id = n.id").split("|")]

    def clear(self):
        with self.inside():
            self.bench.clear()

    def drop(self):
        self.bench.cluster.psql("DROP DATABASE %s WITH (FORCE)" % self.database)


def rate(bench, shards, count):
    """Deliveries a second, of so many messages in each shard that are due at once."""
    for shard in shards:
        shard.fill(count)
    bench.enable(True)
    starts, ends = zip(*[shard.span() for shard in shards])
    for shard in shards:
        shard.clear()
    return len(shards) * count / (max(ends) - min(starts))


def limit_transfers(bench, shards, number):
    for shard in shards:
        with shard.inside():
            bench.restart(appt_max_concurrency=number)


def measure_delivery(bench):
    count = argument("MESSAGES", 20000, 3000)
    bench.heading("%d webhooks a shard to an endpoint that takes %d ms, %d at once a worker, medians of %d rounds in turns" % (
        count, DELAY_MS, MAX_CONCURRENCY, ROUNDS))
    url = bench.receiver().url("/delay/%d" % DELAY_MS)
    shards = [Shard(bench, node, url) for node in (0, 1)]
    limit_transfers(bench, shards, MAX_CONCURRENCY)
    one, two = map(median, in_turns(ROUNDS, lambda: rate(bench, shards[:1], count), lambda: rate(bench, shards, count)))
    bench.result("two shards", "%.2f x" % (two / one), "1.9 x", two / one >= 1.9, "one: %.0f a second" % one)
    limit_transfers(bench, shards, None)
    for shard in shards:
        shard.drop()


def measure(bench):
    measure_calls(bench)
    measure_delivery(bench)
    bench.note("how long callers wait while a tenant moves: make bench ONLY=moving")
