# doc/nginx.conf with Debian's nginx, in front of PostgREST or its stand-in: one-click unsubscribing, short links,
# scanners, arguments that mailers add, and tokens, which stand in no log.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Front;
use Appt::Rest;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main');
$node->query('CREATE EXTENSION IF NOT EXISTS appt_test');
my $tenant = Appt::Tenant->create($node);
my $rest = Appt::Rest->serve($node);
my $front = Appt::Front->start($rest);

my $notification = $node->query("SELECT id FROM appt.send_message('@{[ $tenant->application ]}', 'EMAIL', 'ann\@example.org', 'm', 's')");
my ($token, $other) = map { $node->query("SELECT appt_test.link_token($notification, $_)") } 1, 0;

# What scanners do: they follow links.
foreach my $method (qw(GET HEAD))
{
	my $page = $front->request($method, "/u/$token");
	unlike($page->{status}, qr/^(?:30|599)/, "$method of a link to unsubscribe is no redirect");
	$front->request($method, $_) foreach "/u/$token?utm_source=a&fbclid=b", "/rpc/unsubscribe?token=$token", "/r/$token/decline";
}
$front->request($_, "/u/$token") foreach qw(PUT DELETE PATCH OPTIONS);
is(opted_out(), 0, 'none of that opts anybody out');

# As Gmail posts it, and as others may.
foreach my $case (
	[ 'application/x-www-form-urlencoded', 'List-Unsubscribe=One-Click' ],
	[   'multipart/form-data; boundary=b',
		"--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n" ],
	[ 'application/json', 'no JSON' ],
	[ 'text/plain', '' ])
{
	my ($type, $body) = @$case;
	$node->query('DELETE FROM appt.suppression');
	foreach my $time (qw(first second))
	{
		my $answer = $front->request('POST', "/u/$token",
			{ headers => { 'Content-Type' => $type, Cookie => 'a=b', Authorization => 'Basic x' }, content => $body });
		like($answer->{status}, qr/^20[04]$/, "a $time POST of $type is done, without a redirect") or diag($answer->{content});
		is($answer->{content} // '', '', 'and says nothing');
	}
	is(opted_out(), 1, 'and has opted the address out');
}
is($front->request('POST', "/u/$token?utm_source=a&fbclid=b")->{status} =~ /^20/, 1, 'arguments that a mailer adds do no harm');
$node->query('DELETE FROM appt.suppression');
is($front->request('POST', "/u/$_")->{status}, 404, 'not found: ' . ($_ eq $other ? 'the token of the page' : $_))
	foreach $other, 'A' x 38, 'eq.x', 'a' x 65, "$token/", 'x%22%7D';
is(opted_out(), 0, 'which opts nobody out');
is($front->request('POST', "/u/$token", { content => 'x' x 2_000_000 })->{status}, 413, 'a body of more than 1 MB is refused');

# Short links.
foreach my $action ('', '/accept', '/decline', '/reschedule')
{
	my $answer = $front->request('GET', "/r/$other$action?utm_source=a");
	is( "$answer->{status} $answer->{headers}{location}",
		"302 /rpc/landing_page?token=$other&action=" . substr("$action ", 1) =~ s/ $//r,
		"a short link leads to the page: $action");
	is($answer->{headers}{'referrer-policy'}, 'no-referrer', 'and tells nobody of it');
}
is($front->request('GET', "/r/$_")->{status}, 404, "no short link: $_") foreach "$other/pay", 'eq.x', 'a';

# The page is only asked for what it knows, and only by GET.
$front->request('GET', "/rpc/landing_page?token=$other&action=accept&utm_source=a&fbclid=b");
$front->request('GET', "/rpc/landing_page?token=eq.x&action=a.b");
is($front->request('POST', "/rpc/landing_page?token=$other")->{status}, 405, 'a page takes no POST');

# The API as it is.
is( $front->request('GET', "/rpc/ical_text")->{status},
	$rest->request('GET', '/rpc/ical_text')->{status},
	'other functions are passed on');

$front->stop;
my $logs = $front->logs;
like($logs, qr{"POST /u/\*{8}" 20}, 'requests are logged');
unlike($logs, qr/\Q$_\E/, 'without the token') foreach $token, $other;

$node->stop;
done_testing();

sub opted_out { return $node->query("SELECT count(*) FROM appt.suppression WHERE address = 'ann\@example.org' AND reason = 'OPTED_OUT'"); }
