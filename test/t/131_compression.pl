# The worker compresses what it writes by lz4, where the server has it and nobody has chosen otherwise.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main');
my $hook = Appt::Peers->webhook;
my $tenant = Appt::Tenant->create($node);

plan skip_all => 'the server was built without lz4'
	if $node->query("SELECT count(*) FROM pg_settings WHERE name = 'wal_compression' AND 'lz4' = ANY (enumvals)") eq '0';
$tenant->only('CREATE', 'WEBHOOK');
$tenant->subscribe($hook->url('/ok'));

# How the body of a message is compressed, and how page images in the WAL while it is sent are, if any is.
sub compression
{
	$node->query('CHECKPOINT');
	my $start = $node->query('SELECT pg_current_wal_lsn()');
	$tenant->query("SELECT id FROM appt.schedule_appointment('" . $tenant->application . "', now() + interval '2 days', '30 minutes', organizer_id => 'agent-1', title => repeat('A long title. ', 18))");
	$tenant->settled;
	$node->query('SELECT pg_switch_wal()');
	my $end = $node->query('SELECT pg_current_wal_flush_lsn()');
	my ($wal) = PostgreSQL::Test::Utils::run_command([ 'pg_waldump', '-p', $node->data_dir . '/pg_wal', '-s', $start, '-e', $end, '-b' ]);
	my %methods = map { $_ => 1 } $wal =~ /method: (\w+)/g;
	my $pages = () = $wal =~ /FPW/g;

	return ($node->query('SELECT pg_column_compression(text_body) FROM appt.attempt ORDER BY id DESC LIMIT 1'),
		$pages > 0 ? join(' ', sort keys %methods) : 'no page images');
}

is_deeply([ compression() ], [ 'lz4', 'lz4' ], 'bodies and page images, by lz4');

# An administrator's choice, by the configuration file, stays.
$node->append_conf('postgresql.conf', "default_toast_compression = pglz\nwal_compression = off");
$node->restart;
$node->wait_for_workers;
is_deeply([ compression() ], [ 'pglz', '' ], 'as the configuration says');

$node->stop;
done_testing();
