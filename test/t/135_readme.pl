# README.md, block by block on a server without a network peer: every example runs, and the answers are those that it shows.

use strict;
use warnings;

use Appt::Cluster;
use PostgreSQL::Test::Utils;
use IPC::Run;
use Test::More;

my $text = slurp_file(($ENV{REPOSITORY} // '.') . '/README.md');
my @blocks = $text =~ /^```(?:sql)?\n(.*?)^```$/msg;
my @fences = $text =~ /^```(sql|)\n.*?^```$/msg;
my $node = Appt::Cluster->create('main', extension => 0, conf => "timezone = 'UTC'");

# What a reader does while reading on: the worker starts, and sends what is due.
my $pause = <<'END';
DO $$
BEGIN
	WHILE EXISTS (SELECT FROM appt.due WHERE due_at <= clock_timestamp()) LOOP
		PERFORM pg_sleep(0.05);
	END LOOP;
END $$;
END
my $script = '';
foreach my $i (0 .. $#blocks)
{
	$script .= "\\echo block $i\n$blocks[$i]$pause" if $fences[$i] eq 'sql';
}
$node->append_conf('postgresql.conf', "statement_timeout = '$PostgreSQL::Test::Utils::timeout_default s'");
$node->reload;
my $result = IPC::Run::run(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-P', 'footer=off', '-d', $node->connstr('postgres') ],
	'<', \$script, '>', \my $output, '2>', \my $errors);
ok($result, 'every example runs') or diag($output);
is($errors, '', 'and none complains');

# As it is shown, except for what differs each time: times, and the dates in texts.
sub lasting
{
	my ($shown) = @_;

	$shown =~ s/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00/TIME/g;
	$shown =~ s/\b(?:\w+day|\w{3}), \w+ \d+, \d{4}, \d+:\d+\W{1,3}[AP]M/DATE/g;
	$shown =~ s/Eastern European \w+ Time/ZONE/g;
	$shown =~ s/[a-z]{3}-[a-z]{3}-[a-z]{3}/ROOM/g;
	$shown =~ s/[ +]*\n/\n/g;
	$shown =~ s/ +/ /g;
	$shown =~ s/-+/-/g;
	return $shown =~ s/\A\s+|\s+\z//gr;
}
foreach my $i (grep { $fences[$_] eq '' } 0 .. $#blocks)
{
	my $before = $i - 1;
	my ($answer) = $output =~ /^block $before\n(.*?)(?:^block |\z)/ms;
	is(lasting($answer), lasting($blocks[$i]), 'the answer is as shown') or diag($answer);
}
is(scalar(grep { $_ eq '' } @fences), 2, 'two answers are shown');
is($node->query("SELECT string_agg(DISTINCT state, ' ') FROM appt.notification 
	WHERE due_at < now() AND state NOT IN ('SENT', 'SKIPPED', 'CANCELLED')"),
	'', 'nothing is left that failed or waits');
is($node->query("SELECT text_body FROM appt.notification_log WHERE type = 'MESSAGE'"),
	'Hello Bobby, your parcel is on its way.', 'and the last message can be read');
$node->stop;
done_testing();
