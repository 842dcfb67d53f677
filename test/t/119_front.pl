# doc/nginx.conf with Debian's nginx, in front of a server that speaks PostgREST's prelude: one-click unsubscribing, short links,
# scanners, arguments that mailers add, and tokens, which stand in no log.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Rest;
use Appt::Tenant;
use HTTP::Tiny;
use PostgreSQL::Test::Utils;
use Test::More;

my $nginx = (grep { -x $_ } '/usr/sbin/nginx', '/usr/bin/nginx')[0];
die "nginx is not installed\n" if !$nginx;

my $node = Appt::Cluster->create('main');
$node->query('CREATE EXTENSION IF NOT EXISTS appt_test');
my $tenant = Appt::Tenant->create($node);
my $rest = Appt::Rest->stand_in($node);
my $folder = PostgreSQL::Test::Utils::tempdir();
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $http = HTTP::Tiny->new(max_redirect => 0, timeout => 60);
my $front = "http://127.0.0.1:$port";
my $pid = start();

my $notification = $node->query("SELECT id FROM appt.send_message('@{[ $tenant->application ]}', 'EMAIL', 'ann\@example.org', 'm', 's')");
my ($token, $other) = map { $node->query("SELECT appt_test.link_token($notification, $_)") } 1, 0;

# What scanners do: they follow links.
foreach my $method (qw(GET HEAD))
{
	my $page = $http->request($method, "$front/u/$token");
	unlike($page->{status}, qr/^(?:30|599)/, "$method of a link to unsubscribe is no redirect");
	$http->request($method, "$front$_") foreach "/u/$token?utm_source=a&fbclid=b", "/rpc/unsubscribe?token=$token", "/r/$token/decline";
}
$http->request($_, "$front/u/$token") foreach qw(PUT DELETE PATCH OPTIONS);
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
		my $answer = $http->request('POST', "$front/u/$token",
			{ headers => { 'Content-Type' => $type, Cookie => 'a=b', Authorization => 'Basic x' }, content => $body });
		like($answer->{status}, qr/^20[04]$/, "a $time POST of $type is done, without a redirect") or diag($answer->{content});
		is($answer->{content} // '', '', 'and says nothing');
	}
	is(opted_out(), 1, 'and has opted the address out');
}
is($http->request('POST', "$front/u/$token?utm_source=a&fbclid=b")->{status} =~ /^20/, 1, 'arguments that a mailer adds do no harm');
$node->query('DELETE FROM appt.suppression');
is($http->request('POST', "$front/u/$_")->{status}, 404, 'not found: ' . ($_ eq $other ? 'the token of the page' : $_))
	foreach $other, 'A' x 38, 'eq.x', 'a' x 65, "$token/", 'x%22%7D';
is(opted_out(), 0, 'which opts nobody out');
is($http->request('POST', "$front/u/$token", { content => 'x' x 2_000_000 })->{status}, 413, 'a body of more than 1 MB is refused');

# Short links.
foreach my $action ('', '/accept', '/decline', '/reschedule')
{
	my $answer = $http->request('GET', "$front/r/$other$action?utm_source=a");
	is( "$answer->{status} $answer->{headers}{location}",
		"302 /rpc/landing_page?token=$other&action=" . substr("$action ", 1) =~ s/ $//r,
		"a short link leads to the page: $action");
	is($answer->{headers}{'referrer-policy'}, 'no-referrer', 'and tells nobody of it');
}
is($http->request('GET', "$front/r/$_")->{status}, 404, "no short link: $_") foreach "$other/pay", 'eq.x', 'a';

# The page is only asked for what it knows, and only by GET.
$http->request('GET', "$front/rpc/landing_page?token=$other&action=accept&utm_source=a&fbclid=b");
$http->request('GET', "$front/rpc/landing_page?token=eq.x&action=a.b");
is($http->request('POST', "$front/rpc/landing_page?token=$other")->{status}, 405, 'a page takes no POST');

# The API as it is.
is( $http->request('GET', "$front/rpc/ical_text")->{status},
	$http->request('GET', $rest->url . '/rpc/ical_text')->{status},
	'other functions are passed on');

kill 'QUIT', $pid;
waitpid $pid, 0;
my $logs = join '', map { slurp_file("$folder/$_") } qw(nginx_access.log nginx_error.log);
like($logs, qr{"POST /u/\*{8}" 20}, 'requests are logged');
unlike($logs, qr/\Q$_\E/, 'without the token') foreach $token, $other;

$node->stop;
done_testing();

# doc/nginx.conf with this test's ports, in a folder of its own.
sub start
{
	my $documents = ($ENV{REPOSITORY} // '.') . '/doc';
	my $configuration = slurp_file("$documents/nginx.conf");
	my ($server) = $rest->url =~ m{^http://(.*?)/?$};

	$configuration =~ s/listen 127\.0\.0\.1:8080;/listen 127.0.0.1:$port;/ or die 'no listen';
	$configuration =~ s/server 127\.0\.0\.1:3000 max_fails=0;/server $server;/ or die 'no upstream';
	$configuration =~ s/^worker_processes auto;/worker_processes 1;\ndaemon off;/m or die 'no worker_processes';
	mkdir "$folder/nginx_temp";
	append_to_file("$folder/nginx.conf", $configuration);
	append_to_file("$folder/forward.conf", slurp_file("$documents/forward.conf"));
	my $child = fork // die "cannot fork: $!";

	if ($child == 0)
	{
		open STDERR, '>', "$folder/nginx.err";
		exec $nginx, '-p', $folder, '-c', "$folder/nginx.conf", '-e', "$folder/nginx_error.log";
		exit 127;
	}
	foreach (1 .. 100)
	{
		return $child if $http->request('GET', "$front/r/x")->{status} == 404;
		die 'nginx has ended: ' . slurp_file("$folder/nginx.err") if waitpid($child, 1) != 0;
		select undef, undef, undef, 0.1;
	}
	die 'nginx does not answer: ' . slurp_file("$folder/nginx.err");
}

sub opted_out { return $node->query("SELECT count(*) FROM appt.suppression WHERE address = 'ann\@example.org' AND reason = 'OPTED_OUT'"); }

# A server that ends with the test.
END
{
	my $status = $?;
	if ($pid) { kill 'KILL', $pid; }
	$? = $status;
}
