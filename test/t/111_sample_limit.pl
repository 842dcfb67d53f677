# Samples to one user are counted in turn, however many sessions ask at once; those to others are not held up.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Session;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0);
my $tenant = Appt::Tenant->create($node);
my $application = $tenant->application;
$node->query("INSERT INTO appt.user_profile (application_id, id) VALUES ('$application', 'ann'), ('$application', 'bob')");

my ($one, $two) = map { Appt::Session->open($node) } 1 .. 2;
$one->run('BEGIN');
$one->run(sample('ann')) foreach 1 .. 3;
$two->run(sample('bob'));
pass('a call for another user waits for nobody');
$two->start(sample('ann'));
ok($two->is_blocked, 'one for the same user waits');
$one->run('COMMIT');
is($two->end, 'PT429', 'and then counts them');

$two->run('BEGIN ISOLATION LEVEL REPEATABLE READ');
$two->run('SELECT FROM appt.application');
$one->run(sample('bob')) foreach 1 .. 2;
$two->start(sample('bob'));
is($two->end, 'PT429', 'also those that its snapshot does not have');

done_testing();

sub sample { my ($user) = @_; return "SELECT appt.send_sample_notification('CALL', 'IN_APP', '$user', '$application')"; }
