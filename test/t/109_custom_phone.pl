# A user's own number: it gets a code as a text message, and all text messages once the code has confirmed it; until then, and
# without one, the backup number gets them. SMS switched off, no number does. And what many sessions do at once: guess codes,
# give a number to a user and to a line, fill a list.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use Appt::Tenant;
use JSON::PP qw(decode_json);
use Test::More;

my $node = Appt::Cluster->create('main');
my $sms = Appt::Peers->sms;
my $tenant = Appt::Tenant->create($node, calling_code => '49');
my $application = $tenant->application;
my $me = "user_id => 'ann', application_id => '$application'";

$tenant->provider('SMS', 'HTTP', $sms->url('/gateway'), sender => '+15550100000');
$node->query(
	"INSERT INTO appt.user_profile (application_id, id, backup_phone, channels)
	 VALUES ('$application', 'ann', '+491700000001', '{SMS}'), ('$application', 'bob', NULL, '{SMS}')");
$node->query('CREATE ROLE postgrest LOGIN IN ROLE appt_authenticator');
$node->wait_for_workers;

# Tells ann, and returns to whom a text message went.
sub told
{
	$sms->forget;
	$node->query("SELECT appt.notify_users('$application', 'MENTION', '{ann}', title => 'news')");
	ok($tenant->settled, 'told');
	return join ' ', map { decode_json($_->{body})->{to} } $sms->entries;
}

# The code that arrives at a number.
sub code_at
{
	my ($phone) = @_;
	my ($message) = $sms->wait_for(1, sub { decode_json($_->{body})->{to} eq $phone });

	return decode_json($message->{body})->{text} =~ /\b(\d{6})\b/ ? $1 : undef;
}

is(told(), '+491700000001', 'text messages go to the backup number');
$sms->forget;
$node->query("SELECT appt.update_profile(custom_phone => '0170 0000002', $me)");
my $code = code_at('+491700000002');
like($code, qr/^\d{6}$/, 'a code arrives at the new number');
ok($tenant->settled, 'and that is all');
is($sms->entries, 1, 'one message');
is(told(), '+491700000001', 'until it is confirmed, text messages go to the backup number');
is($node->query("SELECT count(*) FROM appt.attempt WHERE concat(subject, text_body, html_body, response) ~ '$code'"),
	0, 'the code stands in no log');
$node->query("SELECT appt.confirm_custom_phone('$code', $me)");
is(told(), '+491700000002', 'afterwards to the number: text to a custom number');

# The log of that is ann's and the admins'.
foreach my $reader ([ 'appt_agent', 'ann', 1 ], [ 'appt_agent', 'bob', 0 ], [ 'appt_supervisor', 'sue', 0 ],
	[ 'appt_client_service', 'crm', 0 ])
{
	my ($role, $sub, $sees) = @$reader;
	my $seen;
	$node->psql(
		'postgres',
		qq{SET request.jwt.claims = '{"sub": "$sub", "application_id": "$application"}'; SET ROLE $role;
			SELECT count(*) > 0 FROM appt.notification_log WHERE recipient = '+491700000002';},
		extra_params => [ '-U', 'postgrest' ],
		stdout => \$seen);
	is($seen, $sees ? 't' : 'f', "$role $sub " . ($sees ? 'sees' : 'does not see') . ' the number in the log');
}

$node->query("SELECT appt.set_channel('SMS', false, 'ann', '$application')");
is(told(), '', 'SMS switched off, it gets nothing: disabling text disables it');
$node->query("SELECT appt.set_channel('SMS', true, 'ann', '$application')");
$node->query("SELECT appt.update_profile(custom_phone => '', $me)");
is(told(), '+491700000001', 'without one, the backup number gets them again');
$node->query("SELECT appt.update_profile(backup_phone => '', $me)");
is(told(), '', 'with neither, nobody');
is( $node->query("SELECT concat_ws(' ', state, reason) FROM appt.notification ORDER BY id DESC LIMIT 1"),
	'SKIPPED NO_ADDRESS',
	'which the log explains');

# A code that went to a number that is another's meanwhile is of no use.
$sms->forget;
$node->query("SELECT appt.update_profile(custom_phone => '+491700000003', $me)");
$code = code_at('+491700000003');
my $changing = Appt::Session->open($node);
my $confirming = Appt::Session->open($node);
$changing->run("BEGIN; UPDATE appt.user_profile SET custom_phone = '+491700000004' WHERE application_id = '$application' AND id = 'ann'");
$confirming->start("SELECT appt.confirm_custom_phone('$code', $me)");
ok($confirming->is_blocked, 'a confirmation waits for a change of the number');
$changing->run('COMMIT');
is($confirming->end, 'PT404', 'and does not confirm the new one');
is($node->query("SELECT custom_phone_verified_at IS NULL FROM appt.user_profile WHERE id = 'ann'"), 't', 'which is unconfirmed');

# Of many guesses at once five are compared; of many right ones one confirms.
$sms->forget;
$node->query("SELECT appt.update_profile(custom_phone => '+491700000005', $me)");
$code = code_at('+491700000005');
my @sessions = map { Appt::Session->open($node) } 1 .. 6;
my %states =
	at_once(map { my $wrong = sprintf '%06d', ($code + $_) % 1_000_000; "SELECT appt.confirm_custom_phone('$wrong', $me)" } 1 .. 6);
is_deeply(\%states, { PT400 => 5, PT404 => 1 }, 'of six wrong guesses five are compared');
$node->refused_with('PT404', "SELECT appt.confirm_custom_phone('$code', $me)", 'the right one is void then');
$sms->forget;
$node->query("SELECT appt.update_profile(custom_phone => '+491700000005', $me)");
$code = code_at('+491700000005');
%states = at_once(("SELECT appt.confirm_custom_phone('$code', $me)") x 6);
is_deeply(\%states, { '00000' => 1, PT404 => 5 }, 'a right one confirms once');

# A number becomes a user's and a line's at the same time: the second waits, and is refused, whatever its snapshot.
my $line = $node->query("INSERT INTO appt.line (application_id, name) VALUES ('$application', 'Sales') RETURNING id");
my %write = (
	user => sub { "UPDATE appt.user_profile SET backup_phone = '$_[0]' WHERE application_id = '$application' AND id = 'bob'" },
	line => sub { "INSERT INTO appt.line_number (application_id, number, line_id) VALUES ('$application', '$_[0]', '$line')" });
my ($one, $two) = @sessions;
my $suffix = 0;
foreach my $level ('READ COMMITTED', 'REPEATABLE READ')
{
	foreach my $order ([ 'user', 'line' ], [ 'line', 'user' ])
	{
		foreach my $end ('COMMIT', 'ROLLBACK')
		{
			my ($first, $second) = @$order;
			my $what = "$first before $second, $level, $end";
			my $number = sprintf '+4930000%05d', ++$suffix;
			$two->run("BEGIN ISOLATION LEVEL $level; SELECT 1");
			$one->run('BEGIN; ' . $write{$first}->($number));
			$two->start($write{$second}->($number));
			ok($two->is_blocked, "$what: the second waits");
			$one->run($end);
			is($two->end, $end eq 'COMMIT' ? '22023' : '00000', "$what: and is " . ($end eq 'COMMIT' ? 'refused' : 'accepted'));
			$two->run('ROLLBACK');
			$node->query('DELETE FROM appt.line_number');
			$node->query('UPDATE appt.user_profile SET backup_phone = NULL');
		}
	}
}
$two->run('BEGIN; ' . $write{user}->('+493000099999'));
$one->run("BEGIN; UPDATE appt.user_profile SET backup_phone = '+493000099999' WHERE id = 'ann'");
pass('two users may have the same number, and do not wait for each other');
$_->run('ROLLBACK') foreach $one, $two;

# Two fill the last place of a list.
$node->query(
	"INSERT INTO appt.user_profile (application_id, id) SELECT '$application', 'user' || i FROM generate_series(1, 1001) i;
	 INSERT INTO appt.line_subscription (application_id, line_id, user_id)
	 SELECT '$application', '$line', 'user' || i FROM generate_series(1, 999) i");
$two->run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
$one->run("BEGIN; SELECT appt.subscribe_line('$line', user_id => 'user1000')");
$two->start("SELECT appt.subscribe_line('$line', user_id => 'user1001')");
ok($two->is_blocked, 'of two who take the last place of a list the second waits');
$one->run('COMMIT');
is($two->end, 'PT409', 'and finds none');

# Whatever the numbers, a user is sent five codes within ten minutes.
$node->query("INSERT INTO appt.user_profile (application_id, id) VALUES ('$application', 'eve')");
my $ask = "SELECT appt.update_profile(custom_phone => '+49170000010%s', user_id => 'eve', application_id => '$application')";
$node->query(sprintf $ask, $_) foreach 1 .. 5;
$node->refused_with('PT429', sprintf($ask, 6), 'a sixth code to a user');
is($node->query("SELECT custom_phone FROM appt.user_profile WHERE id = 'eve'"), '+491700000105', 'changes nothing');

$node->stop;
done_testing();

# Runs a statement in each session at once; how often each SQLSTATE came.
sub at_once
{
	my @statements = @_;
	my %count;

	$sessions[$_]->start($statements[$_]) foreach 0 .. $#statements;
	$count{ $sessions[$_]->end }++ foreach 0 .. $#statements;
	return %count;
}
