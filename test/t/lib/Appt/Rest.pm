package Appt::Rest;

# A real PostgREST in front of a cluster, configured by doc/postgrest.conf, and requests to it.
#
#   plan skip_all => Appt::Rest->missing if Appt::Rest->missing;     # a sentence where there is no postgrest
#   my $rest = Appt::Rest->start($node);                               # its login, set up as doc/rest.md says, and the server
#   my $rest = Appt::Rest->stand_in($node);                            # or test/peers/rest_server.py, which is always there
#   Appt::Rest->stand_in($node, '--pre-request', 'appt_rest.claims')   # with its options
#   Appt::Rest->stand_in_for($node, $database)                         # over another database than postgres
#   Appt::Rest->at($url)                                               # whatever takes the same requests and tokens: a front
#   my $rest = Appt::Rest->serve($node);                               # the real one where there is one, otherwise the stand-in
#   Appt::Rest->serve($node, other_issuer => 1)                        # for tokens of the issuer of the compatible API
#   Appt::Rest->serve($node, public_key => $pem)                       # for tokens by RS256, too
#   Appt::Rest->serve($node, database => 'router', schemas => 'appt')  # over another database than postgres, with other schemas
#   $rest->answered                                                    # the paths of the requests that it has answered so far
#   $rest->url, $rest->token($claims)                                  # for other clients
#   my $answer = $rest->request('POST', '/rpc/get_appointment', claims => {...}, body => {...}, headers => {...});
#   $answer->{status}, {content}, {json} (decoded, if it is JSON), {headers} (names in lower case)
#   $rest->call($claims, 'GET', 'get_appointment', {id => $id});       # a function, arguments in the query or the body
#
# The program is $POSTGREST, which scripts/staged finds in the caller's PATH.

use strict;
use warnings;

use Appt::Document;
use Appt::Peers;
use Appt::Token;
use Carp;
use HTTP::Tiny;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my $secret = 'a secret of tests, which has to have 32 characters';
my (%alive, %is_set_up);

sub missing
{
	return $ENV{POSTGREST} ? undef : 'no postgrest in PATH';
}

# The statements of doc/rest.md that set up the login, with the examples' names.
sub set_up
{
	my ($node) = @_;

	$node->query(example('rest.md', 'CREATE ROLE authenticator'));
	return;
}

sub start
{
	my ($class, $node, %options) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $database = $options{database} // 'postgres';
	my $self = bless {
		url => "http://127.0.0.1:$port",
		log => "$folder/postgrest.log",
		http => HTTP::Tiny->new(max_redirect => 0, timeout => 60) }, $class;

	set_up($node) if !$is_set_up{ $node->name }++;
	append_to_file("$folder/jwt-secret", $options{public_key} ? _key_set($options{public_key}) : $secret);
	local %ENV = (
		%ENV,
		PGRST_DB_URI => "postgresql://authenticator@/$database?host=" . $node->host . '&port=' . $node->port,
		PGRST_LOG_LEVEL => 'info',
		PGRST_JWT_SECRET => "\@$folder/jwt-secret",
		PGRST_SERVER_PORT => $port,
		($options{schemas} ? (PGRST_DB_SCHEMAS => $options{schemas}) : ()));
	my $configuration = _write_configuration($folder, %options);
	my $pid = fork // croak "cannot fork: $!";

	if ($pid == 0)
	{
		open STDOUT, '>', $self->{log};
		open STDERR, '>&', \*STDOUT;
		exec $ENV{POSTGREST}, $configuration;
		exit 127;
	}
	$self->{pid} = $pid;
	$alive{$pid} = 1;
	$self->_wait_until_it_answers;
	return $self;
}

# A server for a test that holds with either.
sub serve
{
	my ($class, $node, %options) = @_;

	return $class->start($node, %options) if !$class->missing;
	return $class->stand_in_for(
		$node,
		$options{database} // 'postgres',
		($options{other_issuer} ? ('--pre-request', 'appt_rest.claims', '--role-claim', 'authorities') : ()),
		($options{public_key} ? ('--public-key', $options{public_key}) : ()));
}

# The secret, and the public key of a file, whose exponent is 65537, as a set of JSON Web Keys.
sub _key_set
{
	my ($file) = @_;
	my ($modulus) = run_command([ 'openssl', 'rsa', '-pubin', '-in', $file, '-noout', '-modulus' ]);
	my $octets = pack 'H*', $modulus =~ s/^Modulus=//r;

	return $json->encode(
		{   keys => [
				{ kty => 'oct', k => encode_base64url($secret) }, { kty => 'RSA', n => encode_base64url($octets), e => 'AQAB' } ] });
}

# doc/postgrest.conf; for another issuer with the lines that it has for that, without their comment signs.
sub _write_configuration
{
	my ($folder, %options) = @_;
	my $text = slurp_file(($ENV{REPOSITORY} // '.') . '/doc/postgrest.conf');

	foreach my $setting ($options{other_issuer} ? qw(jwt-role-claim-key db-pre-request) : ())
	{
		$text =~ s/^# (?=\Q$setting\E = )//m or croak "doc/postgrest.conf does not have $setting";
	}
	append_to_file("$folder/postgrest.conf", $text);
	return "$folder/postgrest.conf";
}

# The server of tests that speaks PostgREST's prelude, over the same login.
sub stand_in
{
	my ($class, $node, @options) = @_;

	return $class->stand_in_for($node, 'postgres', @options);
}

sub stand_in_for
{
	my ($class, $node, $database, @options) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();

	set_up($node) if !$is_set_up{ $node->name }++;
	append_to_file("$folder/jwt-secret", $secret);
	my $peer = Appt::Peers->rest(
		@options,
		'--dsn', "dbname=$database user=authenticator host=" . $node->host . ' port=' . $node->port,
		'--secret-file', "$folder/jwt-secret");
	return bless { url => $peer->url, peer => $peer, http => HTTP::Tiny->new(max_redirect => 0, timeout => 60) }, $class;
}

sub at
{
	my ($class, $url) = @_;

	return bless { url => $url, http => HTTP::Tiny->new(max_redirect => 0, timeout => 60) }, $class;
}

sub url { return $_[0]->{url}; }

sub token
{
	my ($self, $claims) = @_;

	return Appt::Token::sign($claims, $secret);
}

sub _wait_until_it_answers
{
	my ($self) = @_;
	my $until = time + $PostgreSQL::Test::Utils::timeout_default;

	while (time < $until)
	{
		return if $self->{http}->get("$self->{url}/")->{status} == 200;
		last if waitpid($self->{pid}, 1) != 0;
		sleep 0.1;
	}
	croak 'postgrest does not answer: ' . slurp_file($self->{log});
}

sub request
{
	my ($self, $method, $path, %options) = @_;
	my %headers = %{ $options{headers} // {} };

	$headers{Authorization} = 'Bearer ' . ($options{token} // Appt::Token::sign($options{claims}, $secret))
		if $options{token} || ($options{claims} && $options{claims}{role} ne 'appt_anonymous');
	my %sent = (headers => \%headers);
	if (defined $options{body})
	{
		$headers{'Content-Type'} //= 'application/json';
		$sent{content} = ref $options{body} ? $json->encode($options{body}) : $options{body};
	}
	my $response = $self->{http}->request($method, $self->{url} . $path, \%sent);
	croak "no answer to $method $path: $response->{content}" if $response->{status} == 599;
	my $is_json = ($response->{headers}{'content-type'} // '') =~ m{^application/([a-z.]+\+)?json} && length($response->{content} // '');
	return {
		status => $response->{status},
		reason => $response->{reason},
		headers => $response->{headers},
		content => $response->{content},
		json => $is_json ? $json->decode($response->{content}) : undef };
}

# A call of a function, with its arguments where the method has them.
sub call
{
	my ($self, $claims, $method, $function, $arguments, %options) = @_;

	return $self->request($method, "/rpc/$function", claims => $claims, body => $arguments, %options) if $method eq 'POST';
	return $self->request($method, "/rpc/$function?" . query($arguments), claims => $claims, %options);
}

# Arguments as a query: texts as they are, lists as PostgreSQL writes arrays, objects as JSON.
sub query
{
	my ($arguments) = @_;

	return join '&', map { escape($_) . '=' . escape(argument_text($arguments->{$_})) } sort keys %$arguments;
}

sub argument_text
{
	my ($value) = @_;

	return '{' . join(',', map { '"' . s/(["\\])/\\$1/gr . '"' } @$value) . '}' if ref $value eq 'ARRAY';
	return $json->encode($value) if ref $value;
	return $value;
}

sub escape
{
	my ($text) = @_;

	return $text =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ger;
}

sub secret { return $secret; }

# PostgREST logs a request as "GET /path?query HTTP/1.1".
sub answered
{
	my ($self) = @_;

	return map { $_->{path} } $self->{peer}->entries if $self->{peer};
	return slurp_file($self->{log}) =~ m{"[A-Z]+ (/[^?" ]*)[^"]* HTTP/}g;
}

sub stop
{
	my ($self) = @_;

	return $self->{peer}->stop if $self->{peer};
	return if !delete $alive{ $self->{pid} };
	local $?;
	kill 'TERM', $self->{pid};
	waitpid $self->{pid}, 0;
	return;
}

END
{
	local $?;
	foreach my $pid (keys %alive)
	{
		kill 'TERM', $pid;
		waitpid $pid, 0;
	}
}

1;
