# The helpers that every other Perl test stands on.
use strict;
use warnings;

use Appt::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0, tcp => 1, extension => 0);

like($node->query('SHOW data_directory'), qr/^\Q$ENV{APPT_RUN}\E/, 'inside of the run');
isnt($node->query('SHOW port'), 5432, 'never on the system\'s port');
is(`psql -X -A -t -h 127.0.0.1 -p @{[ $node->port ]} -d postgres -c 'SELECT 1'`, "1\n", 'TCP where asked for');

my $offset = $node->log_end;
my $errors = $node->refused_with('22012', 'SELECT 1/0', 'the SQLSTATE of an error');
like($errors, qr/division by zero/, 'and its text');
is(scalar($node->log_since($offset, qr/division by zero$/)), 1, 'the log can be searched');

$node->query('CREATE TABLE counter AS SELECT 0 AS n');
ok($node->wait_for_query('UPDATE counter SET n = n + 1 RETURNING n >= 3'), 'waits until it is so');
{
	# Its error message is expected here.
	no warnings 'redefine';
	local *Appt::Cluster::diag = sub { };
	ok(!$node->wait_for_query('SELECT false', 't', seconds => 0.2), 'and gives up');
}
cmp_ok($node->cpu_seconds($$), '>', 0, 'CPU time of a process');

done_testing();
