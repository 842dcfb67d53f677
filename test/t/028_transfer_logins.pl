# Logging in to mail servers: by password in each of the ways that servers offer, by OAuth2 token, before and after
# STARTTLS.

use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use MIME::Base64 qw(encode_base64);
use Test::More;

my $node = Appt::Cluster->create('main');
$node->query('CREATE EXTENSION appt_test');
my $certificate = Appt::Peers->certificate;
my @certificate = ('--certificate', $certificate->{certificate}, '--key', $certificate->{key});
my $settings = "SELECT appt_test.set('appt.allowed_addresses', '127.0.0.0/8'), appt_test.set('appt.request_timeout', '60000'),
	appt_test.set('appt.connect_timeout', '60000'), appt_test.set('appt.ca_file', '$certificate->{ca}');";
my @account = ('--username', 'me@example.com', '--password', 'pass word');

# Each call is a list of messages, all in one backend; rows as hashes.
sub exchange
{
	my @calls = map {
			  'SELECT kind, status_code, error, response FROM appt_test.exchange(ARRAY['
			. join(', ', map { "'$_'::jsonb" } @$_)
			. ']) ORDER BY number;'
	} @_;
	return map { my %row; @row{qw(kind status error response)} = split /\|/, $_, -1; \%row } split /\n/,
		$node->query("\\o /dev/null\n$settings\n\\o\n" . join "\n", @calls);
}

sub mail
{
	my ($peer, %more) = @_;
	my %parts = (username => 'me@example.com', password => 'pass word', %more);
	my $settings = join ', ', map { qq("$_": "$parts{$_}") } grep { defined $parts{$_} } qw(starttls token_url client_id scope);
	delete @parts{qw(starttls token_url client_id scope)};
	my $parts = join ', ', map { qq("$_": "$parts{$_}") } sort keys %parts;
	return qq({"channel": "EMAIL", "url": "@{[ $peer->url ]}", "sender": "a\@b.example", "recipient": "c\@d.example", "subject": "s",
			"text": "t", "settings": {$settings}, $parts});
}

sub passwords
{
	foreach my $mechanism (qw(PLAIN LOGIN CRAM-MD5))
	{
		my $peer = Appt::Peers->smtp(@account, '--auth', $mechanism);
		my @rows = exchange([ mail($peer) ], [ mail($peer, password => 'wrong-word') ]);
		is("$rows[0]{kind} $rows[0]{status}", 'DELIVERED 250', $mechanism) or diag($rows[0]{error});
		my ($entry) = $peer->wait_for(1);
		is("$entry->{mechanism} $entry->{login}", "$mechanism me\@example.com", "$mechanism: logged in");
		is("$rows[1]{kind} $rows[1]{status}", 'REJECTED 535', "$mechanism: a wrong password is final");
		unlike("$rows[1]{error} $rows[1]{response}", qr/wrong-word/, "$mechanism: and not told");
	}

	# The safest known mechanism, whatever else is offered: no Kerberos, which would block on the network.
	my $proud = Appt::Peers->smtp(@account, '--auth', 'GSSAPI,NTLM,DIGEST-MD5,EXTERNAL,LOGIN,PLAIN,CRAM-MD5,XOAUTH2,OAUTHBEARER');
	my @rows = exchange([ mail($proud) ], [ mail($proud, password => '') ]);
	is($rows[0]{kind}, 'DELIVERED', 'many mechanisms') or diag($rows[0]{error});
	is($rows[1]{kind}, 'REJECTED', 'an empty password is a password');
	is(join(' ', map { $_->{mechanism} } $proud->wait_for(1)), 'CRAM-MD5', 'the safest is used');
	my $strange = Appt::Peers->smtp(@account, '--auth', 'GSSAPI,NTLM,DIGEST-MD5,EXTERNAL,XOAUTH2');
	@rows = exchange([ mail($strange) ]);
	is( "$rows[0]{kind} $rows[0]{status} $rows[0]{error}",
		'FAILED 0 the mail server offers no login that is known (PLAIN, LOGIN, CRAM-MD5)',
		'none that is known');

	# What a server echoes of a login.
	foreach my $echo (encode_base64("\0me\@example.com\0pass word", ''), encode_base64('pass word', ''), 'pass word')
	{
		my $peer = Appt::Peers->smtp(@account, '--at', 'AUTH', '--reply', "535 5.7.8 no such login: $echo");
		@rows = exchange([ mail($peer) ]);
		is("$rows[0]{kind} $rows[0]{response}", 'REJECTED 535 5.7.8 no such login: ********', 'an echoed login is masked');
		$peer->stop;
	}
	return;
}

# Each way of protecting the connection with each kind of server.
sub starttls
{
	my %peers = (
		'plain' => Appt::Peers->smtp(@account),
		'offered' => Appt::Peers->smtp(@account, @certificate, '--auth-in-clear'),
		'AUTH after TLS' => Appt::Peers->smtp(@account, @certificate),
		'insisted on' => Appt::Peers->smtp(@account, @certificate, '--require-starttls'),
		'refused 454' => Appt::Peers->smtp(@account, @certificate, '--auth-in-clear', '--at', 'STARTTLS', '--reply', '454 4.7.0 not now'),
		'refused 554' => Appt::Peers->smtp(@account, @certificate, '--auth-in-clear', '--at', 'STARTTLS', '--reply', '554 5.7.0 no'),
		'dropped' => Appt::Peers->smtp(@account, @certificate, '--auth-in-clear', '--at', 'STARTTLS', '--reply', 'drop'),
		'slipped in' => Appt::Peers->smtp(
			@account, @certificate, '--auth-in-clear', '--at', 'STARTTLS', '--reply', 'raw:220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n'));
	my @cases = (
		[ 'plain', 'opportunistic', 'DELIVERED 250', 0 ],
		[ 'plain', 'required', 'FAILED 0' ],
		[ 'plain', 'never', 'DELIVERED 250', 0 ],
		[ 'offered', 'opportunistic', 'DELIVERED 250', 1 ],
		[ 'offered', 'required', 'DELIVERED 250', 1 ],
		[ 'offered', 'never', 'DELIVERED 250', 0 ],
		[ 'AUTH after TLS', 'opportunistic', 'DELIVERED 250', 1 ],
		[ 'AUTH after TLS', 'required', 'DELIVERED 250', 1 ],
		[ 'AUTH after TLS', 'never', 'REJECTED 530' ],
		[ 'insisted on', 'opportunistic', 'DELIVERED 250', 1 ],
		[ 'insisted on', 'required', 'DELIVERED 250', 1 ],
		[ 'insisted on', 'never', 'REJECTED 530' ],
		[ 'refused 454', 'opportunistic', 'DELIVERED 250', 0 ],
		[ 'refused 454', 'required', 'FAILED 454' ],
		[ 'refused 454', 'never', 'DELIVERED 250', 0 ],
		[ 'refused 554', 'opportunistic', 'DELIVERED 250', 0 ],
		[ 'refused 554', 'required', 'REJECTED 554' ],
		[ 'refused 554', 'never', 'DELIVERED 250', 0 ],
		[ 'dropped', 'opportunistic', 'FAILED 0' ],
		[ 'dropped', 'required', 'FAILED 0' ],
		[ 'dropped', 'never', 'DELIVERED 250', 0 ],
		[ 'slipped in', 'opportunistic', 'FAILED 0' ],
		[ 'slipped in', 'required', 'FAILED 0' ],
		[ 'slipped in', 'never', 'DELIVERED 250', 0 ]);
	my @rows = exchange([ map { mail($peers{ $_->[0] }, starttls => $_->[1], recipient => "$_->[1]\@d.example") } @cases ]);
	foreach my $case (@cases)
	{
		my ($peer, $starttls, $expected, $encrypted) = @$case;
		my $row = shift @rows;
		is("$row->{kind} $row->{status}", $expected, "STARTTLS $peer, $starttls") or diag($row->{error});
		my ($entry) = grep { defined $_->{message} && $_->{rcpt_to}[0] eq "$starttls\@d.example" } $peers{$peer}->entries;
		is($entry && ($entry->{tls} ? 1 : 0),
			$encrypted, defined $encrypted ? ($encrypted ? 'encrypted' : 'in clear') : 'nothing was sent');
	}
	return;
}

# Many sessions at once, encrypted and not, that are opened and begin to speak in the same moment.
sub crowd
{
	my $peer = Appt::Peers->smtp(@account, @certificate, '--auth-in-clear');
	foreach my $round (1 .. 3)
	{
		my @rows = exchange([ map { mail($peer, starttls => $_ % 3 ? 'opportunistic' : 'never') } 1 .. 60 ]);
		is(scalar(grep { $_->{kind} eq 'DELIVERED' } @rows), 60, 'sixty at once')
			or diag((grep { $_->{kind} ne 'DELIVERED' } @rows)[0]{error});
	}
	return;
}

# OAuth2: the token of client credentials logs in; it is cached, shared, and fetched anew once when it is refused.
sub tokens
{
	my $issuer = Appt::Peers->webhook;
	my $token = sub {
		my ($peer, %more) = @_;
		my $path = delete $more{path} // '/token';
		return mail(
			$peer,
			token_url => $issuer->url($path),
			client_id => 'client:1',
			scope => 'https://mail.example/.default',
			password => 's3cret word',
			%more);
	};
	my $peer = Appt::Peers->smtp(@account, '--auth', 'PLAIN,LOGIN,XOAUTH2');
	my @rows =
		exchange([ ($token->($peer)) x 10 ], [ $token->($peer), $token->(Appt::Peers->smtp(@account, '--auth', 'PLAIN,OAUTHBEARER')) ]);
	is(scalar(grep { "$_->{kind} $_->{status}" eq 'DELIVERED 250' } @rows), 12, 'mails with a token') or diag($rows[0]{error});
	my @mails = $peer->wait_for(11);
	is("$mails[0]{mechanism} $mails[0]{login}", 'XOAUTH2 me@example.com', 'by XOAUTH2');
	my @fetches = $issuer->wait_for(1);
	is(scalar(@fetches), 1, 'one token for all of them');
	is($fetches[0]{headers}{authorization}, 'Basic ' . encode_base64('client%3A1:s3cret%20word', ''), 'the client authenticates');
	is($fetches[0]{body}, 'grant_type=client_credentials&scope=https%3A%2F%2Fmail.example%2F.default', 'and says what for');
	@rows = exchange([ $token->($peer), $token->($peer, scope => 'other') ]);
	is(scalar($issuer->entries), 3, 'another scope is another token');

	# A token that is refused is fetched anew, once, within the attempt.
	foreach my $mechanism (qw(XOAUTH2 OAUTHBEARER))
	{
		my $second = Appt::Peers->webhook;
		my $choosy = Appt::Peers->smtp(@account, '--auth', $mechanism, '--bearer', 2);
		my $never = Appt::Peers->smtp(@account, '--auth', $mechanism, '--bearer', 99);
		@rows = exchange([ mail($choosy, token_url => $second->url('/token')) ], [ mail($never, token_url => $second->url('/token')) ]);
		is("$rows[0]{kind} $rows[0]{status}", 'DELIVERED 250', "$mechanism: refreshed when refused") or diag($rows[0]{error});
		is("$rows[1]{kind} $rows[1]{status}", 'REJECTED 535', "$mechanism: refused twice is final") or diag($rows[1]{error});
		is(scalar($second->entries), 3, "$mechanism: fetched once more for each");
		$_->stop foreach $second, $choosy, $never;
	}
	# Other failures than a refusal of the token do not refresh it.
	foreach my $case ([ '454 4.7.0 later', 'FAILED 454' ], [ 'drop', 'FAILED 0' ], [ '421 4.7.0 busy', 'FAILED 421' ])
	{
		my $before = $issuer->entries;
		my $busy = Appt::Peers->smtp(@account, '--auth', 'XOAUTH2', '--at', 'AUTH', '--reply', $case->[0]);
		@rows = exchange([ $token->($busy) ]);
		is("$rows[0]{kind} $rows[0]{status}", $case->[1], "AUTH: $case->[0]") or diag($rows[0]{error});
		is(scalar($issuer->entries), $before + 1, 'and one token');
		$busy->stop;
	}

	# Without such a login, or with a word too many.
	@rows = exchange([ $token->(Appt::Peers->smtp(@account, '--auth', 'PLAIN,LOGIN,EXTERNAL')) ]);
	is( "$rows[0]{kind} $rows[0]{status} $rows[0]{error}",
		'FAILED 0 the mail server offers no login by token (XOAUTH2, OAUTHBEARER)',
		'no login by token');
	foreach my $echo ("user=me\@example.com\x01auth=Bearer token-1\x01\x01",
		"n,a=me\@example.com,\x01host=h\x01port=1\x01auth=Bearer token-1\x01\x01")
	{
		my $second = Appt::Peers->webhook;
		my $chatty = Appt::Peers->smtp(@account, '--auth', 'XOAUTH2', '--at', 'AUTH', '--reply',
			'454 what is ' . encode_base64($echo, '') . ' or token-1?');
		@rows = exchange([ mail($chatty, token_url => $second->url('/token')) ]);
		like($rows[0]{response}, qr/^454 what is \*+=* or \*+\?$/, 'an echoed token is masked');
		$_->stop foreach $second, $chatty;
	}

	# The endpoint's failures are the mail's.
	my $before = $peer->entries;
	my @statuses = (
		[ 400, 'REJECTED' ],
		[ 401, 'REJECTED' ],
		[ 403, 'REJECTED' ],
		[ 404, 'REJECTED' ],
		[ 302, 'FAILED' ],
		[ 429, 'FAILED' ],
		[ 500, 'FAILED' ],
		[ 503, 'FAILED' ]);
	@rows = exchange([ map { $token->($peer, path => "/status/$_->[0]") } @statuses ]);
	is(join(' ', map { "$_->{kind} $_->{status}" } @rows), join(' ', map { "$_->[1] $_->[0]" } @statuses),
		'the token endpoint\'s answers');
	@rows = exchange([ map { $token->($peer, path => $_) } qw(/ok /reset /garbage /endless) ]);
	is(join(' ', map { $_->{kind} } @rows), 'FAILED ' x 3 . 'FAILED', 'and what is no answer');
	is(scalar($peer->entries), $before, 'without a token nothing is sent');
	return;
}

# Configured as by a tenant.
sub provider
{
	my $issuer = Appt::Peers->webhook('--token-lifetime', 3600);
	my $peer = Appt::Peers->smtp(@account, '--auth', 'XOAUTH2');
	my $tenant = Appt::Tenant->create($node);
	my $set = "SELECT appt.set_provider('" . $tenant->application . "', 'EMAIL', 'SMTP', '" . $peer->url . "', sender => 'a\@b.example'";
	$tenant->only('CREATE', 'EMAIL');
	$node->refused_with('22023', qq{$set, settings => '{"token_url": "http://a.example/"}', secret => 'x')}, 'a token needs a user');
	$node->refused_with('22023', qq{$set, settings => '{"token_url": "http://a.example/"}', username => 'x')}, 'and a secret');
	$node->refused_with(
		'22023',
		qq{$set, settings => '{"token_url": "ftp://a.example/"}', username => 'x', secret => 'y')},
		'its URL is one');
	$node->query(
		qq{$set, username => 'me\@example.com', secret => 'client secret',
			settings => '{"token_url": "@{[ $issuer->url('/token') ]}", "client_id": "the client", "scope": "mail"}')}
	);
	$tenant->schedule foreach 1 .. 5;
	ok($tenant->settled, 'all settles');
	is(scalar(grep { $_->{login} eq 'me@example.com' } $peer->entries), 5, 'mails with a token, by the worker');
	is( join(' ', map { "$_->{headers}{authorization} $_->{body}" } $issuer->entries),
		'Basic ' . encode_base64('the%20client:client%20secret', '') . ' grant_type=client_credentials&scope=mail',
		'one token for all');
	return;
}

passwords();
starttls();
crowd();
tokens();
provider();
$node->stop;
done_testing();
