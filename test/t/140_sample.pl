# test/demo/sample.sql, which `make demo KEEP=1` leaves to look around in: a hundred appointments, in every state.

use strict;
use warnings;

use Appt::Cluster;
use IPC::Run;
use Test::More;

my $root = $ENV{REPOSITORY} // '.';
my $node = Appt::Cluster->create('main');
my ($output, $errors) = ('', '');

$node->wait_for_workers;
ok(IPC::Run::run([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-f', "$root/test/demo/sample.sql" ], '>', \$output, '2>', \$errors),
	'it runs');
is($errors, '', 'without a complaint');
ok($node->wait_for_query('SELECT count(*) FROM appt.due WHERE due_at <= now()', 0), 'its messages are settled');
is($node->query('SELECT count(*) FROM appt.appointment'), 100, 'a hundred appointments');
is($node->query("SELECT string_agg(DISTINCT state, ' ' ORDER BY state) FROM appt.appointment"),
	'ACTIVATED CANCELLED ENDED SCHEDULED', 'in every state');
cmp_ok($node->query('SELECT count(*) FROM appt.appointment WHERE archived_at IS NOT NULL'), '>', 0, 'some are archived');
cmp_ok($node->query("SELECT count(*) FROM appt.appointment WHERE booking_state = 'INVITED'"), '>', 0, 'some are invited');
is($node->query("SELECT string_agg(DISTINCT state, ' ' ORDER BY state) FROM appt.notification"),
	'CANCELLED PENDING SENT SKIPPED SUPPRESSED', 'messages in most states');
is($node->query("SELECT DISTINCT provider FROM appt.notification_log WHERE state = 'SENT'"), 'LOG', 'and nothing was sent to anybody');
$node->stop;
done_testing();
