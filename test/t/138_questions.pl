# The fifteen questions of doc/operations.md, asked in an incident: each is one query and finds what it asks for.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = $ENV{REPOSITORY} // '.';
my ($section) = slurp_file("$root/doc/operations.md") =~ /^## Fifteen questions\n(.*?)^## /ms;
my @questions;
push @questions, { number => $1, title => $2, query => $3 } while $section =~ /^\*\*(\d+)\. ([^*]+\?)\*\*.*?^```sql\n(.*?)^```/msg;
is(join(' ', map { $_->{number} } @questions), join(' ', 1 .. 15), 'fifteen questions');
is(scalar(() = $_->{query} =~ /;/g), 1, "one query: $_->{title}") foreach @questions;

# A subscription that answers with 503, no provider, a customer with an appointment in a few hours.
my $node = Appt::Cluster->create('main', conf => 'fsync = off');
my $hook = Appt::Peers->webhook;
my $tenant = Appt::Tenant->create($node, retry_base => '1 second', max_attempts => 100);
my $application = $tenant->application;
my $broken = $hook->url('/broken/a');
my $subscription = $tenant->subscribe($broken);
$node->query("UPDATE appt.rule SET even_if_never_told = true WHERE application_id = '$application' AND type = 'CANCELLED'");
$tenant->schedule(start_at => "now() + interval '5 hours'", customer => 'bobby@customer.example', phone => '+306900000000');
$tenant->schedule_many(40);
# A webhook that has waited for minutes, text messages that nobody knows the fate of, and figures of an hour.
$node->query(
	"WITH n AS (
		INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, subscription_id, type, channel, due_at,
			next_attempt_at, lane)
		SELECT '$application', 'SUBSCRIBER', '$subscription', '$subscription', 'MESSAGE', 'WEBHOOK', now() - interval '5 minutes',
			now() - interval '5 minutes', appt.lane('$application', 'WEBHOOK', '$subscription')
		RETURNING *)
	INSERT INTO appt.due SELECT lane, due_at, id, application_id, due_at FROM n;
	WITH n AS (
		INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, due_at, lane,
			state,
			reason, attempt_count, address, start_at, settled_at)
		SELECT '$application', gen_random_uuid(), 'CUSTOMER', 'c', 'REMINDER', 'SMS', now() - interval '1 minute', 1, state, reason, 1,
			'+306911111111', now(), now()
		FROM (VALUES ('FAILED', 'INTERRUPTED'), ('SENT', NULL)) fate (state, reason)
		RETURNING *)
	INSERT INTO appt.attempt (application_id, notification_id, attempt_number, due_at, started_at, finished_at, outcome, recipient,
		receipt, receipt_code, receipt_at)
	SELECT application_id, id, 1, due_at, due_at, now(), CASE state WHEN 'SENT' THEN 'DELIVERED' ELSE 'INTERRUPTED' END, address,
		CASE state WHEN 'SENT' THEN 'UNDELIVERED' END, CASE state WHEN 'SENT' THEN '30003' END, CASE state WHEN 'SENT' THEN now() END
	FROM n;
	INSERT INTO appt.hourly_figure VALUES ('$application', date_trunc('hour', now()) - interval '2 hours', 'CREATE', 'EMAIL', 5, 1, 6,
		'6 s', '2 s')"
);
ok($node->wait_for_query('SELECT count(*) FROM appt.circuit', 1), 'an endpoint fails until its circuit opens');

my $url = quotemeta $broken;
my $any = qr/[^|\n]*/;
my %answers = (
	1 => qr/^1\|\d+\|$any\|\d+\|$any\|1\|\|/,
	2 => qr/^tests\|WEBHOOK\|$url\|\d+\|\d+\|0\|0\|$any\|$any\|503\|the receiver answered with HTTP status 503\|/m,
	3 => qr/\|CREATE\|EMAIL\|5\|1\|00:00:01\|00:00:02$/m,
	4 => qr/\|UPDATE\|rule\|/,
	5 => qr/^@{[ quotemeta $hook->url ]}\|$application\|WEBHOOK\|/,
	6 => qr/^tests\|WEBHOOK\|(?:PENDING|RETRYING|SENDING)\|1\|/m,
	7 => qr/\|tests\|A test\|Ann\|$any\|bobby\@customer\.example\|CREATE\|$any\|SKIPPED\|[A-Z][^|]+\.\|/,
	8 => qr/^CREATE\|EMAIL\|SKIPPED\|NO_PROVIDER\|[A-Z][^|]+\.\|41$/m,
	9 => qr/\|tests\|REMINDER\|EMAIL\|1$/m,
	10 => qr/^REMINDER\|EMAIL\|SKIPPED\|NO_PROVIDER\|/m,
	11 => qr/^tests\|WEBHOOK\|$url\|\d+\|\d+\|/m,
	12 => qr/^\d+\|tests\|REMINDER\|SMS\|\+306911111111\|$any\|FAILED\|INTERRUPTED$/m,
	13 => qr/^\d+\|tests\|\+306911111111\|REMINDER\|$any\|$any\|30003\|$/m,
	14 => qr/^\d+\|REMINDER\|SMS\|\+306911111111\|$any\|INTERRUPTED\|$any\|[tf]\|/m,
	15 => qr/\|CREATE\|EMAIL\|A test\|\|SKIPPED\|/);
foreach my $question (@questions)
{
	my ($answer, $errors);

	$node->psql(
		'postgres', $question->{query},
		stdout => \$answer,
		stderr => \$errors,
		extra_params => [ '-v', "application=$application" ]);
	is($errors, '', "$question->{title} is asked");
	like($answer, $answers{ $question->{number} }, 'and answered');
}

$node->stop;
done_testing();
