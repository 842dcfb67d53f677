# count_overlapping reads rows only if it must, and still counts correctly: pages that are visible to all, pages that have
# changed since, pages that are long gone from memory, snapshots that are older than the changes, parallel workers.
use strict;
use warnings;

use Appt::Cluster;
use IPC::Run;
use Test::More;

# Much less memory than the table needs, so that pages are rarely in the same buffer twice.
my $node = Appt::Cluster->create('main', preload => 0, conf => "shared_buffers = 1MB\nautovacuum = off\n");
my $organization = $node->query("SELECT appt.create_organization('Acme')");

$node->query(<<END);
SELECT setseed(0.42);
CREATE TABLE tenant AS SELECT i, appt.create_application('$organization', 'Tenant ' || i, max_duration => '200 days') AS id
	FROM generate_series(0, 9) i;
INSERT INTO appt.appointment (application_id, organizer_id, state, start_at, end_at, timezone, locale, notifications_active, notes)
	SELECT id, 'agent-' || r % 20, CASE WHEN r % 9 = 0 THEN 'ENDED' ELSE 'ACTIVATED' END, start_at,
		start_at + make_interval(secs => CASE WHEN r % 50 = 0 THEN ceil(exp(random() * ln(17280000))) ELSE 900 * ceil(random() * 8)
			END), 'UTC', 'en', true, repeat('x', 200)
	FROM (SELECT r, timestamptz '2031-01-01 00:00+00' + random() * interval '300 days' AS start_at
		FROM generate_series(1, 20000) r) random_starts JOIN tenant ON i = r % 10;
CREATE TABLE request AS SELECT id AS application_id, timestamptz '2031-01-01 00:00+00' + random() * interval '300 days' AS start_at,
	make_interval(secs => ceil(exp(random() * ln(7776000)))) AS duration
	FROM generate_series(0, 399) r JOIN tenant ON i = r % 10;
ANALYZE;
CREATE VIEW wrong AS SELECT * FROM (
	SELECT appt.count_overlapping(r.application_id, r.start_at, r.duration) AS counted,
		(SELECT count(*) FROM appt.appointment a WHERE a.application_id = r.application_id
		AND a.state IN ('SCHEDULED', 'ACTIVATED') AND tstzrange(a.start_at, a.end_at) && tstzrange(r.start_at,
			r.start_at + r.duration)) AS one_by_one FROM request r OFFSET 0) compared
	WHERE counted <> one_by_one;
END

# Slots that available_slots offers an agent while it is busy.
my $organized = "SELECT count(*) FROM tenant, LATERAL appt.available_slots(id, '[2031-01-01, 2031-03-01)', '1 hour', '1 hour', 'agent-1') s
	WHERE EXISTS (SELECT FROM appt.appointment a WHERE application_id = tenant.id AND organizer_id = 'agent-1'
		AND state IN ('SCHEDULED', 'ACTIVATED') AND a.start_at < s.end_at AND a.end_at > s.start_at)";
my $oids = "SELECT string_agg(indexrelid::text, ' ' ORDER BY indexrelid) FROM pg_index WHERE indrelid = 'appt.appointment'::regclass";

cmp_ok($node->query('SELECT pg_relation_size(\'appt.appointment\') / 1000000'), '>', 5, 'the table is larger than memory');
right('rows that nobody has vacuumed');
$node->query('VACUUM appt.appointment');
is($node->query("SELECT relallvisible = relpages FROM pg_class WHERE oid = 'appt.appointment'::regclass"),
	't', 'VACUUM finds every page visible to all');
right('rows on pages that are visible to all');

# An older snapshot still sees the same rows.
my $old = session(
	"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 'sum ' || sum(appt.count_overlapping(application_id, start_at, duration))
		FROM request;\n"
);
$old->{handle}->pump until $old->{out} =~ /^sum (\d+)$/m;
my $sum = $1;

$node->query("UPDATE appt.appointment SET title = 'changed' WHERE substr(id::text, 25, 1) = '0'");
right('rows of which some are on changed pages');
isnt(
	$node->query(
		"SELECT relallvisible = relpages FROM pg_class WHERE oid = 'appt.appointment'::regclass
			AND pg_relation_size(oid) / 8192 = relpages"
	),
	't',
	'which they are');
$node->query(
	"UPDATE appt.appointment SET start_at = start_at + interval '9 days', end_at = end_at + interval '10 days'
		WHERE substr(id::text, 25, 1) = '1'"
);
$node->query("UPDATE appt.appointment SET state = 'CANCELLED' WHERE substr(id::text, 25, 1) = '2'");
$node->query("DELETE FROM appt.appointment WHERE substr(id::text, 25, 1) = '3'");
$node->query("BEGIN; DELETE FROM appt.appointment WHERE substr(id::text, 25, 1) = '4'; ROLLBACK");
$node->query("BEGIN; UPDATE appt.appointment SET start_at = start_at - interval '1 day' WHERE substr(id::text, 25, 1) = '5'; ROLLBACK");
right('rows that have moved, were cancelled, are gone, or nearly so');
$old->{out} = '';
$old->{in} .= "SELECT 'sum ' || sum(appt.count_overlapping(application_id, start_at, duration)) FROM request; COMMIT;\n\\q\n";
$old->{handle}->finish;
my ($again) = $old->{out} =~ /^sum (\d+)$/m;
is($again, $sum, 'an older snapshot sees what it saw');
isnt($node->query('SELECT sum(appt.count_overlapping(application_id, start_at, duration)) FROM request'),
	$sum, 'which is not what is there now');

$node->query('VACUUM appt.appointment');
right('rows after VACUUM');
my $force_parallel = $node->query("SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')");
is( $node->query(
		'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;'
			. " SET max_parallel_workers_per_gather = 2; SET $force_parallel = on;"
			. ' SELECT sum(appt.count_overlapping(application_id, start_at, duration)) FROM request'),
	$node->query('SELECT sum(appt.count_overlapping(application_id, start_at, duration)) FROM request'),
	'parallel workers count the same');
$node->query('VACUUM FULL appt.appointment');
right('rows in another file');

# Indexes are found by their definition, whatever their names and whichever is valid.
my $pair = session("SELECT 'first ' || count(*) FROM wrong;\n");
$pair->{handle}->pump until $pair->{out} =~ /^first /m;
$node->query(
	'ALTER INDEX appt.appointment_overlap RENAME TO a; ALTER INDEX appt.appointment_overlap_long RENAME TO appointment_overlap; ALTER INDEX appt.a RENAME TO appointment_overlap_long;'
);
right('rows by renamed indexes');
is($node->query($organized), 0, 'those of an organizer, too');

# REINDEX CONCURRENTLY waits for running counts, which may continue, and later counts read the new index.
my $before = $node->query($oids);
$pair->{in} .= "BEGIN; SELECT 'second ' || count(*) FROM wrong;\n";
$pair->{handle}->pump until $pair->{out} =~ /^second 0$/m;
my $reindex = session("REINDEX TABLE CONCURRENTLY appt.appointment;\n\\q\n");
$reindex->{handle}->pump_nb
	until $node->query(
	"SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT granted AND query LIKE 'REINDEX%')") eq 't';
right('rows beside new indexes that wait for somebody');
$pair->{in} .= "SELECT 'third ' || count(*) FROM wrong; COMMIT;\n";
$pair->{handle}->pump until $pair->{out} =~ /^third 0$/m;
my $wrong = 0;
$wrong += $node->query('SELECT count(*) FROM wrong') until finished($reindex);
is($wrong, 0, 'rows are counted right while indexes are replaced');
is($reindex->{err}, '', 'they are replaced');
isnt($node->query($oids), $before, 'by others');
$node->query(
	"INSERT INTO appt.appointment (application_id, organizer_id, state, start_at, end_at, timezone, locale, notifications_active)
	SELECT application_id, 'agent-1', 'ACTIVATED', start_at, end_at, 'UTC', 'en', true FROM appt.appointment
		WHERE substr(id::text, 25, 1) IN ('a', 'b')"
);
$pair->{in} .= "SELECT 'fourth ' || count(*) FROM wrong;\n\\q\n";
$pair->{handle}->finish;
like($pair->{out}, qr/^fourth 0$/m, 'who has read the old ones reads the new ones');
is($node->query($organized), 0, 'and of an organizer');

# Without its index nothing is counted.
my $definition = $node->query("SELECT pg_get_indexdef('appt.appointment_overlap'::regclass)");
$node->query('CREATE INDEX ON appt.appointment (application_id, duration_class, start_at, end_at); DROP INDEX appt.appointment_overlap');
$node->refused_with('42704', "SELECT appt.count_overlapping(gen_random_uuid(), now(), '1 hour')", 'without its index nothing is counted');
$node->query($definition);
right('rows by an index of its own again');

$node->stop;
done_testing();

# Twice in a session: the second time it may remember where pages were.
sub right
{
	my ($rows) = @_;

	is($node->query('SELECT count(*) FROM wrong; SELECT count(*) FROM wrong'), "0\n0", "$rows are counted right");
	return;
}

sub finished
{
	my ($session) = @_;

	return !$session->{handle}->pumpable || !$session->{handle}->pump_nb;
}

# A psql that runs what is written to {in}.
sub session
{
	my ($input) = @_;
	my $session = { in => $input, out => '', err => '' };

	$session->{handle} = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('postgres') ],
		'<', \$session->{in}, '>', \$session->{out}, '2>', \$session->{err}, IPC::Run::timeout(180));
	return $session;
}
