# The REST front of doc/haproxy.cfg while its maps change under load, with organizations on several shards, and when a shard is dead.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Rest;
use Appt::Session;
use Appt::ShardFront;
use Appt::Tenant;
use Appt::Token;
use IO::Select;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my @nodes = map { Appt::Cluster->create("shard_$_") } 0, 1;
my @rests = map { Appt::Rest->stand_in($_) } @nodes;
my $router = Appt::Peers->webhook;
my $haproxy = Appt::ShardFront->start(\@rests, $router);
my $front = Appt::Rest->at($haproxy->url);
my @tenants = map { Appt::Tenant->create($_) } @nodes;

$nodes[0]->query('CREATE DATABASE router');
directory('CREATE SCHEMA appt');
directory('CREATE TABLE appt.tenant (application_id uuid PRIMARY KEY, organization_id uuid, node integer, state text)');
enter($tenants[$_]->application, $tenants[$_]->organization, $_) foreach 0, 1;
is(write_maps(), 'done', 'the maps are written');

subtest 'maps' => sub {
	my $before = maps();
	my $one = $tenants[0]->application;
	my ($tag) = $one =~ /^(.{8})/;

	$haproxy->restart;
	is(maps(), $before, 'another process has the same from the files');

	# Only one of two changes.
	directory("UPDATE appt.tenant SET node = 7");
	is(write_maps('--application', $one), 'done', 'of one application');
	my $after = $before =~ s/^(\Q$tag\E|\Q$tenants[0]{organization}\E) 0$/$1 7/mgr;
	isnt($after, $before, 'something is to be written');
	is(maps(), $after, 'only its entries are written');
	my $unknown = calls('AG', $tenants[0], 'GET', '/rpc/find_appointments');
	is("$unknown->{status} $unknown->{json}{code}", '503 PT503', 'a shard without a backend');
	$haproxy->restart;
	is(maps(), $after, 'in the files, too');
	directory('UPDATE appt.tenant SET node = CASE application_id WHEN ' . "'$one'" . ' THEN 0 ELSE 1 END');
	is(write_maps(), 'done', 'all of them again');
	is(maps(), $before, 'are as they were');

	my ($other, $organization) = map { $nodes[0]->query('SELECT gen_random_uuid()') } 1, 2;
	enter($other, $organization, 1);
	is(write_maps('--application', $other), 'done', 'a new application');
	like(maps(), qr/^\Q$organization\E 1$/m, 'is added');
	directory("DELETE FROM appt.tenant WHERE application_id = '$other'");
	is(write_maps(), 'done', 'one that is gone');
	is(maps(), $before, 'is deleted');
	like(write_maps('--socket', '/nowhere'), qr/^front-maps: .*No such file/, 'what is not there is said');

	# More than fit into one command.
	directory("INSERT INTO appt.tenant SELECT gen_random_uuid(), gen_random_uuid(), n % 2, 'ACTIVE' FROM generate_series(1, 5000) n");
	is(write_maps(), 'done', 'many');
	my $count = () = maps() =~ /\n/g;
	is($count, 2 * 5002, 'are all written');
	directory('DELETE FROM appt.tenant WHERE application_id <> ALL (' . "'{" . join(',', map { $_->application } @tenants) . "}')");
	is(write_maps(), 'done', 'and go');
	is(maps(), $before, 'all of them');
};

subtest 'an organization on two shards' => sub {
	my $organization = $tenants[0]->organization;
	$nodes[1]->query("INSERT INTO appt.organization (id, name) VALUES ('$organization', 'tests')");
	my $here = $tenants[0];
	my $there = bless { %$here, node => $nodes[1] }, 'Appt::Tenant';
	$there->{application} = $nodes[1]->query("SELECT appt.create_application('$organization', 'there')");
	enter($there->application, $organization, 1);
	is(write_maps(), 'done', 'the maps are written');
	like(maps(), qr/^\Q$organization\E split$/m, 'it is split');

	foreach my $node (0, 1)
	{
		my $tenant = $node ? $there : $here;
		my $id = $tenant->application;
		my $subscription = $tenant->subscribe('https://hooks.example/');

		is_by($node, 200, 'AD', $here, 'GET', "/application?id=eq.$id&select=name");
		is_by($node, 200, 'AD', $here, 'GET', "/rule?application_id=eq.$id");
		is_by($node, 204, 'AD', $here, 'PATCH', "/rule?application_id=eq.$id&channel=eq.SMS", body => { enabled => \0 });
		is_by($node, 201, 'AD', $here, 'POST', '/ring_group', body => { application_id => $id, name => 'one' });
		is_by($node, 201, 'AD', $here, 'POST', '/ring_group',
			body => [ { application_id => $id, name => 'two' }, { application_id => $id, name => 'three' } ]);
		is_by($node, 200, 'AD', $here, 'POST', '/rpc/rotate_subscription_key', body => { id => $subscription });
		is_by($node, 200, 'AD', $here, 'POST', '/rpc/resend_notifications',
			body => { subscription_id => $subscription, since => '2026-01-01T00:00:00Z' });
		is_by($node, 200, 'AD', $here, 'GET', "/rpc/user_names?application_id=$id");
		is_by($node, 200, 'AG', $tenant, 'GET', '/rpc/find_appointments');
	}
	foreach my $request ([ 'GET', '/rule' ], [ 'GET', '/rule?id=eq.5' ], [ 'PATCH', '/rule?id=eq.5', body => { enabled => \0 } ],
		[ 'GET', '/application' ], [ 'POST', '/ring_group', body => { name => 'x' } ])
	{
		my $answer = is_by(undef, 400, 'AD', $here, @$request);
		is($answer->{json}{message}, 'organization is on several shards', 'says why');
	}
	is_by('any', 200, 'AD', $here, 'GET', '/');
	is_by('any', 200, 'AD', $here, 'OPTIONS', '/rule');
	foreach my $function (qw(set_notifications_enabled create_application messages_to))
	{
		calls('AD', $here, 'POST', "/rpc/$function", body => { organization_id => $organization, enabled => \1 });
		my ($asked) = $router->wait_for(1);
		is($asked->{path}, "/rpc/$function", "$function is for the router");
		like($asked->{headers}{authorization}, qr/^Bearer \S+$/, 'with its token');
		$router->forget;
	}

	# An organization on one shard asks the router only for an application more.
	is_by(1, 200, 'AD', $tenants[1], 'GET', '/rule');
	is_by(1, 204, 'AD', $tenants[1], 'POST', '/rpc/set_notifications_enabled',
		body => { organization_id => $tenants[1]->organization, enabled => \1 });
	foreach my $path (qw(/rpc/create_application /rpc/create%5Fapplication))
	{
		calls('AD', $tenants[1], 'POST', $path, body => { organization_id => $tenants[1]->organization, name => 'x' });
		is(($router->wait_for(1))[0]{path}, $path, 'of which the router must know');
		$router->forget;
	}
};

subtest 'a tenant that moves under load' => sub {
	my $tenant = Appt::Tenant->create($nodes[0]);
	my ($application, $organization) = ($tenant->application, $tenant->organization);
	enter($application, $organization, 0);
	is(write_maps('--application', $application), 'done', 'it is on shard 0');
	# What a mover does: here it is copied beforehand, and who may not have it is refused.
	foreach my $table ([ organization => $organization ], [ application => $application ])
	{
		my ($name, $id) = @$table;
		my $row = $nodes[0]->query("SELECT quote_literal(to_jsonb(t)::text) FROM appt.$name t WHERE id = '$id'");
		$nodes[1]->query("INSERT INTO appt.$name SELECT * FROM jsonb_populate_record(NULL::appt.$name, $row)");
	}
	shut($nodes[1]);

	my @requests = (
		[ 'AG', 'GET', '/rpc/find_appointments' ],
		[ 'AN', 'GET', "/rpc/count_overlapping?application_id=$application&start_at=2099-01-01T00:00:00Z&duration=PT1H" ],
		[   'AN', 'POST', '/rpc/count_overlapping',
			body => { application_id => $application, start_at => '2099-01-01T00:00:00Z', duration => 'PT1H' } ],
		[ 'AD', 'GET', "/rpc/user_names?application_id=$application" ]);
	my @clients = map { client($tenant, $_) } @requests;
	ok(wait_for_answers($_, 10), 'a client is served') foreach @clients;

	# A request that takes its time: nothing moves before it has its answer.
	my $lock = Appt::Session->open($nodes[0]);
	$lock->run('BEGIN; LOCK TABLE appt.appointment IN ACCESS EXCLUSIVE MODE');
	my $slow = client($tenant, [ 'AG', 'GET', '/rpc/find_appointments' ]);
	ok(wait_until(sub { counted('in_flight', substr $application, 0, 8) > 0 }), 'a request is in flight');
	directory("UPDATE appt.tenant SET state = 'MOVING' WHERE application_id = '$application'");
	like(write_maps('--application', $application, '--wait', '0.2'), qr/still in flight/, 'front-maps says so');
	$lock->run('COMMIT');
	is(write_maps('--application', $application), 'done', 'and then that there is none');
	is(counted('in_flight', $_), 0, 'of either kind') foreach substr($application, 0, 8), $organization;

	shut($nodes[0]);
	ok(wait_until(sub { counted('waiting', substr $application, 0, 8) == 4 && counted('waiting', $organization) == 1 }), 'all wait');
	my @before = map { answers($_) } @clients, $slow;
	ok(write_maps() eq 'done', 'it moves') foreach 1 .. 3;
	is_deeply([ map { answers($_) } @clients, $slow ], \@before, 'and go on waiting');
	unlike(join('', @before), qr/[^2 0\n]/, 'nobody is refused');
	open_again($nodes[1]);
	directory("UPDATE appt.tenant SET state = 'ACTIVE', node = 1 WHERE application_id = '$application'");
	is(write_maps('--application', $application), 'done', 'it is on shard 1');
	ok(wait_for_answers($_, 10 + number($_)), 'a client is served again') foreach @clients, $slow;
	stop_client($_) foreach @clients, $slow;
	is(join(' ', sort keys %{ { map { ($_ => 1) } map { split /\n/, answers($_) } @clients, $slow } }), '200', 'no request has failed');
	open_again($nodes[0]);

	# Who waits for too long, and the first of several that moves.
	directory("UPDATE appt.tenant SET state = 'MOVING' WHERE application_id = '$application'");
	is(write_maps(), 'done', 'it moves again');
	my $began = time;
	my $late = calls('AG', $tenant, 'GET', '/rpc/find_appointments');
	is("$late->{status} $late->{json}{code} $late->{headers}{'retry-after'}", '503 PT503 2', 'after ten seconds a client is told to retry');
	like($late->{json}{message}, qr/is moving/, 'and why');
	cmp_ok(time - $began, '>', 9, 'not before');
	my @crowd = map { ask_and_wait($tenant) } 1 .. 520;
	my @refused;
	ok(wait_until(sub { @refused = IO::Select->new(@crowd)->can_read(0); @refused >= 20; }), 'too many wait');
	is(scalar @refused, 20, 'five hundred may');
	like(join('', $refused[0]->getline), qr{^HTTP/1.1 503 }, 'the others are told to retry');
	my $admin = client($tenant, [ 'AD', 'GET', '/rule' ]);
	enter($nodes[0]->query('SELECT gen_random_uuid()'), $organization, 0);
	directory("UPDATE appt.tenant SET state = 'ACTIVE' WHERE application_id = '$application'");
	ok(wait_until(sub { counted('waiting', $organization) == 1 }), 'an admin waits');
	is(write_maps(), 'done', 'and its organization is split');
	ok(wait_for_answers($admin, 1), 'that is answered');
	stop_client($admin);
	like(answers($admin), qr/^503\n(?:400\n)*$/, 'and the next attempt is judged anew');
};

subtest 'a dead shard' => sub {
	my ($alive, $dead) = (Appt::Tenant->create($nodes[0]), Appt::Tenant->create($nodes[1]));
	enter($alive->application, $alive->organization, 0);
	enter($dead->application, $dead->organization, 1);
	is(write_maps(), 'done', 'the maps are written');
	is(calls('AG', $dead, 'GET', '/rpc/find_appointments')->{status}, 200, 'it is alive');
	$rests[1]->stop;

	foreach my $role (qw(AG AD AN))
	{
		my $path = { AG => '/rpc/find_appointments', AD => '/rule' }->{$role} // '/rpc/ical_text?id='
			. $nodes[0]->query("SELECT overlay(gen_random_uuid()::text PLACING left('@{[ $dead->application ]}', 8) FROM 29)");
		my $answer = calls($role, $dead, 'GET', $path, headers => { Origin => 'https://app.example' });
		is("$answer->{status} $answer->{json}{code} $answer->{headers}{'retry-after'}", '503 PT503 2', "$role: 503");
		is_deeply([ sort keys %{ $answer->{json} } ], [qw(code details hint message)], 'as PostgREST writes errors');
		is($answer->{headers}{'access-control-allow-origin'}, '*', 'for browsers, too');
	}
	is(calls('AG', $alive, 'GET', '/rpc/find_appointments')->{status}, 200, 'tenants of another shard are served');
	is(calls('AN', $alive, 'GET', '/rpc/console')->{status}, 200, 'and what any shard answers') foreach 1 .. 4;
	$router->stop;
	is(calls('AD', $alive, 'POST', '/rpc/create_application', body => {})->{status}, 503, 'a dead router');
};

$haproxy->stop;
$_->stop foreach @nodes;
done_testing();

sub directory { return $nodes[0]->query($_[0], 'router'); }

sub enter
{
	my ($application, $organization, $node) = @_;

	return directory("INSERT INTO appt.tenant VALUES ('$application', '$organization', $node, 'ACTIVE')");
}

sub write_maps { return $haproxy->write_maps($nodes[0], 'router', @_); }

# What the running process has, in an order.
sub maps
{
	return join '', sort map { join(' ', (split)[ 1, 2 ]) . "\n" } grep { /^0x/ }
		map { split /\n/, $haproxy->ask("show map maps/$_") } qw(tags.map organizations.map);
}

# Requests that a table of HAProxy counts by this key.
sub counted
{
	my ($table, $key) = @_;

	return ($haproxy->ask("show table $table key $key") =~ /conn_cur=(\d+)/)[0] // 0;
}

sub claims
{
	my ($role, $tenant) = @_;

	return Appt::Token::claims('AN') if $role eq 'AN';
	return Appt::Token::claims('AD', sub => 'ada', organization_id => $tenant->organization) if $role eq 'AD';
	return Appt::Token::claims($role, sub => 'ann', application_id => $tenant->application);
}

sub calls
{
	my ($role, $tenant, $method, $path, %options) = @_;

	return $front->request($method, $path, claims => claims($role, $tenant), %options);
}

# A test: this status, by this shard, by "any", or by none (undef).
sub is_by
{
	my ($node, $status, $role, $tenant, $method, $path, %options) = @_;
	my @before = map { scalar(() = $_->peer->entries) } @rests;
	my $answer = calls($role, $tenant, $method, $path, %options);
	my @who;

	wait_until(
		sub {
			@who = grep { scalar(() = $rests[$_]->peer->entries) > $before[$_] } 0, 1;
			return @who || !defined $node;
		});
	my $who = @who == 1 && ($node // '') eq 'any' ? 'any' : join ' and ', @who;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("$answer->{status} by $who", "$status by " . ($node // ''), "$role $method " . $path =~ s/=.*//r) or diag($answer->{content});
	return $answer;
}

sub wait_until
{
	my ($condition) = @_;
	my $until = time + $PostgreSQL::Test::Utils::timeout_default;

	while (time < $until)
	{
		return 1 if $condition->();
		sleep 0.02;
	}
	return 0;
}

# A connection with a request of this tenant's agent.
sub ask_and_wait
{
	my ($tenant) = @_;
	my ($host) = $haproxy->url =~ m{^http://(.*)};
	my $token = $front->token(claims('AG', $tenant));
	my $socket = IO::Socket::INET->new(PeerAddr => $host) or die "cannot connect: $!";

	print $socket "GET /rpc/find_appointments HTTP/1.1\r\nHost: $host\r\nAuthorization: Bearer $token\r\n\r\n";
	return $socket;
}

# A process that sends the same request again and again, and writes down the status of each answer.
sub client
{
	my ($tenant, $request) = @_;
	my ($role, $method, $path, %options) = @$request;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/answers';
	my $pid = fork // die "cannot fork: $!";

	if ($pid == 0)
	{
		open my $output, '>', $file;
		$output->autoflush(1);
		while (1)
		{
			my $answer = eval { calls($role, $tenant, $method, $path, %options) };
			print $output ($answer ? $answer->{status} : 'none') . "\n";
		}
	}
	return { pid => $pid, file => $file };
}

sub answers { return -e $_[0]{file} ? slurp_file($_[0]{file}) : ''; }

sub number { return scalar(() = answers($_[0]) =~ /\n/g); }

sub wait_for_answers
{
	my ($client, $count) = @_;

	return wait_until(sub { number($client) >= $count });
}

sub stop_client
{
	my ($client) = @_;

	kill 'KILL', $client->{pid};
	waitpid $client->{pid}, 0;
	return;
}

sub shut
{
	my ($node) = @_;

	return $node->query('REVOKE EXECUTE ON FUNCTION appt.find_appointments, appt.count_overlapping, appt.user_names
		FROM appt_agent, appt_admin, appt_anonymous');
}

sub open_again
{
	my ($node) = @_;

	return $node->query('GRANT EXECUTE ON FUNCTION appt.find_appointments TO appt_agent;
		GRANT EXECUTE ON FUNCTION appt.user_names TO appt_admin; GRANT EXECUTE ON FUNCTION appt.count_overlapping TO appt_anonymous');
}
