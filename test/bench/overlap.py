"""Overlaps and free slots at size (numbers 6 to 9): many appointments of 1,000 applications, in random order on disk.

    make bench ONLY=overlap ROWS=1000000        10,000,000 unless said otherwise; SECONDS=3 a measurement

Latencies are pgbench's, -M prepared, one client. Each figure and its baseline take turns, and the medians are compared: what
else the machine does meets both; on a busy one the processor time beside them says more. Appointments take 15 minutes to
2 hours, one application's fill 818 days, so that 90 days have some 1,100 of 10,000. Ids are numbers written as uuids, so that a
script can make them up; applications' ones are far apart, as random ones are, because GiST would confuse neighbours.

Once everything has been measured with a tidy table, a tenth of the rows is updated, and once again every application
gets an appointment of 90 days.
"""

from bench import WARM_UP, argument, median

APPLICATIONS = 1000
DAYS = 818
ROUNDS = argument("ROUNDS", 3, 1)

WINDOWS = (("30 minutes", "30 min"), ("a day", "1 day"))
LONG_WINDOW = "90 days"

# What scripts choose at random: an application, and when a window starts.
RANDOM = "\\set application 10000000 + 89999 * random(0, %d)\n\\set start random(0, %d)\n" % (APPLICATIONS - 1, (DAYS - 95) * 288)
APPLICATION = "(:application || '-0000-4000-8000-000000000000')::uuid"
START = "timestamptz '2031-01-03 00:00+00' + :start * interval '5 minutes'"

LOAD = """
INSERT INTO appt.application (id, organization_id, name, max_duration, max_overlap)
	SELECT (10000000 + 89999 * i || '-0000-4000-8000-000000000000')::uuid, :'organization', 'bench', '100 days', 3 FROM generate_series(0, %(applications)d - 1) i;

-- Indexes are made once the rows are there, and nothing refers to rows that are not.
CREATE TEMP TABLE dropped AS SELECT pg_get_indexdef(indexrelid) AS definition
	FROM pg_index WHERE indrelid = 'appt.appointment'::regclass AND NOT indisunique;
SELECT format('DROP INDEX %%s', indexrelid::regclass) FROM pg_index WHERE indrelid = 'appt.appointment'::regclass AND NOT indisunique \\gexec
ALTER TABLE appt.appointment DROP CONSTRAINT appointment_pkey CASCADE, DROP CONSTRAINT appointment_conference_id_key;
SET session_replication_role = replica;
SELECT setseed(0.42);
INSERT INTO appt.appointment (application_id, id, conference_id, organizer_id, state, start_at, end_at, timezone, locale, notifications_active,
	title)
	SELECT (10000000 + 89999 * (i %% %(applications)d) || '-0000-4000-8000-000000000000')::uuid, ('00000000-0000-4000-8000-' || 100000000000 + i)::uuid, gen_random_uuid(),
		'agent-' || i / %(applications)d %% 20, 'ACTIVATED', start_at, start_at + make_interval(mins => 15 * (1 + floor(random() * random() * 8))::int),
		'UTC', 'en', true, 'Appointment ' || i
	FROM (SELECT i, timestamptz '2031-01-01 00:00+00' + make_interval(mins => 5 * floor(random() * %(days)d * 288)::int) AS start_at
		FROM generate_series(1, %(rows)d) i) r;
ALTER TABLE appt.appointment ADD PRIMARY KEY (id, application_id);
ALTER TABLE appt.appointment ADD UNIQUE (conference_id);
SELECT definition FROM dropped \\gexec
CREATE EXTENSION btree_gist;
CREATE EXTENSION pg_prewarm;
CREATE INDEX baseline ON appt.appointment USING gist (application_id, tstzrange(start_at, end_at)) WHERE state IN ('SCHEDULED', 'ACTIVATED');
VACUUM ANALYZE appt.appointment;
SELECT pg_prewarm(indexrelid) FROM pg_index WHERE indrelid = 'appt.appointment'::regclass
	AND indexrelid::regclass::text ~ 'pkey|overlap|baseline';
SELECT pg_prewarm('appt.appointment');
"""

# The table and what is looked at of its indexes; a tenth of them is added.
MEMORY = "5GB"

UPDATE_A_TENTH = "UPDATE appt.appointment SET title = title || '.' WHERE ('x' || right(id::text, 4))::bit(16)::int % 10 = 0"

ADD_LONG_ONES = """
INSERT INTO appt.appointment (application_id, organizer_id, state, start_at, end_at, timezone, locale, notifications_active)
	SELECT id, 'agent', 'ACTIVATED', start_at, start_at + interval '90 days', 'UTC', 'en', true
	FROM appt.application, LATERAL (SELECT timestamptz '2031-01-01 00:00+00' + make_interval(days => floor(random() * %(days)d)::int + 0 * length(name)) AS start_at) s;
""" % {"days": DAYS - 90}


def count(window):
    return RANDOM + "SELECT appt.count_overlapping(%s, %s, '%s');\n" % (APPLICATION, START, window)


def count_by_gist(window):
    return RANDOM + (
        "SELECT count(*) FROM appt.appointment WHERE application_id = %(application)s AND state IN ('SCHEDULED', 'ACTIVATED')"
        " AND tstzrange(start_at, end_at) && tstzrange(%(start)s, %(start)s + interval '%(window)s');\n"
        % {"application": APPLICATION, "start": START, "window": window}
    )


def look_up(rows):
    """A row by its primary key, as the figures find their application: i makes up both."""
    return (
        "\\set i random(1, %d)\n\\set application 10000000 + 89999 * (:i %% %d)\n\\set id 100000000000 + :i\n"
        "SELECT state FROM appt.appointment"
        " WHERE application_id = %s AND id = ('00000000-0000-4000-8000-' || :id)::uuid;\n" % (rows, APPLICATIONS, APPLICATION)
    )


def slots():
    return RANDOM + (
        "SELECT * FROM appt.available_slots(%s, tstzrange(%s, %s + interval '30 days'), '15 minutes', '15 minutes');\n"
        % (APPLICATION, START, START)
    )


def slots_by_join():
    """What runs at any instant of a slot is counted: its peak would take one more join."""
    return RANDOM + (
        "WITH booked AS MATERIALIZED (SELECT start_at, end_at FROM appt.appointment WHERE application_id = %(application)s"
        " AND state IN ('SCHEDULED', 'ACTIVATED') AND tstzrange(start_at, end_at) && tstzrange(%(start)s, %(start)s + interval '30 days'))"
        " SELECT s, s + interval '15 minutes', 3 - count(b.start_at)"
        " FROM generate_series(%(start)s, %(start)s + interval '30 days' - interval '15 minutes', interval '15 minutes') s"
        " LEFT JOIN booked b ON b.start_at < s + interval '15 minutes' AND b.end_at > s GROUP BY s;\n"
        % {"application": APPLICATION, "start": START}
    )


class Scripts:
    """Scripts of pgbench that take turns."""

    def __init__(self, bench):
        self.bench = bench
        self.seconds = argument("SECONDS", 3, 1)

    def run(self, script, seconds):
        """Latency in ms, and the server's processor time for one in us, its start and end included."""
        # Its latency has three digits, its number of transactions more.
        done = self.bench.pgbench(script, "-T", str(seconds))
        return seconds * 1000 / done.count, done.cost.server

    def measure(self, scripts):
        """{name: script} -> {name: median latency in ms}; notes the server's processor time, too."""
        seen = {name: [] for name in scripts}
        for number in range(WARM_UP + ROUNDS):
            for name, script in scripts.items():
                figures = self.run(script, self.seconds if number >= WARM_UP else min(self.seconds, 2))
                if number >= WARM_UP:
                    seen[name].append(figures)
        self.bench.note("the server's processor time, us: " + ", ".join(
            "%s %.1f" % (name, median([processor for _, processor in figures])) for name, figures in seen.items()))
        return {name: median([latency for latency, _ in figures]) for name, figures in seen.items()}


def measure(bench):
    rows = argument("ROWS", 10000000, 100000)
    bench.heading("Overlaps among %d appointments of %d applications, medians of %d rounds in turns" % (rows, APPLICATIONS, ROUNDS))
    restart_with(bench, "SET shared_buffers = '%s'" % MEMORY)
    try:
        measure_all(bench, rows)
    finally:
        bench.drop_database()
        restart_with(bench, "RESET shared_buffers")


def restart_with(bench, setting):
    cluster = bench.cluster
    cluster.psql("ALTER SYSTEM " + setting)
    cluster.run("pg_ctl", "-D", cluster.data, "-l", cluster.log, "-w", "restart")


def measure_all(bench, rows):
    bench.new_database()
    # Nothing else may run during the measurement.
    bench.enable(False)
    bench.cluster.psql(LOAD % {"rows": rows, "applications": APPLICATIONS, "days": DAYS})
    scripts = Scripts(bench)

    found = scripts.measure({"look-up": look_up(rows), **{window: count(window) for _, window in WINDOWS}})
    for name, window in WINDOWS:
        ratio = found[window] / found["look-up"]
        bench.result("count_overlapping, %s: x primary-key look-up" % name, "%.2f x" % ratio, "1.5 x", ratio <= 1.5, "%.4f ms" % found["look-up"])
    long_window(bench, scripts, "90 days")

    found = scripts.measure({"slots": slots(), "join": slots_by_join()})
    ratio = found["slots"] / found["join"]
    bench.result("available_slots, 30 days of 15 minutes: x the same in SQL", "%.2f x" % ratio, "0.5 x", ratio <= 0.5, "%.2f ms" % found["join"])

    long_ones(bench, scripts, rows)
    bench.cluster.psql(UPDATE_A_TENTH)
    long_window(bench, scripts, "90 days, a tenth changed, no VACUUM")
    bench.enable(True)


def long_window(bench, scripts, name):
    found = scripts.measure({LONG_WINDOW: count(LONG_WINDOW), "gist": count_by_gist(LONG_WINDOW)})
    ratio = found[LONG_WINDOW] / found["gist"]
    bench.result("count_overlapping, %s: x GiST" % name, "%.2f x" % ratio, "0.2 x", ratio <= 0.2, "%.2f ms" % found["gist"])


def long_ones(bench, scripts, rows):
    """
    Each window again with an appointment of 90 days in every application, beside what it was before. Minutes lie between the
    two, so each is taken as a multiple of a look-up that takes turns with it.
    """
    windows = {window: count(window) for window in [window for _, window in WINDOWS] + [LONG_WINDOW]}
    before = scripts.measure({"look-up": look_up(rows), **windows})
    bench.cluster.psql(ADD_LONG_ONES)
    bench.cluster.psql("VACUUM appt.appointment")
    after = scripts.measure({"look-up": look_up(rows), **windows})
    for window in windows:
        ratio = (after[window] / after["look-up"]) / (before[window] / before["look-up"])
        bench.result("with a 90-day one in every application, %s: x without" % window, "%.2f x" % ratio, "1.2 x", ratio <= 1.2, "%.4f ms" % before[window])
