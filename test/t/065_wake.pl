# What a transaction reports at commit, and to whom.
use strict;
use warnings;

use Appt::Cluster;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "max_prepared_transactions = 5\ntimezone = 'UTC'");
$node->query('CREATE EXTENSION appt_test');
$node->query('CREATE DATABASE other');
$node->query('CREATE EXTENSION appt; CREATE EXTENSION appt_test', 'other');

# Two listeners of this database, one of the other.
my @listeners = map { listener($_) } qw(postgres postgres other);
my $past = "'2020-01-01Z'";
my $at = '2020-01-01 00:00:00+00';

$node->query("SELECT appt_test.wake_on_commit(7, $past)");
hear("7\@$at", 'a commit is heard by every worker of its database, and by no other');
$node->query("BEGIN; SELECT appt_test.wake_on_commit(7, $past); ROLLBACK");
hear('', 'a rollback by none');
$node->query(
	"BEGIN; SELECT appt_test.wake_on_commit(7, $past), appt_test.wake_on_commit(7, '2019-12-31Z'), appt_test.wake_on_commit(8, $past);
		COMMIT"
);
hear("7\@2019-12-31 00:00:00+00 8\@$at", 'the earliest of each lane');

# Savepoints.
$node->query(
	"BEGIN; SELECT appt_test.wake_on_commit(1, $past);
	SAVEPOINT a; SELECT appt_test.wake_on_commit(1, '2019-01-01Z'); SELECT appt_test.wake_on_commit(2, $past); ROLLBACK TO a; COMMIT");
hear("1\@$at", 'what was rolled back to a savepoint is forgotten');
$node->query(
	"BEGIN; SAVEPOINT a; SELECT appt_test.wake_on_commit(1, $past);
	SAVEPOINT b; SELECT appt_test.wake_on_commit(1, '2019-01-01Z'); SELECT appt_test.wake_on_commit(2, $past); RELEASE b; RELEASE a;
		COMMIT");
hear("1\@2019-01-01 00:00:00+00 2\@$at", 'what was released is the parent\'s');
$node->query("BEGIN; SAVEPOINT a; SAVEPOINT b; SELECT appt_test.wake_on_commit(2, $past); RELEASE b; ROLLBACK TO a; COMMIT");
hear('', 'and goes with it');

# What a worker finds by itself in time.
$node->query("SELECT appt_test.wake_on_commit(7, now() + interval '2 minutes')");
hear('', 'what is due after the next regular look is not reported');
$node->query("BEGIN; SELECT appt_test.wake_on_commit(7, $past); PREPARE TRANSACTION 'p'");
$node->query("COMMIT PREPARED 'p'");
hear('sweep', 'what is prepared is not either, and COMMIT PREPARED has everything looked at');

# Configuration that the workers keep in memory; the first organization is reported separately.
my $application = $node->query("SELECT appt.create_application(appt.create_organization('a'), 'a')");
my $subscription = $node->query("SELECT id FROM appt.create_subscription('$application', 'https://example.org/')");
$_->query_safe('SELECT appt_test.wake_take()') foreach @listeners;
my $changed = '1@-infinity';
foreach my $change (
	[ "UPDATE appt.application SET max_per_second = 5 WHERE id = '$application'", $changed ],
	[ "UPDATE appt.application SET max_concurrency = NULL", $changed ],
	[ "UPDATE appt.application SET name = 'b'", '' ],
	[ "BEGIN; UPDATE appt.application SET max_per_second = 6; ROLLBACK", '' ],
	[ "SELECT appt.set_provider('$application', 'EMAIL', 'SMTP', 'smtp://example.org', sender => 'a\@example.org')", $changed ],
	[ "UPDATE appt.provider SET settings = '{\"max_per_second\": 1}'", $changed ],
	[ "DELETE FROM appt.provider", $changed ],
	[ "UPDATE appt.subscription SET url = 'https://example.org/other'", $changed ],
	[ "SELECT appt.create_subscription('$application', 'https://example.org/')", '' ],
	[ "UPDATE appt.rule SET enabled = false", '' ])
{
	$node->query($change->[0]);
	hear($change->[1], $change->[0]);
}

# Too much at once.
$node->query("SELECT appt_test.wake_on_commit(lane, $past) FROM generate_series(1, 1000) lane");
hear('256 sweep', 'many lanes in one transaction: some, and a look at all', 'true');
$node->query("SELECT appt_test.wake_on_commit(lane, $past) FROM generate_series($_ * 200, $_ * 200 + 199) lane") foreach 0 .. 5;
hear('1024 sweep', 'a full ring: what fits, and a look at all', 'true');
hear('', 'and then nothing more');
$node->query("SELECT appt_test.wake_on_commit(lane, $past) FROM generate_series($_ * 200, $_ * 200 + 199) lane") foreach 0 .. 4;
hear('1000', 'a ring that goes round', 'true');

# A listener that has gone.
(pop @listeners)->quit;
(shift @listeners)->quit;
$node->query("SELECT appt_test.wake_on_commit(7, $past)");
is($listeners[0]->query_safe('SELECT appt_test.wake_take()'), "7\@$at ", 'who leaves is no longer reported to');
$_->quit foreach @listeners;

done_testing();

sub listener
{
	my ($database) = @_;
	my $session = $node->background_psql($database);

	$session->query_safe('SELECT appt_test.wake_listen()');
	return $session;
}

# A test: the listeners received this, and the last one nothing.
sub hear
{
	my ($expected, $name, $count_only) = @_;
	my @heard = map { my $text = $_->query_safe('SELECT appt_test.wake_take(' . ($count_only // 'false') . ')'); $text =~ s/ $//; $text }
		@listeners;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$expected = '0' if $count_only && $expected eq '';
	is_deeply(\@heard, [ $expected, $expected, $count_only ? '0' : '' ], $name);
	return;
}
