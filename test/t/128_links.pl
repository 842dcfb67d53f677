# Links in messages to customers, from the appointment to the mail program and back: tokens that work, that nobody else reads, and
# that are in a message again that is sent again. What a token needs is kept.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use Appt::Tenant;
use JSON::PP qw(decode_json);
use MIME::QuotedPrint qw(decode_qp);
use Test::More;

my $node = Appt::Cluster->create('main', conf => "appt.request_timeout = '10min'\nappt.log_retention = '1d'\nlog_min_messages = debug1");
$node->query('CREATE EXTENSION appt_test');
my $token = qr/[A-Za-z0-9_-]{38}/;

# A tenant with an RSVP by these channels.
sub tenant
{
	my ($channels, %settings) = @_;
	my $tenant = Appt::Tenant->create($node, public_url => 'https://front.example/api', %settings);

	$tenant->only('CREATE', $_) foreach @$channels[0];
	$tenant->rule('CREATE', $_) foreach @$channels[ 1 .. $#$channels ];
	$tenant->query(
		"UPDATE appt.rule SET buttons = '{ACCEPT,DECLINE,RESCHEDULE,VIEW_DETAILS}', reply_codes = '{\"1\": \"ACCEPT\"}'
		WHERE application_id = '@{[ $tenant->application ]}'");
	return $tenant;
}

sub decoded { return decode_qp($_[0]{message}); }

sub message_of { my ($t) = @_; return $node->query("SELECT appt_test.token_message('$t')"); }

# What the database keeps of tokens, anywhere that somebody may read; secrets have the keys alone.
sub tokens_kept
{
	my @tokens = @_;
	my $tables = $node->query(
		"SELECT string_agg(format('SELECT t::text FROM appt.%I t', relname), ' UNION ALL ') FROM pg_class
		WHERE relnamespace = 'appt'::regnamespace AND relkind IN ('r', 'v') AND relname NOT IN ('worker_status', 'open_circuits')");
	my $in = join ' OR ', map { "t LIKE '%$_%'" } @tokens;

	return $node->query("SELECT count(*) FROM ($tables) k(t) WHERE $in");
}

$node->wait_for_workers;

# An email: buttons, headers, sender, the log.
{
	my $mail = Appt::Peers->smtp;
	my $tenant = tenant([qw(EMAIL)]);
	my $application = $tenant->application;
	$tenant->email($mail->url, sender => 'Acme Meetings <meetings@example.org>');

	# The key is made while a caller changes the application, whom nobody waits for.
	my $caller = Appt::Session->open($node);
	my ($worker) = $node->wait_for_workers;
	kill 'STOP', $worker;
	my $id = $tenant->schedule;
	$caller->run("BEGIN; SELECT FROM appt.application WHERE id = '$application' FOR UPDATE");
	kill 'CONT', $worker;
	my ($entry) = $mail->wait_for(1);
	is($node->query("SELECT count(*) FROM appt.secret WHERE application_id = '$application' AND name = 'TOKEN_KEY'"),
		1, 'the claim makes the key, and waits for nobody');
	$caller->run('ROLLBACK');
	ok($tenant->settled, 'the message is sent');
	my $text = decoded($entry);
	my $notification = $node->query("SELECT id FROM appt.notification WHERE appointment_id = '$id'");

	my ($respond) = $text =~ m{^Accept: https://front\.example/api/rpc/landing_page\?token=($token)&action=accept\r?$}m;
	is(message_of($respond), "$notification 0", 'the mail\'s link has a token that finds the message');
	like($text, qr{<a href="https://front\.example/api/rpc/landing_page\?token=\Q$respond\E&amp;action=decline"}, 'so have its buttons');
	my ($unsubscribe) = $text =~ m{^List-Unsubscribe: <https://front\.example/api/u/($token)>\r?$}m;
	is(message_of($unsubscribe), "$notification 1", 'List-Unsubscribe has a token to unsubscribe by');
	like($text, qr{^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r?$}m, 'with one click');
	isnt($unsubscribe, $respond, 'neither token does what the other does');
	like($text, qr{^From: Acme Meetings <meetings\@example\.org>\r?$}m, 'the sender is the provider\'s, apart from the salesperson');
	unlike($text, qr{agent-1}, 'of the organizer nothing is in the mail, in no From and no Reply-To');

	is(tokens_kept($respond, $unsubscribe), 0, 'no table and no view has a token');
	foreach my $call (
		"respond('$respond', 'MAYBE')",
		"respond('$respond', 'ACCEPT', repeat('x', 2001))",
		"respond('$respond', 'ACCEPT', proposed_start_at => now())",
		"respond('$unsubscribe', 'ACCEPT')",
		"unsubscribe('$respond')")
	{
		my (undef, undef, $errors) = $node->psql('postgres', "SELECT appt.$call");
		like($errors, qr/ERROR/, "refused: $call");
	}
	# The tests' servers log all statements that begin, some on several lines.
	my $log = join "\n", grep { !/ LOG:  statement: |^\t/ } split /\n/, $node->log_since(0);
	unlike($log, qr/\Q$respond\E|\Q$unsubscribe\E/, 'nor has the server\'s log');
	like(
		$node->query("SELECT html_body FROM appt.attempt WHERE notification_id = $notification"),
		qr{token=\[token:respond\]&amp;action=accept},
		'the log shows where it was');
	my $shown = decode_json($node->query("SELECT shown FROM appt.attempt WHERE notification_id = $notification"));
	is_deeply($shown->{buttons}, [qw(ACCEPT DECLINE RESCHEDULE)], 'the attempt records which actions were offered');
	is($shown->{reply_codes}, undef, 'an email has no reply codes');
	is( $node->query(
			"SELECT (shown->>'start_at')::timestamptz = a.start_at AND (shown->>'end_at')::timestamptz = a.end_at AND shown->>'timezone' = a.timezone
			FROM appt.attempt t, appt.appointment a WHERE t.notification_id = $notification AND a.id = '$id'"),
		't',
		'and when and where');
	my ($preview) = $node->query(
		"SELECT p::text FROM appt.participant c, appt.preview_notification('$id', c.id, 'CREATE', 'EMAIL', '0') p
		WHERE c.appointment_id = '$id' AND c.type = 'CUSTOMER'");
	like($preview, qr/token=\[token:respond\]/, 'a preview has the link');
	unlike($preview, qr/\Q@{[ substr $respond, 0, 5 ]}\E/, 'without a token');

	# Without one_click, and without buttons.
	$tenant->query(
		"UPDATE appt.application SET one_click = false WHERE id = '$application';
		UPDATE appt.rule SET buttons = '{}' WHERE application_id = '$application'");
	$mail->forget;
	$id = $tenant->schedule;
	($entry) = $mail->wait_for(1);
	unlike(decoded($entry), qr/List-Unsubscribe/, 'an application that has no front switches the header off');
	unlike(decoded($entry), qr/landing_page/, 'a message without buttons has no link');
	is( $node->query(
			"SELECT count(shown) FROM appt.attempt t JOIN appt.notification n ON n.id = t.notification_id WHERE n.appointment_id = '$id'"),
		0,
		'and nothing to respond to');
}

# Without a public_url nothing is different from before.
{
	my $mail = Appt::Peers->smtp;
	my $tenant = tenant([qw(EMAIL)]);
	$tenant->query("UPDATE appt.application SET public_url = NULL WHERE id = '@{[ $tenant->application ]}'");
	$tenant->email($mail->url);
	$tenant->schedule;
	my ($entry) = $mail->wait_for(1);
	unlike(decoded($entry), qr/Accept|landing_page|List-Unsubscribe/, 'without a public_url the message has no links and no buttons');
	ok($tenant->settled, 'it is sent');
	is($node->query("SELECT count(*) FROM appt.secret WHERE application_id = '@{[ $tenant->application ]}' AND name = 'TOKEN_KEY'"),
		0, 'and no key is made');
}

# A text message, by a gateway that repeats what it got.
{
	my $gateway = Appt::Peers->webhook;
	my $tenant = tenant([qw(SMS)]);
	$tenant->query("UPDATE appt.application SET short_url = 'https://s.example' WHERE id = '@{[ $tenant->application ]}'");
	$tenant->provider('SMS', 'HTTP', $gateway->url('/echo'), sender => '+15550100000', secret => 'secret', settings => '{}');
	my $id = $tenant->schedule(phone => '+306900000000');
	my ($entry) = $gateway->wait_for(1);
	ok($tenant->settled, 'the text message is sent');
	my ($respond) = $entry->{body} =~ m{https:\\?/\\?/s\.example\\?/r\\?/($token)};
	my ($notification, $response) = split /\|/,
		$node->query(
		"SELECT n.id, t.response FROM appt.notification n JOIN appt.attempt t ON t.notification_id = n.id WHERE n.appointment_id = '$id'"),
		2;
	is(message_of($respond), "$notification 0", 'it has one short link');
	like($entry->{body}, qr/Reply 1 to accept\./, 'and says what may be replied');
	like($response, qr/s\.example.{2,8}\*{8}/, 'the answer repeats the link');
	is(tokens_kept($respond), 0, 'but the log has no token of it');
	is( $node->query("SELECT shown->'reply_codes' FROM appt.attempt WHERE notification_id = $notification"),
		'{"1": "ACCEPT"}',
		'the codes are recorded');
}

# Interrupted and sent again: the same words and the same tokens, and what was shown.
{
	my $mail = Appt::Peers->smtp('--reply', 'hang', '--at', 'MESSAGE', '--times', 1);
	my $tenant = tenant([qw(EMAIL)]);
	my $application = $tenant->application;
	$tenant->email($mail->url);
	$tenant->query(
		"INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body, html_body)
		VALUES ('$application', 'CREATE', 'EMAIL', 'en', 'Re [token:respond]', '[token:unsubscribe] [token::x] {{unsubscribeUrl}}', '<p>Hi</p>')"
	);
	my ($worker) = $node->wait_for_workers;
	my $id = $tenant->schedule;
	$mail->wait_for(1);
	$node->query("UPDATE appt.rule SET buttons = '{VIEW_DETAILS}' WHERE application_id = '$application'");
	kill 'KILL', $worker;
	ok($tenant->settled, 'a message is sent again after the worker was killed');
	my ($first, $second) =
		map { decoded($_) =~ s/^(?:Date|DTSTAMP|Content-Type|--).*$//mgr =~ s/^[A-Za-z0-9+\/=]{20,}\r?$//mgr } $mail->wait_for(2);
	my ($one) = $first =~ m{token=($token)&action=accept};
	my ($two) = $second =~ m{token=($token)&action=accept};
	is($two, $one, 'its link has the same token');
	like(message_of($two), qr/^\d+ 0$/, 'which works');
	like($second, qr/\[token:unsubscribe\] \[token::x\] /, 'a text that looks like a mask stays as it was');
	my @stored = split /\n/, $node->query(
		"SELECT t.outcome, t.shown->>'buttons', t.text_body LIKE '%' || '$one' || '%' FROM appt.attempt t
		JOIN appt.notification n ON n.id = t.notification_id WHERE n.appointment_id = '$id' ORDER BY t.attempt_number");
	is_deeply(
		\@stored,
		[ 'INTERRUPTED|["ACCEPT", "DECLINE", "RESCHEDULE"]|f', 'DELIVERED|["ACCEPT", "DECLINE", "RESCHEDULE"]|f' ],
		'both attempts record what they showed, and no token');
}

# What a link needs is kept: log_retention is a day, the appointment is in 80 days.
{
	my $tenant = tenant([qw(EMAIL)]);
	my $application = $tenant->application;
	my $id = $tenant->schedule(start_at => "now() + interval '80 days'");
	my $plain = Appt::Tenant->create($node);
	my $sent = sub {
		my ($owner, $days, $appointment, $attempts) = @_;

		return $node->query(
			"WITH sent AS (
				INSERT INTO appt.notification (application_id, appointment_id, organizer_id, recipient_kind, recipient_id, type, channel, due_at,
					lane, state, attempt_count, created_at, settled_at)
				SELECT '@{[ $owner->application ]}', '$appointment', 'a', 'CUSTOMER', 'c', 'CREATE', 'EMAIL', at, 1, 'SENT', $attempts, at, at
				FROM (SELECT now() - interval '$days days' AS at) a RETURNING id, application_id, settled_at)
			INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome)
			SELECT application_id, id, 1, settled_at, settled_at, 'DELIVERED' FROM sent RETURNING notification_id");
	};
	my $over = $node->query(
		"INSERT INTO appt.appointment (application_id, organizer_id, start_at, end_at, timezone, locale, notifications_active, state, ended_at)
		VALUES ('$application', 'ann', now() - interval '40 days', now() - interval '39 days', 'UTC', 'en', false, 'ENDED', now()) RETURNING id"
	);
	my $elsewhere = $plain->schedule;
	# Without the row of its application, as the log of a tenant that is being moved here.
	my $arriving = bless { application => '00000000-0000-4000-8000-000000000000' }, 'Appt::Tenant';
	my %kept = (
		'of an appointment to come, after 70 days' => $sent->($tenant, 70, $id, 1),
		'of one that is over, for 60 days' => $sent->($tenant, 59, $over, 1),
		'of an application that is not here yet, for 60 days' => $sent->($arriving, 59, $id, 1));
	my %dropped = (
		'of one that is over, after 61 days' => $sent->($tenant, 61, $over, 1),
		'without an attempt' => $sent->($tenant, 59, $id, 0),
		'of an application without links' => $sent->($plain, 59, $elsewhere, 1));
	# A pass goes by id, and ends at the first that is young.
	$node->query("UPDATE appt.notification SET created_at = now() - interval '90 days' WHERE created_at > now() - interval '50 days'");
	my ($worker) = $node->wait_for_workers;
	$node->query("SELECT pg_terminate_backend($worker)");
	my $list = join ', ', values %dropped;
	ok( $node->wait_for_query("SELECT count(*) FROM appt.notification WHERE id IN ($list)", 0),
		join '; ',
		'dropped: what is',
		sort keys %dropped);
	$list = join ', ', values %kept;
	is( $node->query(
			"SELECT count(*) || ' ' || count(t.id) FROM appt.notification n JOIN appt.attempt t ON t.notification_id = n.id WHERE n.id IN ($list)"
		),
		'3 3',
		join '; ',
		'kept with its attempt: what is',
		sort keys %kept);
}

$node->stop;
done_testing();
