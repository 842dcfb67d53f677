# The REST front of doc/haproxy.cfg beside a router: its maps change under load, organizations are on several shards, and a shard is dead.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Mover;
use Appt::Peers;
use Appt::Rest;
use Appt::Router;
use Appt::Session;
use Appt::ShardFront;
use Appt::Tenant;
use Appt::Token;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my @nodes = map { Appt::Cluster->create("shard_$_", extension => 0) } 0, 1;
Appt::Router->install($nodes[0], shards => \@nodes);
my @rests = map { Appt::Rest->serve($nodes[$_], database => "shard$_") } 0, 1;
my $router = Appt::Rest->serve($nodes[0], database => 'router', schemas => 'appt');
# On a busy machine a move takes longer than people would wait.
my $haproxy = Appt::ShardFront->start(\@rests, $router, seconds => 50);
my $front = Appt::Rest->at($haproxy->url);
my @tenants = map { tenant($_) } 0, 1;

enter($tenants[$_]->application, $tenants[$_]->organization, $_) foreach 0, 1;
is(write_maps(), 'done', 'the maps are written');

subtest 'maps' => sub {
	my $before = maps();
	my $one = $tenants[0]->application;
	my ($tag) = $one =~ /^(.{8})/;

	$haproxy->restart;
	is(maps(), $before, 'another process has the same from the files');

	# Only one of two changes.
	directory("INSERT INTO appt.shard (node, conninfo) VALUES (7, 'host=nowhere'); UPDATE appt.tenant SET node = 7;
		UPDATE appt.home SET node = 7");
	is(write_maps('--application', $one), 'done', 'of one application');
	my $after = $before =~ s/^(\Q$tag\E|\Q$tenants[0]{organization}\E) 0$/$1 7/mgr;
	isnt($after, $before, 'something is to be written');
	is(maps(), $after, 'only its entries are written');
	my $unknown = calls('AG', $tenants[0], 'GET', '/rpc/find_appointments');
	is("$unknown->{status} $unknown->{json}{code}", '503 PT503', 'a shard without a backend');
	$haproxy->restart;
	is(maps(), $after, 'in the files, too');
	foreach my $node (0, 1)
	{
		directory("UPDATE appt.tenant SET node = $node WHERE application_id = '" . $tenants[$node]->application . "';
			UPDATE appt.home SET node = $node WHERE organization_id = '" . $tenants[$node]->organization . "'");
	}
	is(write_maps(), 'done', 'all of them again');
	is(maps(), $before, 'are as they were');

	my ($other, $organization) = map { directory('SELECT gen_random_uuid()') } 1, 2;
	enter($other, $organization, 1);
	is(write_maps('--application', $other), 'done', 'a new application');
	like(maps(), qr/^\Q$organization\E 1$/m, 'is added');
	directory("DELETE FROM appt.tenant WHERE application_id = '$other'");
	is(write_maps(), 'done', 'one that is gone');
	is(maps(), join('', sort $before =~ /(.*\n)/g, "$organization 1\n"), 'is deleted, and its organization stays');
	directory("UPDATE appt.home SET node = 0 WHERE organization_id = '$organization'");
	enter($other, $organization, 1);
	is(write_maps(), 'done', 'with an application elsewhere');
	like(maps(), qr/^\Q$organization\E split$/m, 'it is on both shards');
	directory("DELETE FROM appt.tenant WHERE application_id = '$other'; DELETE FROM appt.home WHERE organization_id = '$organization'");
	is(write_maps(), 'done', 'without any');
	is(maps(), $before, 'is deleted');
	like(write_maps('--socket', '/nowhere'), qr/^front-maps: .*No such file/, 'what is not there is said');

	# More than fit into one command.
	directory(<<'END');
INSERT INTO appt.tenant
SELECT overlay(gen_random_uuid()::text PLACING lpad(to_hex(n), 8, '0') FROM 1)::uuid, gen_random_uuid(), n % 2
FROM generate_series(1, 5000) n
END
	directory('INSERT INTO appt.home SELECT gen_random_uuid(), n % 2 FROM generate_series(1, 100) n');
	is(write_maps(), 'done', 'many');
	my $count = () = maps() =~ /\n/g;
	is($count, 2 * 5002 + 100, 'are all written, also organizations without applications');
	directory("DELETE FROM appt.home WHERE organization_id <> ALL (SELECT organization_id FROM appt.tenant)");
	directory('DELETE FROM appt.tenant WHERE application_id <> ALL (' . "'{" . join(',', map { $_->application } @tenants) . "}')");
	is(write_maps(), 'done', 'and go');
	is(maps(), $before, 'all of them');
};

subtest 'an organization on two shards' => sub {
	my $organization = $tenants[0]->organization;
	my $here = $tenants[0];
	my $there = bless { %$here, node => $nodes[1], database => 'shard1' }, 'Appt::Tenant';
	$there->{application} = directory("SELECT appt.create_application('$organization', 'there', node => 1)");
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
	is_by_router(204, $here, 'set_notifications_enabled', { organization_id => $organization, enabled => \0 });
	is(on_shard($_, "SELECT notifications_enabled FROM appt.organization WHERE id = '$organization'"), 'f', "which asks shard $_")
		foreach 0, 1;
	is_by_router(200, $here, 'messages_to', { address => 'ann@example.org' });

	# With an application beside the organization in the token, only what cannot be done by its shard alone.
	my $both = { %{ claims('AD', $here) }, application_id => $there->application };
	is($front->request('GET', '/rule', claims => $both)->{status}, 200, 'a token of an application, too');
	is($front->request('POST', '/rpc/set_notifications_enabled', claims => $both, body => { organization_id => $organization, enabled => \1 })
			->{status},
		204, 'switches its organization on');
	is(on_shard($_, "SELECT notifications_enabled FROM appt.organization WHERE id = '$organization'"), 't', "on shard $_") foreach 0, 1;
	my $third = $front->request('POST', '/rpc/create_application', claims => $both,
		body => { organization_id => $organization, name => 'third', timezone => 'Europe/Athens' })->{json};
	is(directory("SELECT count(*) FROM appt.tenant WHERE application_id = '$third'"), 1, 'and has a new application in the directory');
	directory("DELETE FROM appt.tenant WHERE application_id = '$third'");

	# An organization on one shard asks the router only for an application more, which the front learns from the directory.
	is_by(1, 200, 'AD', $tenants[1], 'GET', '/rule');
	is_by(1, 204, 'AD', $tenants[1], 'POST', '/rpc/set_notifications_enabled',
		body => { organization_id => $tenants[1]->organization, enabled => \1 });
	foreach my $case ([ $here, 0 ], [ $tenants[1], 1 ])
	{
		my ($tenant, $node) = @$case;
		my %named = (organization_id => $tenant->organization, name => 'another', timezone => 'Europe/Athens');
		is_by_router(200, $tenant, 'create%5Fapplication', \%named);
		my $new = is_by_router(200, $tenant, 'create_application', \%named)->{json};
		is(write_maps('--application', $new), 'done', 'the maps are written');
		is_by($node, 200, 'AN', $tenant,
			'GET', "/rpc/available_slots?application_id=$new&range=[2099-01-01,2099-01-02)&duration=PT1H&step=PT1H");
	}
};

subtest 'a tenant that moves under load' => sub {
	my $tenant = tenant(0);
	my ($application, $organization) = ($tenant->application, $tenant->organization);
	enter($application, $organization, 0);
	is(write_maps('--application', $application), 'done', 'it is on shard 0');
	# What a mover does: here it is copied beforehand, and who may not have it is refused.
	foreach my $table ([ organization => $organization ], [ application => $application ])
	{
		my ($name, $id) = @$table;
		my $row = on_shard(0, "SELECT quote_literal(to_jsonb(t)::text) FROM appt.$name t WHERE id = '$id'");
		on_shard(1, "INSERT INTO appt.$name SELECT * FROM jsonb_populate_record(NULL::appt.$name, $row)");
	}
	shut(1);

	my @requests = (
		[ 'AG', 'GET', '/rpc/find_appointments' ],
		[ 'AN', 'GET', "/rpc/count_overlapping?application_id=$application&start_at=2099-01-01T00:00:00Z&duration=PT1H" ],
		[   'AN', 'POST', '/rpc/count_overlapping',
			body => { application_id => $application, start_at => '2099-01-01T00:00:00Z', duration => 'PT1H' } ],
		[ 'AD', 'GET', "/rpc/user_names?application_id=$application" ]);
	my @clients = map { client($tenant, $_) } @requests;
	ok(wait_for_answers($_, 10), 'a client is served') foreach @clients;

	# A request that takes its time: nothing moves before it has its answer.
	my $lock = Appt::Session->open($nodes[0], database => 'shard0');
	$lock->run('BEGIN; LOCK TABLE appt.appointment IN ACCESS EXCLUSIVE MODE');
	my $slow = client($tenant, [ 'AG', 'GET', '/rpc/find_appointments' ]);
	ok(wait_until(sub { counted('in_flight', substr $application, 0, 8) > 0 }), 'a request is in flight');
	directory("UPDATE appt.tenant SET state = 'MOVING' WHERE application_id = '$application'");
	like(write_maps('--application', $application, '--wait', '0.2'), qr/still in flight/, 'front-maps says so');
	$lock->run('COMMIT');
	is(write_maps('--application', $application), 'done', 'and then that there is none');
	is(counted('in_flight', $_), 0, 'of either kind') foreach substr($application, 0, 8), $organization;

	shut(0);
	ok(wait_until(sub { counted('waiting', substr $application, 0, 8) == 4 && counted('waiting', $organization) == 1 }), 'all wait');
	my @before = map { answers($_) } @clients, $slow;
	is(write_maps(), 'done', 'it moves');
	is_deeply([ map { answers($_) } @clients, $slow ], \@before, 'and go on waiting');
	unlike(join('', @before), qr/[^2 0\n]/, 'nobody is refused');
	open_again(1);
	directory("UPDATE appt.tenant SET state = 'ACTIVE', node = 1 WHERE application_id = '$application';
		UPDATE appt.home SET node = 1 WHERE organization_id = '$organization'");
	is(write_maps('--application', $application), 'done', 'it is on shard 1');
	ok(wait_for_answers($_, 10 + number($_)), 'a client is served again') foreach @clients, $slow;
	stop_client($_) foreach @clients, $slow;
	is(join(' ', sort keys %{ { map { ($_ => 1) } map { split /\n/, answers($_) } @clients, $slow } }), '200', 'no request has failed');
	open_again(0);

	# The first of several that moves.
	directory("UPDATE appt.tenant SET state = 'MOVING' WHERE application_id = '$application'");
	is(write_maps(), 'done', 'it moves again');
	my $admin = client($tenant, [ 'AD', 'GET', '/rule' ]);
	enter(directory('SELECT gen_random_uuid()'), $organization, 0);
	directory("UPDATE appt.tenant SET state = 'ACTIVE' WHERE application_id = '$application'");
	ok(wait_until(sub { counted('waiting', $organization) == 1 }), 'an admin waits');
	is(write_maps(), 'done', 'and its organization is split');
	ok(wait_for_answers($admin, 1), 'that is answered');
	stop_client($admin);
	like(answers($admin), qr/^503\n(?:400\n)*$/, 'and the next attempt is judged anew');
};

subtest 'move-tenant, with two fronts' => sub {
	my $tenant = tenant(0);
	my $application = $tenant->application;
	my $hook = Appt::Peers->webhook;
	my $mover = Appt::Mover->new($nodes[0], shard1 => $nodes[1]);
	my @fronts = ($haproxy, Appt::ShardFront->start(\@rests, $router, seconds => 50));

	enter($application, $tenant->organization, 0);
	$tenant->only('CREATE', 'WEBHOOK');
	$tenant->subscribe($hook->url('/ok'));
	is($_->write_maps($nodes[0], 'router'), 'done', 'a front has its maps') foreach @fronts;

	my $announce = join ' && ',
		map { join ' ', map { "'$_'" } $_->maps_command($nodes[0], 'router', '--application', $application) } @fronts;
	my @clients = map { my $url = $_->url; map { booking_client($tenant, $url) } 1, 2 } @fronts;
	foreach my $way ([ 0, 1 ], [ 1, 0 ])
	{
		my ($from, $to) = @$way;
		my @before = map { number($_) } @clients;

		ok(wait_for_answers($clients[$_], $before[$_] + 5), 'a client books') foreach 0 .. $#clients;
		like($mover->move($application, "shard$from", "shard$to", '--announce', $announce), qr/^done/m, "it moves to shard $to");
		@before = map { number($_) } @clients;
		ok(wait_for_answers($clients[$_], $before[$_] + 5), 'and goes on booking') foreach 0 .. $#clients;
	}
	end_client($_) foreach @clients;

	my @answers = map { split /\n/, answers($_) } @clients;
	is(join(' ', grep { !/^200 / } @answers), '', 'no request has failed');
	my @booked = sort map { /^200 (.*)/ } @answers;
	is(on_shard(0, "SELECT id FROM appt.appointment WHERE application_id = '$application' ORDER BY id"),
		join("\n", @booked), 'what was booked is there, and nothing twice');
	is(on_shard(1, "SELECT count(*) FROM appt.appointment WHERE application_id = '$application'"), 0, 'and only there');
	ok($tenant->settled, 'all is sent');
	my %times;
	$times{ $_->{headers}{'webhook-id'} }++ foreach $hook->entries;
	is(join(' ', grep { $_ > 1 } values %times), '', 'no message twice');
	is(scalar(keys %times), scalar @booked, 'and none is lost');
	$fronts[1]->stop;
};

subtest 'who waits for too long' => sub {
	my $tenant = tenant(0);
	enter($tenant->application, $tenant->organization, 0);
	directory("UPDATE appt.tenant SET state = 'MOVING' WHERE application_id = '" . $tenant->application . "'");
	is(write_maps(), 'done', 'a tenant moves');
	my $impatient = Appt::ShardFront->start(\@rests, $router, seconds => 1);
	is($impatient->write_maps($nodes[0], 'router'), 'done', 'for both fronts');

	my $began = time;
	my $late = Appt::Rest->at($impatient->url)->request('GET', '/rpc/find_appointments', claims => claims('AG', $tenant));
	is("$late->{status} $late->{json}{code} $late->{headers}{'retry-after'}", '503 PT503 2', 'is told to retry');
	like($late->{json}{message}, qr/is moving/, 'and why');
	cmp_ok(time - $began, '>', 1, 'not before');
	$impatient->stop;

	# These stay there to the end.
	my @crowd = map { ask_and_wait($tenant) } 1 .. 520;
	my @refused;
	ok(wait_until(sub { @refused = IO::Select->new(@crowd)->can_read(0); @refused >= 20; }), 'of too many some are refused');
	is(scalar @refused, 20, 'five hundred may wait');
	like($refused[0]->getline, qr{^HTTP/1.1 503 }, 'the others are told to retry');
};

subtest 'a dead shard' => sub {
	my ($alive, $dead) = (tenant(0), tenant(1));
	enter($alive->application, $alive->organization, 0);
	enter($dead->application, $dead->organization, 1);
	is(write_maps(), 'done', 'the maps are written');
	is(calls('AG', $dead, 'GET', '/rpc/find_appointments')->{status}, 200, 'it is alive');

	$nodes[1]->stop;
	my $answer;
	ok( wait_until(sub { $answer = calls('AG', $dead, 'GET', '/rpc/find_appointments'); return ($answer->{json}{code} // '') eq 'PT503' }),
		'without its database it is dead, too');
	is("$answer->{status} $answer->{headers}{'retry-after'}", '503 2', 'its tenants are told to retry');
	is_deeply([ @{ $answer->{json} }{qw(details hint)} ], [ undef, undef ], 'and not where the database is');
	$answer = calls('AD', $tenants[0], 'POST', '/rpc/messages_to', body => { address => 'ann@example.org' });
	is("$answer->{status} $answer->{headers}{'retry-after'}", '503 2', 'what all shards are to answer, too');
	is(calls('AG', $alive, 'GET', '/rpc/find_appointments')->{status}, 200, 'tenants of another shard are served');
	is(calls('AN', $alive, 'GET', '/rpc/console')->{status}, 200, 'and what any shard answers') foreach 1 .. 4;
	$nodes[1]->start;
	ok(wait_until(sub { return calls('AG', $dead, 'GET', '/rpc/find_appointments')->{status} == 200 }), 'it is alive again');
	$rests[1]->stop;

	foreach my $role (qw(AG AD AN))
	{
		my $path = { AG => '/rpc/find_appointments', AD => '/rule' }->{$role} // '/rpc/ical_text?id='
			. directory("SELECT overlay(gen_random_uuid()::text PLACING left('@{[ $dead->application ]}', 8) FROM 29)");
		$answer = calls($role, $dead, 'GET', $path, headers => { Origin => 'https://app.example' });
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

sub tenant { return Appt::Tenant->create($nodes[ $_[0] ], database => "shard$_[0]"); }

sub on_shard { return $nodes[ $_[0] ]->query($_[1], "shard$_[0]"); }

sub directory { return $nodes[0]->query($_[0], 'router'); }

sub enter
{
	my ($application, $organization, $node) = @_;

	return directory("INSERT INTO appt.home VALUES ('$organization', $node) ON CONFLICT DO NOTHING;
		INSERT INTO appt.tenant (application_id, organization_id, node) VALUES ('$application', '$organization', $node)");
}

# As a login of appt_service.
sub write_maps { return $haproxy->write_maps($nodes[0], 'router', '--dsn', $nodes[0]->connstr('router') . ' user=my_app', @_); }

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
	my @before = map { scalar(() = $_->answered) } @rests;
	my $answer = calls($role, $tenant, $method, $path, %options);
	my @who;

	wait_until(
		sub {
			@who = grep { scalar(() = $rests[$_]->answered) > $before[$_] } 0, 1;
			return @who || !defined $node;
		});
	my $who = @who == 1 && ($node // '') eq 'any' ? 'any' : join ' and ', @who;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("$answer->{status} by $who", "$status by " . ($node // ''), "$role $method " . $path =~ s/=.*//r) or diag($answer->{content});
	return $answer;
}

# A test: an admin's call of a function is answered by the router.
sub is_by_router
{
	my ($status, $tenant, $function, $arguments) = @_;
	my $before = () = $router->answered;
	my $asked;
	my $answer = calls('AD', $tenant, 'POST', "/rpc/$function", body => $arguments);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($answer->{status}, $status, "$function: $status") or diag($answer->{content});
	wait_until(sub { return defined($asked = ($router->answered)[$before]) });
	is($asked, "/rpc/$function", 'by the router');
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

# A process that books by a front until it is told to end, and writes down the status of each answer and the id of the appointment.
sub booking_client
{
	my ($tenant, $url) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $rest = Appt::Rest->at($url);
	my %booking = (application_id => $tenant->application, start_at => '2099-01-01T00:00:00Z', duration => 'PT1H');
	my $pid = fork // die "cannot fork: $!";

	if ($pid == 0)
	{
		open my $output, '>', "$folder/answers";
		$output->autoflush(1);
		while (!-e "$folder/end")
		{
			my $answer = eval { $rest->request('POST', '/rpc/schedule_appointment', claims => claims('AG', $tenant), body => \%booking) };
			my $line = $answer ? "$answer->{status} " . ($answer->{json}{id} // $answer->{content}) : "none $@";
			print $output $line =~ s/\n/ /gr . "\n";
		}
		POSIX::_exit(0);
	}
	return { pid => $pid, file => "$folder/answers", end => "$folder/end" };
}

sub end_client
{
	my ($client) = @_;

	append_to_file($client->{end}, '');
	waitpid $client->{pid}, 0;
	return;
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

	return on_shard($node, 'REVOKE EXECUTE ON FUNCTION appt.find_appointments, appt.count_overlapping, appt.user_names
		FROM appt_agent, appt_admin, appt_anonymous');
}

sub open_again
{
	my ($node) = @_;

	return on_shard($node, 'GRANT EXECUTE ON FUNCTION appt.find_appointments TO appt_agent;
		GRANT EXECUTE ON FUNCTION appt.user_names TO appt_admin; GRANT EXECUTE ON FUNCTION appt.count_overlapping TO appt_anonymous');
}
