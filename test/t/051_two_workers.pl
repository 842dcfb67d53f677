# Several workers serve one database, and nothing is sent twice.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "appt.workers = 3\nappt.max_concurrency = 16");
my $hook = Appt::Peers->webhook;
my $tenant = Appt::Tenant->create($node);

$tenant->only('CREATE', 'WEBHOOK');
$tenant->subscribe($hook->url('/delay/0.02'));
$node->wait_for_workers(3);
$tenant->query(
	"SELECT count(appt.schedule_appointment('@{[ $tenant->application ]}', now() + interval '1 day', '1 hour', organizer_id => 'a'))
		FROM generate_series(1, 1000)"
);
ok($tenant->settled, 'all is settled');
my %times;
$times{ $_->{headers}{'webhook-id'} }++ foreach $hook->entries;
is(scalar keys %times, 1000, 'everything arrived');
is(scalar(grep { $_ > 1 } values %times), 0, 'nothing arrived twice');
is($node->query('SELECT count(*) FROM appt.attempt'), 1000, 'one attempt each');
is($node->query('SELECT count(*) FROM appt.due'), 0, 'nothing is left in the queue');

$node->stop;
done_testing();
