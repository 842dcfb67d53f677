# doc/haproxy.cfg with Debian's HAProxy, in front of two databases with appt, each behind PostgREST where there is one,
# otherwise behind the stand-in: which shard a request reaches, by its token and by what it names, and what reaches none.

use strict;
use warnings;

use Appt::Api;
use Appt::Cluster;
use Appt::Front;
use Appt::Peers;
use Appt::Rest;
use Appt::ShardFront;
use Appt::Token;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new->utf8->canonical;
my @nodes = map { Appt::Cluster->create("shard_$_") } 0, 1;
my @apis = map { Appt::Api->create($_) } @nodes;
my $keys = PostgreSQL::Test::Utils::tempdir();
PostgreSQL::Test::Utils::system_or_bail('openssl', 'genrsa', '-out', "$keys/private.pem", '2048');
PostgreSQL::Test::Utils::system_or_bail('openssl', 'rsa', '-in', "$keys/private.pem", '-pubout', '-out', "$keys/public.pem");
my @rests = map { Appt::Rest->serve($_, public_key => "$keys/public.pem") } @nodes;
my $router = Appt::Peers->webhook;

# The directory.
$nodes[0]->query('CREATE DATABASE router');
$nodes[0]->query('CREATE EXTENSION appt_router', 'router');
foreach my $node (0, 1)
{
	$nodes[0]->query("INSERT INTO appt.shard (node, conninfo) VALUES ($node, 'dbname=postgres')", 'router');
	$nodes[0]->query(
		"INSERT INTO appt.tenant (application_id, organization_id, node)
			VALUES ('$apis[$node]{application}', '$apis[$node]{organization}', $node)", 'router');
}

my $haproxy = Appt::ShardFront->start(\@rests, $router);
my $front = Appt::Rest->at($haproxy->url);
is($haproxy->write_maps($nodes[0], 'router'), 'done', 'the maps are written');
my %tags = map { (substr($apis[$_]{application}, 0, 8) => $_) } 0, 1;
is_deeply({ map { (split)[ 1, 2 ] } grep { /^0x/ } split /\n/, $haproxy->ask('show map maps/tags.map') }, \%tags, 'and loaded');

subtest 'tokens of every role' => sub {
	foreach my $node (0, 1)
	{
		my $api = $apis[$node];
		my $appointment = $api->appointment;

		is_served($node, 200, "find_appointments as $_", 'GET', '/rpc/find_appointments', claims => $api->claims($_))
			foreach qw(AG SU CS);
		is_served($node, 200, 'get_appointment as CU', 'GET', "/rpc/get_appointment?id=$appointment->{id}",
			claims => $api->claims('CU', $appointment));
		my $answer = is_served($node, 200, 'a table as AD', 'GET', '/application?select=id', claims => $api->claims('AD'));
		is($answer->{json}[0]{id}, $api->{application}, 'of its shard');
		is_served(
			$node, 200, 'a function as AD', 'POST', '/rpc/create_subscription',
			claims => $api->claims('AD'),
			body => { application_id => $api->{application}, url => 'https://hooks.example/' });
		# The names of another issuer.
		my $claims = { role => 'appt_agent', sub => 'ann', applicationId => $api->{application} };
		is_served($node, 403, 'applicationId is followed, too', 'GET', '/rpc/find_appointments', claims => $claims);
		# A tenant in the token counts, whatever the request names.
		is_served($node, 404, 'nothing that a request names leads a token away',
			'GET', "/rpc/find_appointments?application_id=$apis[1 - $node]{application}", claims => $api->claims('AG'));
		is_served($node, 200, 'of a long body', 'POST', '/rpc/schedule_appointment',
			claims => $api->claims('AG'),
			body => $json->encode({ application_id => $api->{application}, start_at => '2099-01-01T00:00:00Z', duration => 'PT1H' })
				. ' ' x 900_000);
	}
};

subtest 'tokens of an application and an organization' => sub {
	foreach my $node (0, 1)
	{
		my ($own, $other) = @apis[ $node, 1 - $node ];
		my $admin = $own->claims('AD');
		my %found = (claims => { %$admin, application_id => $own->{application} });

		is_served($node, 200, 'both of one shard', 'GET', '/application', %found);
		is_served($node, 200, 'an agent of an application', 'GET', '/rpc/find_appointments',
			claims => { %{ $own->claims('AG') }, $_ => $other->{organization} })
			foreach qw(organization_id organizationId);
		foreach my $application (qw(application_id applicationId))
		{
			is_served($node, 200, "$application before organization_id", 'GET', '/application',
				claims => { %{ $other->claims('AD') }, $application => $own->{application} });
			is_served($node, 403, "$application before organizationId", 'GET', '/application',
				claims => { role => 'appt_admin', $application => $own->{application}, organizationId => $other->{organization} });
		}
		is_served($node, 403, 'application_id before applicationId', 'GET', '/application',
			claims => { role => 'appt_admin', application_id => $own->{application}, applicationId => $other->{application} });

		# What the database takes for no claim leads nowhere.
		my $id = $other->{application};
		foreach my $value (5, JSON::PP::true, undef, 'x', '', [$id], { id => $id }, "{$id}", $id =~ s/-//gr, " $id", "$id ")
		{
			my $text = $json->allow_nonref->encode($value);

			is_served($node, 200, "application_id is $text", 'GET', '/application', claims => { %$admin, application_id => $value });
			is_served('any', 403, "organization_id is $text", 'GET', '/application', claims => { %$admin, organization_id => $value });
		}
	}
};

subtest 'tokens that are none' => sub {
	my $claims = $apis[1]->claims('AG');
	my $secret = $front->secret;
	my $good = Appt::Token::sign($claims, $secret);
	my ($head, $body, $proof) = split /\./, $good;
	my $other = encode_base64url($json->encode($apis[0]->claims('AG')));

	foreach my $case (
		[ 'a tampered token', "$head.$other.$proof" ],
		[ 'another key', Appt::Token::sign($claims, 'another secret, which has 32 characters, too') ],
		[ 'alg none', Appt::Token::sign($claims, $secret, alg => 'none') ],
		[ 'alg none, unsigned', encode_base64url('{"alg":"none"}') . ".$body." ],
		[ 'alg none, of two parts', encode_base64url('{"alg":"none"}') . ".$body" ],
		[ 'alg HS512', Appt::Token::sign($claims, $secret, alg => 'HS512') ],
		[ 'alg hs256', Appt::Token::sign($claims, $secret, alg => 'hs256') ],
		[ 'RS256 where there is no such key', rs256($claims, "$keys/private.pem") ],
		[ 'no signature', "$head.$body." ],
		[ 'two parts', "$head.$body" ],
		[ 'four parts', "$good.x" ],
		[ 'two tokens', "$good, Bearer $good" ],
		[ 'nonsense', 'x' ])
	{
		my ($what, $token) = @$case;
		my $answer = is_served(undef, 401, $what, 'GET', '/rpc/find_appointments', token => $token);
		is_deeply(
			$answer->{json},
			{ code => 'PGRST301', details => undef, hint => undef, message => 'No suitable key or wrong key type' },
			'as PostgREST says it');
		like($answer->{headers}{'www-authenticate'}, qr/^Bearer error="invalid_token"/, 'with its header');
	}
	is_served(undef, 401, 'an empty one', 'GET', '/rpc/find_appointments', headers => { Authorization => 'Bearer' });

	# Genuine ones, whose claims PostgREST judges.
	my $expired = is_served(1, 401, 'an expired token', 'GET', '/rpc/find_appointments', claims => { %$claims, exp => int(time) - 60 });
	is($expired->{json}{code}, 'PGRST303', 'by its shard');
	is_served(1, 200, 'one that has not', 'GET', '/rpc/find_appointments', claims => { %$claims, exp => int(time) + 60 });
	is_served(1, 401, 'without a role', 'GET', '/rpc/find_appointments',
		token => Appt::Token::sign( { map { ($_ => $claims->{$_}) } qw(sub application_id) }, $secret));
	is_served('any', 403, 'without a tenant', 'GET', '/rpc/find_appointments', claims => { role => 'appt_agent', sub => 'ann' });
	is_served('any', 403, 'with one that is none', 'GET', '/rpc/find_appointments', claims => { %$claims, application_id => 'x' });
	is_served(
		'any', 404, 'of an unknown tenant', 'GET', "/rpc/get_appointment?id=$apis[1]{application}",
		claims => { %$claims, application_id => $apis[1]{organization} });
	is_served('any', 401, 'Basic is no token', 'GET', '/rpc/find_appointments', headers => { Authorization => 'Basic eDp5' });
	is_served('any', 401, 'nor is a bare one', 'GET', '/rpc/find_appointments', headers => { Authorization => $good });
	is_served(1, 200, 'in any case', 'GET', '/rpc/find_appointments', headers => { Authorization => "bEARER   $good" });
};

subtest 'headers that would lead elsewhere' => sub {
	my ($first, $second) = map { authorization($_) } @apis;
	my $raw = sub { return (raw_answer(@_) =~ m{^HTTP/1.1 (\d+)})[0] };
	my $before = served();

	is($raw->('GET /rpc/find_appointments HTTP/1.1', $first, $second), 400, 'two tokens');
	is($raw->('GET /rpc/find_appointments HTTP/1.1', $first, $second =~ s/^A/a/r), 400, 'by another letter');
	is($raw->('GET /rpc/find_appointments HTTP/1.1', $first, "Authorization : x"), 400, 'by a blank');
	is($raw->('POST /rpc/find_appointments HTTP/1.1', $first, 'Content-Length: 2', 'Content-Length: 3'), 400, 'two lengths');
	is(served(), $before, 'reach nobody');

	my %lies = map { ($_ => '0') }
		qw(X-Appt-Shard X_Appt_Shard X-Shard Shard X-Backend X-Haproxy-Server txn.shard X-Application-Id X-Organization-Id);
	is_served(
		1, 200, 'headers choose no shard', 'GET', '/rpc/find_appointments',
		claims => $apis[1]->claims('AG'),
		headers => { %lies, 'X-Gateway-Key' => $apis[0]->gateway, Cookie => 'shard=0', Role => 'appt_service' });
	is_served(1, 200, 'nor for anybody',
		'GET', "/rpc/count_overlapping?application_id=$apis[1]{application}&start_at=2099-01-01T00:00:00Z&duration=PT1H",
		headers => \%lies);
};

subtest 'requests of anybody' => sub {
	my %decided = functions_of_the_document();
	my %sent;

	foreach my $node (0, 1)
	{
		foreach my $request (requests_of_anybody($apis[$node]))
		{
			my ($function, $where, $status, $method, $path, %options) = @$request;
			my $schema = ($options{headers} // {})->{'Content-Profile'} // 'appt';
			is_served($where eq 'any' ? 'any' : $node, $status, "$schema.$function", $method, $path, %options);
			$sent{"$schema.$function"} = $where;
		}
	}
	is_deeply(\%sent, \%decided, 'each function of the document was tried');
	foreach my $node (@nodes)
	{
		is_deeply(
			[ split /\n/, $node->query(<<'END') ], [ sort keys %decided ], 'which are all that anybody may call');
SELECT DISTINCT format('%s.%s', nspname, proname) COLLATE "C" FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
WHERE nspname IN ('appt', 'appt_rest') AND prorettype <> 'trigger'::regtype AND has_function_privilege('appt_anonymous', p.oid, 'execute')
ORDER BY 1
END
	}
};

subtest 'ways to write the name of a tenant' => sub {
	my $id = $apis[1]{application};
	my $bare = $id =~ s/-//gr;
	my $path = '/rpc/count_overlapping';
	my %rest = (start_at => '2099-01-01T00:00:00Z', duration => 'PT1H');
	my $query = join '&', map { "$_=$rest{$_}" } sort keys %rest;

	is_served(1, 200, "in a query: $_", 'GET', "$path?$query&application_id=$_") foreach $id, uc $id, $bare, "%7B$id%7D", $id =~ s/-/%2D/gr;
	is_served(1, 200, "in a body: $_", 'POST', $path, body => { %rest, application_id => $_ }) foreach $id, uc $id, $bare, "{$id}";
	is_served(1, 200, 'in a form', 'POST', $path,
		body => "$query&application_id=" . $id =~ s/-/%2d/gr,
		headers => { 'Content-Type' => 'application/x-www-form-urlencoded' });
	is_served(1, 200, 'by HEAD', 'HEAD', "$path?$query&application_id=$id");
	my $other = $apis[0]{application};
	foreach my $inside (qq({"application_id": "$other"}), qq([{"application_id": "$other"}]), qq("\\"application_id\\": \\"$other\\""))
	{
		is_served(1, 404, "not of what is inside: $inside", 'POST', $path, body => qq({"x": $inside, "application_id": "$id"}));
	}
	is_served('any', 400, 'nobody', 'GET', "$path?$query");
	is_served('any', 400, 'cut', 'POST', $path, body => qq({"application_id": "$id));
	foreach my $nonsense ('', '[]', '5', '[5]', '"id"', '{"id": {"id": 5}}', '{"token": "' . '!' x 38 . '"}',
		'{"token": "' . 'A' x 37 . '="}', 'id=%zz&token=' . '%' x 38)
	{
		is_served('any', undef, 'nonsense in a query', 'GET', '/rpc/nothing?' . join '&', map { "$_=" . Appt::Rest::escape($nonsense) } qw(id token));
		is_served('any', undef, "nonsense in a body: $_", 'POST', '/rpc/nothing', body => $nonsense, headers => { 'Content-Type' => $_ })
			foreach 'application/json', 'application/x-www-form-urlencoded', 'text/plain';
	}
	my $no_text = '{"id": "' . "\xff" x 32 . '"}';
	is_served('any', undef, "no text in a body: $_", 'POST', '/rpc/nothing', body => $no_text, headers => { 'Content-Type' => $_ })
		foreach 'application/json', 'text/plain';
	# With these PostgREST fails, and logs nothing.
	is($front->request('GET', '/rpc/nothing?id=' . Appt::Rest::escape($no_text))->{status}, 500, 'no text in a query');
	is( $front->request(
			'POST', '/rpc/nothing',
			body => $no_text,
			headers => { 'Content-Type' => 'application/x-www-form-urlencoded' })->{status},
		500,
		'no text in a form');
	is_served('any', 200, 'no such tenant', 'GET', "$path?$query&application_id=$apis[1]{organization}");

	# What is read of a body has an end.
	is_served(1, 404, 'before a long rest', 'POST', $path, body => qq({"application_id": "$id", "x": ") . 'x' x 500_000 . '"}');
	my $late = is_served(undef, 413, 'behind one', 'POST', $path, body => '{"x": "' . 'x' x 70_000 . qq(", "application_id": "$id"}));
	is($late->{json}{code}, 'PT413', 'says so as PostgREST would');
	# Whoever sends one on may find the connection closed before reading this.
	my $before = served();
	my @huge = ('Content-Length: 1100000', 'Content-Type: application/json');
	like(raw_answer("POST $path HTTP/1.1", @huge), qr{^HTTP/1.1 413 .*\r\n\r\n\{"code":"PT413"}s, 'a huge body is not waited for');
	like(raw_answer("POST $path HTTP/1.1", @huge, authorization($apis[1])), qr{^HTTP/1.1 413 }, 'of a token, too');
	is(served(), $before, 'and reaches nobody');
};

subtest 'names of ids' => sub {
	my @names = tagged_names();
	my $form = { 'Content-Type' => 'application/x-www-form-urlencoded' };

	is_deeply([ names_of_the_document() ], \@names, 'the document has all arguments and columns that are ids with a tag');
	foreach my $node (0, 1)
	{
		my $tag = substr $apis[$node]{application}, 0, 8;
		my $id = "01900000-0000-7000-8000-0000$tag";

		foreach my $name (@names)
		{
			is_served($node, 404, "$name in a query", 'GET', "/rpc/nothing?x=1&$name=$id");
			is_served($node, 404, "$name in a filter", 'DELETE', "/nothing?$name=eq.$id");
			is_served($node, 404, "$name in an object", 'POST', '/rpc/nothing', body => { x => 1, $name => $id });
			is_served($node, 404, "$name in rows", 'POST', '/nothing', body => [ { x => 1, $name => $id } ]);
			is_served($node, 404, "$name in a form", 'POST', '/rpc/nothing', body => "x=1&$name=$id", headers => $form);
		}
		is_served($node, 404, 'an id that is none leads to the next name', 'GET', "/rpc/nothing?id=5&line_id=$id");
		is_served($node, 404, 'an application comes before ids', 'POST', '/rpc/nothing',
			body => { id => $apis[1 - $node]->appointment->{id}, application_id => $apis[$node]{application} });
	}
};

subtest 'behind nginx' => sub {
	my $nginx = Appt::Front->start($front);

	foreach my $node (0, 1)
	{
		my $api = $apis[$node];
		$nodes[$node]->query('DELETE FROM appt.suppression');
		my ($token, $unsubscribe) = $api->link_tokens($api->appointment);
		my $before = served($node);
		my $sign = sub { return 'Bearer ' . Appt::Token::sign($api->claims($_[0]), $front->secret) };

		foreach my $case (
			[ 200, 'GET', "/rpc/landing_page?token=$token&utm_source=a" ],
			[ 204, 'POST', "/u/$unsubscribe", { content => 'List-Unsubscribe=One-Click' } ],
			[   200, 'POST',
				'/in/' . $api->gateway,
				{   headers => { 'Content-Type' => 'application/json', Authorization => 'Bearer what the gateway says' },
					content => '{"from": "+306900000009", "to": "+302102234988", "text": "Hi", "id": "4711"}' } ],
			[ 200, 'GET', "/api/appointments/overlap/count?applicationId=$api->{application}&start=2099-01-01T00:00:00Z&duration=PT5M" ],
			[ 200, 'GET', '/application?select=id', { headers => { Authorization => $sign->('AD') } } ])
		{
			my ($status, $method, $path, $options) = @$case;
			my $answer = $nginx->request($method, $path, $options);
			is($answer->{status}, $status, "$method " . $path =~ s/[?=].*//r) or diag($answer->{content});
		}
		is(served_by_now($node, $before + 5), $before + 5, "all by shard $node");
	}
	$nginx->stop;
};

subtest 'no key' => sub {
	my $keyless = Appt::ShardFront->start(\@rests, $router, secret => '');
	my $before = served();

	is(Appt::Rest->at($keyless->url)->request('GET', '/rpc/find_appointments', token => Appt::Token::sign($apis[1]->claims('AG'), $_))
			->{status},
		401, 'is none for anybody')
		foreach '', $front->secret;
	is(served(), $before, 'nobody is reached');
	$keyless->stop;
};

subtest 'RS256' => sub {
	my $other = Appt::ShardFront->start(\@rests, $router, public_key => "$keys/public.pem");
	my $by_key = Appt::Rest->at($other->url);
	my $claims = $apis[1]->claims('AG');
	my $status = sub { return $by_key->request('GET', '/rpc/find_appointments', token => $_[0])->{status}; };
	my $key = slurp_file("$keys/public.pem");

	is($other->write_maps($nodes[0], 'router'), 'done', 'the maps are written');
	my $before = served(1);
	is($status->(rs256($claims, "$keys/private.pem")), 200, 'a token by the private key');
	is(served_by_now(1, $before + 1), $before + 1, 'goes to its shard');
	PostgreSQL::Test::Utils::system_or_bail('openssl', 'genrsa', '-out', "$keys/another.pem", '2048');
	$before = served();
	is($status->(rs256($claims, "$keys/another.pem")), 401, 'by another one');
	is($status->(rs256($claims, "$keys/private.pem", 'HS256')), 401, 'under the name of another algorithm');
	is($status->(Appt::Token::sign($claims, $key)), 401, 'the public key is no secret');
	is($status->(Appt::Token::sign($claims, $key, alg => 'RS256')), 401, 'nor by that name');
	is($status->(Appt::Token::sign($claims, $front->secret)), 401, 'the secret is no key here');
	is($status->(Appt::Token::sign($claims, $front->secret, alg => 'none')), 401, 'none');
	is(served(), $before, 'these reach nobody');
	$other->stop;
};

my $log = $haproxy->log_text;
like($log, qr{"GET /rpc/landing_page" 200}, 'requests are logged');
unlike($log, qr/token=|$apis[1]{application}/, 'without what they name');
unlike($log, qr/lua/i, 'and no error of the script');
$haproxy->stop;
$_->stop foreach @nodes;
done_testing();

# How many requests a shard has answered; without a number, both.
sub served
{
	my ($node) = @_;
	my $count = 0;

	$count += () = $rests[$_]->answered foreach defined $node ? $node : (0, 1);
	return $count;
}

# The same, once there are so many: a server records a request after its answer.
sub served_by_now
{
	my ($node, $count) = @_;
	my $until = time + $PostgreSQL::Test::Utils::timeout_default;

	sleep 0.005 while served($node) < $count && time < $until;
	return served($node);
}

# A test: the answer has this status (undef: any) and is given by this shard, by "any", or by none of them (undef).
sub is_served
{
	my ($node, $status, $what, $method, $path, %options) = @_;
	my @before = map { served($_) } 0, 1;
	my $answer = $front->request($method, $path, %options);

	served_by_now(undef, $before[0] + $before[1] + 1) if defined $node;
	my @who = grep { served($_) > $before[$_] } 0, 1;
	my $who = @who == 1 && ($node // '') eq 'any' ? 'any' : join ' and ', @who;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$status //= $answer->{status};
	is("$answer->{status} by $who", "$status by " . ($node // ''), $what) or diag($answer->{content});
	return $answer;
}

sub authorization
{
	my ($api) = @_;

	return 'Authorization: Bearer ' . Appt::Token::sign($api->claims('AG'), $front->secret);
}

# The answer to a request of these lines, without a body.
sub raw_answer
{
	my (@lines) = @_;
	my ($host) = $haproxy->url =~ m{^http://(.*)};
	my $socket = IO::Socket::INET->new(PeerAddr => $host) or die "cannot connect: $!";

	print $socket join("\r\n", @lines, "Host: $host", 'Connection: close', '', '');
	return join '', <$socket>;
}

sub rs256
{
	my ($claims, $key, $name) = @_;
	my $signed = join '.', map { encode_base64url($json->encode($_)) } { alg => $name // 'RS256', typ => 'JWT' }, $claims;
	my $proof = '';

	IPC::Run::run([ 'openssl', 'dgst', '-sha256', '-sign', $key ], '<', \$signed, '>', \$proof) or die 'openssl';
	return "$signed." . encode_base64url($proof);
}

# What doc/shards-front.md says of each function that needs no token: the argument that leads to the shard, or "any".
sub functions_of_the_document
{
	my $document = slurp_file(($ENV{REPOSITORY} // '.') . '/doc/shards-front.md');
	my %functions;

	while ($document =~ /^\| (`(?:appt|appt_rest)\..*?) \| (?:`([\w-]+)`|any) \|/mg)
	{
		my ($names, $argument) = ($1, $2 // 'any');
		$functions{$_} = $argument foreach $names =~ /`([\w.]+)`/g;
	}
	return %functions;
}

# Names of arguments and columns that clients use, of UUIDs that end with a tag.
sub tagged_names
{
	my %has_none = map { $_ => 1 } qw(application_id organization_id uid notify_key);

	return grep { !$has_none{$_} } split /\n/, $nodes[0]->query(<<'END');
WITH client (role) AS (
	SELECT unnest('{appt_agent,appt_supervisor,appt_client_service,appt_customer,appt_admin,appt_anonymous}'::regrole[])
), named (name, type) AS (
	SELECT a.name, a.type FROM pg_proc p, unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[]) a (name, type)
	WHERE p.pronamespace = 'appt'::regnamespace AND EXISTS (SELECT FROM client WHERE has_function_privilege(role, p.oid, 'execute'))
	UNION ALL
	SELECT a.attname, a.atttypid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	WHERE c.relnamespace = 'appt'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped
		AND EXISTS (SELECT FROM client WHERE has_column_privilege(role, c.oid, a.attnum, 'select, insert, update'))
)
SELECT DISTINCT name COLLATE "C" FROM named WHERE type = 'uuid'::regtype ORDER BY 1
END
}

# What doc/shards-front.md says of them.
sub names_of_the_document
{
	my ($list) = slurp_file(($ENV{REPOSITORY} // '.') . '/doc/shards-front.md') =~ /^- an id with a tag: (.*?)\.$/ms;

	return sort $list =~ /`(\w+)`/g;
}

# Requests: function, what leads to its shard, status, method, path, options.
sub requests_of_anybody
{
	my ($api) = @_;
	$api->{node}->query('DELETE FROM appt.suppression');
	my $appointment = $api->appointment;
	my ($token, $unsubscribe) = $api->link_tokens($appointment);
	my %application = (application_id => $api->{application});
	my %form = ('Content-Type' => 'application/x-www-form-urlencoded');
	my $at = 'start_at=2099-01-01T00:00:00Z';
	my $ids = "application_id=$api->{application}";
	my $compatible = sub { return { 'Content-Profile' => 'appt_rest', %form, @_ } };
	my @any = map { [ $_, 'any', 404, 'POST', "/rpc/$_", headers => $compatible->() ] }
		qw(appointment duration_text given instant listed_appointment plain room_access schedule_by_basic time_text);

	return (
		[   'available_slots', 'application_id', 200, 'GET',
			"/rpc/available_slots?$ids&duration=PT30M&step=PT15M&range=[2099-01-01,2099-01-02)" ],
		[ 'console', 'any', 200, 'GET', '/rpc/console' ],
		[ 'count_appointments', 'application_id', 200, 'GET', "/rpc/count_appointments?$ids&$at&time_frame=PT1H" ],
		[ 'count_overlapping', 'application_id', 200, 'GET', "/rpc/count_overlapping?$ids&$at&duration=PT1H" ],
		[ 'google_calendar_event', 'id', 302, 'GET', "/rpc/google_calendar_event?id=$appointment->{id}" ],
		[ 'outlook_calendar_event', 'id', 302, 'GET', "/rpc/outlook_calendar_event?id=$appointment->{id}" ],
		[ 'google_calendar_url', 'id', 200, 'POST', '/rpc/google_calendar_url', body => { id => $appointment->{id} } ],
		[ 'ical_event', 'id', 200, 'GET', "/rpc/ical_event?id=$appointment->{id}" ],
		[ 'ical_text', 'id', 200, 'GET', "/rpc/ical_text?id=$appointment->{id}" ],
		[   'receive_sms', 'X-Gateway-Key', 200, 'POST', '/rpc/receive_sms',
			body => $json->encode({ from => '+306900000009', to => '+302102234988', text => 'Hi', id => time }),
			headers => {
				'X-Gateway-Key' => $api->gateway,
				'X-Gateway-Content-Type' => 'application/json',
				'X-Gateway-Authorization' => 'Bearer what the gateway says' } ],
		[ 'request_customer_code', 'application_id', 204, 'POST', '/rpc/request_customer_code',
			body => { %application, contact => 'bobby@example.org' } ],
		[   'schedule_appointment_as_customer', 'application_id', 401, 'POST', '/rpc/schedule_appointment_as_customer',
			body => { %application, contact => 'nobody@example.org', code => '0', start_at => '2099-01-01T00:00:00Z', duration => 'PT1H' } ],
		[ 'landing_page', 'token', 200, 'GET', "/rpc/landing_page?token=$token&action=accept" ],
		[ 'respond', 'token', 200, 'POST', '/rpc/respond', body => { token => $token, action => 'accept' } ],
		[ 'submit_response', 'token', 200, 'POST', '/rpc/submit_response', body => "token=$token&action=ACCEPT", headers => \%form ],
		[ 'unsubscribe', 'token', 204, 'POST', '/rpc/unsubscribe', body => { token => $unsubscribe } ],
		[ 'count_appointments', 'applicationId', 200, 'POST', '/rpc/count_appointments',
			body => "applicationId=$api->{application}&start=2099-01-01T00:00:00Z&timeFrame=PT1H", headers => $compatible->() ],
		[ 'count_overlapping', 'applicationId', 200, 'POST', '/rpc/count_overlapping',
			body => "applicationId=$api->{application}&start=2099-01-01T00:00:00Z&duration=PT1H", headers => $compatible->() ],
		[   'google_calendar_event', 'id', 302, 'POST', '/rpc/google_calendar_event',
			body => "id=$appointment->{id}",
			headers => $compatible->() ],
		[ 'ical_event', 'id', 200, 'POST', '/rpc/ical_event', body => "id=$appointment->{id}", headers => $compatible->() ],
		[   'schedule_appointment_as_customer', 'applicationId', 401, 'POST', '/rpc/schedule_appointment_as_customer',
			body => $json->encode(
				{ applicationId => "\"$api->{application}\"", start => '2099-01-01T00:00:00Z', duration => 'PT1H' }),
			headers => $compatible->(
				'Content-Type' => 'application/json',
				'X-Gateway-Authorization' => 'Basic bm9ib2R5QGV4YW1wbGUub3JnOjA=') ],
		[ 'claims', 'any', 204, 'POST', '/rpc/claims', headers => $compatible->() ],
		@any);
}
