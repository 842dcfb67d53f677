package Appt::Prelude;

# The statements that PostgREST 16 sends for a call of a function: its transaction, its settings, arguments taken
# out of the body by json_to_record or cast one by one from the query, the answer put together in the same query. Where
# there is no PostgREST this stands in for it, with the interface of Appt::Rest.
#
#   my $prelude = Appt::Prelude->start($node);
#   my $answer = $prelude->call($claims, 'POST', 'get_appointment', {id => $id});
#   $answer->{status}     as PostgREST makes it of response.status or the SQLSTATE
#   $answer->{content}, {json}, {headers} as with Appt::Rest; {sqlstate} and {error} where it failed
#   $prelude->read($claims, 'SELECT ...')   a query in such a transaction, as GET of a table is

use strict;
use warnings;

use Appt::Rest;
use Appt::Token;
use JSON::PP;

my $json = JSON::PP->new->utf8->allow_nonref->canonical;

sub start
{
	my ($class, $node, %options) = @_;
	my $self = bless { node => $node, login => $options{login} // 'authenticator', functions => {} }, $class;

	Appt::Rest::set_up($node) if !defined $options{login};
	foreach my $row (split /\n/, $node->query(<<'END'))
SELECT concat_ws('|', proname, CASE WHEN proretset THEN 'set' ELSE 'single' END,
	CASE WHEN t.oid = 'void'::regtype THEN 'void' WHEN t.typname = '*/*' THEN 'octets'
		WHEN t.typtype = 'c' OR proargmodes && '{o,b,t}' THEN 'composite' ELSE 'scalar' END,
	(SELECT json_object_agg(name, format_type(proargtypes[place - 1], NULL))
	 FROM unnest(proargnames) WITH ORDINALITY AS a (name, place) WHERE place <= pronargs))
FROM pg_proc p JOIN pg_type t ON t.oid = p.prorettype WHERE pronamespace = 'appt'::regnamespace
END
	{
		my ($name, $number, $kind, $types) = split /\|/, $row, 4;
		$self->{functions}{$name} = { number => $number, kind => $kind, types => $types ? $json->decode($types) : {} };
	}
	return $self;
}

sub literal
{
	my ($text) = @_;

	return 'NULL' if !defined $text;
	return "'" . $text =~ s/'/''/gr . "'";
}

sub name { return '"' . $_[0] =~ s/"/""/gr . '"'; }

sub settings
{
	my ($claims, $method, $path, %options) = @_;
	my $headers = { 'user-agent' => 'tests', accept => '*/*', %{ $options{headers} // {} } };
	my @settings = (
		[ search_path => '"appt", "pg_catalog"' ],
		[ role => $claims->{role} ],
		[ 'request.jwt.claims' => $options{claims} // $json->encode($claims) ],
		[ 'request.method' => $method ],
		[ 'request.path' => $path ],
		[ 'request.headers' => $json->encode($headers) ],
		[ 'request.cookies' => '{}' ]);

	return 'select ' . join(', ', map { "set_config('$_->[0]', " . literal($_->[1]) . ', true)' } @settings);
}

# The statement of a call as one that is prepared, and what it is executed with.
sub call_statement
{
	my ($self, $method, $function, $arguments) = @_;
	my $about = $self->{functions}{$function} or return (undef, undef);
	my @given = sort keys %$arguments;
	my $is_row = $about->{kind} eq 'composite';
	my $called = 'appt.' . name($function);
	my (@values, $from, $types);

	if ($method eq 'POST' && @given)
	{
		my $columns = join ', ', map { name($_) . ' ' . ($about->{types}{$_} // 'text') } @given;
		my $passed = join ', ', map { name($_) . ' := pgrst_body.' . name($_) } @given;
		@values = ($json->encode($arguments));
		$types = '(json)';
		$from =
			  'FROM (SELECT $1 AS json_data) pgrst_payload, LATERAL (SELECT '
			. join(', ', map { name($_) } @given)
			. " FROM json_to_record(pgrst_payload.json_data) AS _($columns)) pgrst_body, LATERAL "
			. ($is_row ? "$called($passed) pgrst_call" : "(SELECT $called($passed) pgrst_scalar) pgrst_call");
	}
	else
	{
		my $place = 0;
		my $passed = join ', ', map { $place++; name($_) . " := \$$place\::" . ($about->{types}{$_} // 'text') } @given;
		@values = map { Appt::Rest::argument_text($arguments->{$_}) } @given;
		$types = '';
		$from = 'FROM ' . ($is_row ? "$called($passed) pgrst_call" : "(SELECT $called($passed) pgrst_scalar) pgrst_call");
	}
	return (
		"PREPARE request$types AS WITH pgrst_source AS (SELECT "
			. ($is_row ? 'pgrst_call.*' : 'pgrst_call.pgrst_scalar')
			. " $from) "
			. 'SELECT null::bigint AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total, '
			. body_of($about)
			. ' AS body, '
			. "nullif(current_setting('response.headers', true), '') AS response_headers, "
			. "nullif(current_setting('response.status', true), '') AS response_status, '' AS response_inserted "
			. "FROM (SELECT pgrst_call.* FROM pgrst_source AS pgrst_call) _postgrest_t",
		'EXECUTE request' . (@values ? '(' . join(', ', map { literal($_) } @values) . ')' : ''));
}

sub body_of
{
	my ($about) = @_;
	my $what = $about->{kind} eq 'composite' ? '_postgrest_t' : '_postgrest_t.pgrst_scalar';

	return q{''::text} if $about->{kind} eq 'void';
	return "(SELECT encode((array_agg(_postgrest_t.pgrst_scalar))[1]::bytea, 'hex'))" if $about->{kind} eq 'octets';
	return "coalesce(json_agg($what), '[]')" if $about->{number} eq 'set';
	return "coalesce(json_agg($what)->0, 'null')";
}

sub call
{
	my ($self, $claims, $method, $function, $arguments, %options) = @_;
	my ($prepare, $execute) = $self->call_statement($method, $function, $arguments);

	return { status => 404, sqlstate => 'PGRST202', headers => {} } if !defined $prepare;
	my $volatile =
		$method eq 'POST' && $self->{node}->query("SELECT provolatile FROM pg_proc WHERE oid = 'appt.$function'::regproc") eq 'v';
	my $answer =
		$self->transaction($claims, $method, "/rpc/$function", $volatile ? 'READ WRITE' : 'READ ONLY', [ $prepare, $execute ], %options);
	return $answer if $answer->{status};

	my $kind = $self->{functions}{$function}{kind};
	my ($total, $page, $body, $headers, $status) = @{ delete $answer->{columns} };
	$answer->{status} = $status || ($kind eq 'void' ? 204 : 200);
	$answer->{headers} = { 'content-type' => 'application/json; charset=utf-8' };
	foreach my $header (@{ $headers ? $json->decode($headers) : [] })
	{
		$answer->{headers}{ lc $_ } = $header->{$_} foreach keys %$header;
	}
	$answer->{content} = $kind eq 'octets' ? pack('H*', $body) : $body;
	$answer->{json} = $json->decode($body) if $kind ne 'octets' && $body ne '';
	return $answer;
}

sub read
{
	my ($self, $claims, $query, %options) = @_;
	my $answer = $self->transaction($claims, 'GET', '/', 'READ ONLY', [$query], %options);

	if (!$answer->{status})
	{
		$answer->{status} = 200;
		$answer->{content} = (delete $answer->{columns})->[0];
	}
	return $answer;
}

# {columns} of the last statement's only row, or {status}, {sqlstate} and {error}.
sub transaction
{
	my ($self, $claims, $method, $path, $mode, $statements, %options) = @_;
	my ($output, $errors);

	$self->{node}->psql(
		'postgres',
		join('',
			map { "$_;\n" } "START TRANSACTION ISOLATION LEVEL READ COMMITTED $mode",
			settings($claims, $method, $path, %options) . ' \g /dev/null',
			@$statements, 'COMMIT') =~ s{\\g /dev/null;}{\\g /dev/null}r,
		stdout => \$output,
		stderr => \$errors,
		on_error_die => 0,
		extra_params => [ '-U', $self->{login}, '-v', 'VERBOSITY=verbose', '-F', "\x1f", '-R', "\x1e" ]);
	if (my ($sqlstate, $message) = $errors =~ /(?:ERROR|FATAL):  ([0-9A-Z]{5}): (.*)/)
	{
		return { status => status_of($sqlstate, $claims), sqlstate => $sqlstate, error => $errors, message => $message, headers => {} };
	}
	return { columns => [ split /\x1f/, $output, -1 ], headers => {} };
}

# As PostgREST maps them.
sub status_of
{
	my ($sqlstate, $claims) = @_;

	return $1 if $sqlstate =~ /^PT(\d{3})$/;
	return $claims->{role} eq 'appt_anonymous' ? 401 : 403 if $sqlstate eq '42501';
	return 404 if $sqlstate =~ /^42(?:883|P01)$/;
	return 405 if $sqlstate eq '25006';
	return 409 if $sqlstate =~ /^2350[35]$/;
	return 400 if $sqlstate eq 'P0001';
	return 403 if $sqlstate =~ /^(?:0L|0P|28)/;
	return 503 if $sqlstate =~ /^(?:08|53|57P01)/;
	return 500 if $sqlstate =~ /^(?:09|21|25|2D|38|39|3B|40|54|55|57|58|F0|HV|P0|XX|42P17)/;
	return 400;
}

1;
