# The figures of hours: each message is counted once, in portions, whatever crashes; late changes are counted again.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main');
my $busy = Appt::Tenant->create($node);
my $idle = Appt::Tenant->create($node);
my $application = $busy->{application};

# Messages that were due in the hour so long ago; the attempt of each began so many seconds late.
sub log_messages
{
	my ($number, $hours, %message) = @_;
	my %all = (state => 'SENT', type => 'CREATE', late => 2, reason => undef, %message);
	my $reason = defined $all{reason} ? "'$all{reason}'" : 'NULL';
	my $settled = $all{state} eq 'RETRYING' ? 'NULL' : 'now()';
	my $attempts = defined $all{late} ? 1 : 0;

	return $node->query(<<"END");
WITH n AS (
	INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, state, reason, settled_at,
		attempt_count, created_at)
	SELECT '$application', 'ADDRESS', 'ann\@example.com', '$all{type}', 'EMAIL',
		date_trunc('hour', now(), 'UTC') - $hours * interval '1 hour' + i * interval '1 ms', 5, '$all{state}', $reason, $settled, $attempts,
		now() - $hours * interval '1 hour'
	FROM generate_series(1, $number) i RETURNING id, due_at)
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, due_at, started_at, finished_at, outcome)
SELECT '$application', id, 1, due_at, due_at + interval '@{[ $all{late} // 0 ]} s', due_at + interval '1 min', 'DELIVERED' FROM n
	WHERE $attempts = 1
END
}

sub figures
{
	my ($hours) = @_;

	return "SELECT string_agg(concat_ws(' ', type, channel, sent, failed, attempted, lateness_sum, lateness_max), ', ' ORDER BY type)
		FROM appt.hourly_figure WHERE application_id = '$application'
			AND hour = date_trunc('hour', now(), 'UTC') - $hours * interval '1 hour'";
}

sub look { $node->query('SELECT pg_reload_conf()'); return; }

# An hour that is over since less than a minute is counted at other times, and the test must not run over the end of one.
$node->wait_for_query("SELECT extract(minute FROM now()) BETWEEN 2 AND 56", 't', seconds => 600);

log_messages(2500, 3);
log_messages(10, 3, state => 'FAILED', reason => 'REJECTED', late => 5);
log_messages(5, 3, state => 'FAILED', reason => 'BAD_CONFIGURATION', late => undef);
log_messages(3, 3, state => 'CANCELLED', reason => 'RESCHEDULED', late => undef, type => 'REMINDER');
log_messages(1, 3, state => 'RETRYING', reason => 'WILL_RETRY', late => 1);
log_messages(7, 1, type => 'UPDATE');
look();
ok($node->wait_for_query(figures(3), 'CREATE EMAIL 2500 15 2510 01:24:10 00:00:05, REMINDER EMAIL 0 0 0 00:00:00'),
	'an hour of more than one portion')
	or diag($node->query(figures(3)));
ok($node->wait_for_query(figures(1), 'UPDATE EMAIL 7 0 7 00:00:14 00:00:02'), 'the next one that has messages')
	or diag($node->query(figures(1)));
is($node->query("SELECT count(*) FROM appt.hourly_figure WHERE application_id = '$idle->{application}'"), 0, 'none of who sent nothing');

# How each hour goes on.
is( $node->query(
		"SELECT count_at - hour FROM appt.hour_count WHERE application_id = '$application'
			AND hour = date_trunc('hour', now(), 'UTC') - interval '3 hours'"
	),
	'1 day 02:00:00',
	'where something is open or failed, an hour is counted again after a day');
is( $node->query(
		"SELECT count_at - hour FROM appt.hour_count WHERE application_id = '$application'
			AND hour = date_trunc('hour', now(), 'UTC') - interval '1 hour'"
	),
	'02:00:00',
	'one that is over since less than an hour, after an hour');

# A retry by hand, and what a transaction commits late.
$node->query(
	"UPDATE appt.notification SET state = 'SENT', reason = NULL WHERE application_id = '$application' AND state = 'FAILED' AND attempt_count = 1"
);
log_messages(4, 3, type => 'TEST');
log_messages(2, 0, type => 'TEST');
$node->query("UPDATE appt.hour_count SET count_at = now() WHERE application_id = '$application'");
look();
ok( $node->wait_for_query(
		figures(3), 'CREATE EMAIL 2510 5 2510 01:24:10 00:00:05, REMINDER EMAIL 0 0 0 00:00:00, TEST EMAIL 4 0 4 00:00:08 00:00:02'),
	'late changes are counted') or diag($node->query(figures(3)));
ok($node->wait_for_query(figures(0), 'TEST EMAIL 2 0 2 00:00:04 00:00:02'), 'and the current hour so far');

# A crash in the middle of an hour.
log_messages(30_000, 5);
$node->query(
	"DELETE FROM appt.hourly_figure; DELETE FROM appt.hour_count; INSERT INTO appt.hour_count (application_id, hour, count_at)
	SELECT '$application', date_trunc('hour', now(), 'UTC') - interval '5 hours', now()"
);
look();
ok($node->wait_for_query('SELECT count(*) > 0 FROM appt.hour_count WHERE after_id IS NOT NULL'), 'it is under way');
is($node->query(figures(5)), '', 'and nobody sees half of it');
$node->stop('immediate');
$node->start;
ok($node->wait_for_query(figures(5), 'CREATE EMAIL 30000 0 30000 16:40:00 00:00:02'), 'after a crash each is counted once')
	or diag($node->query(figures(5)));

# Charts.
is( $node->query(
		"SELECT string_agg(concat_ws(' ', (now() - at) < interval '6 hours', type, sent, failed, lateness_avg, lateness_max), ', ' ORDER BY at, type)
		FROM appt.notification_series(date_trunc('hour', now(), 'UTC') - interval '5 hours', date_trunc('hour', now(), 'UTC') - interval '3 hours',
			'2 hours', '$application')"
	),
	't CREATE 30000 0 00:00:02 00:00:02',
	'a series has them');

# What is older than the log goes.
$node->query(
	"INSERT INTO appt.hourly_figure (application_id, hour, type, channel, sent, failed, attempted, lateness_sum)
		SELECT '$application', date_trunc('hour', now() - interval '100 days', 'UTC'), 'CREATE', 'EMAIL', 1, 0, 0, '0';
	INSERT INTO appt.hour_count (application_id, hour, count_at)
		SELECT gen_random_uuid(), date_trunc('hour', now() - interval '100 days', 'UTC'), now() - interval '99 days'"
);
look();
ok($node->wait_for_query("SELECT count(*) FROM appt.hourly_figure WHERE hour < now() - interval '95 days'", 0), 'old figures are deleted');
ok($node->wait_for_query("SELECT count(*) FROM appt.hour_count WHERE hour < now() - interval '95 days'", 0), 'and hours of nobody');
$node->stop;
done_testing();
