# Where the database's text is not UTF-8, answers are read and secrets masked as anywhere; no transaction is open then.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main');
my $hook = Appt::Peers->webhook;

foreach my $encoding (qw(LATIN1 EUC_JP SQL_ASCII))
{
	my $database = lc $encoding;

	$node->query("CREATE DATABASE $database TEMPLATE template0 ENCODING $encoding LOCALE 'C'");
	$node->install_appt($database);
	$node->wait_for_workers(1, $database);
	my @pids = $node->worker_pids($database);
	my $tenant = Appt::Tenant->create($node, database => $database);
	my $header = { LATIN1 => 'caf\xe9 secret', EUC_JP => '\xc6\xfc\xcb\xdc secret', SQL_ASCII => 'plain secret' }->{$encoding};

	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->query(qq{SELECT id FROM appt.create_subscription('@{[ $tenant->application ]}', '@{[ $hook->url('/echo') ]}',
		headers => jsonb_build_array(jsonb_build_object('name', 'X-Secret', 'value', E'$header', 'type', 'SECRET')))});
	$tenant->schedule;
	ok($tenant->settled, "$encoding: settled");
	is($tenant->query("SELECT string_agg(n.state || ' ' || a.outcome, ', ') FROM appt.notification n JOIN appt.attempt a ON a.notification_id = n.id"), 'SENT DELIVERED', 'at the first attempt');
	like($tenant->query("SELECT response FROM appt.attempt"), qr/\*{8}/, 'in the answer secrets are masked');
	unlike($tenant->query("SELECT response FROM appt.attempt"), qr/ secret/, 'and not seen');
	is(join(' ', $node->worker_pids($database)), "@pids", 'by the same worker');
}

$node->stop;
done_testing();
