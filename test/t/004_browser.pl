# The harness of pages: the stand-in for PostgREST, and Chromium in front of it.

use strict;
use warnings;

use Appt::Api;
use Appt::Browser;
use Appt::Cluster;
use Appt::Peers;
use Appt::Rest;
use Appt::Token;
use Test::More;

my $node = Appt::Cluster->create('main');
my $api = Appt::Api->create($node);
my $rest = Appt::Rest->stand_in($node);

subtest 'functions of every role' => sub {
	$api->run($rest);
};

subtest 'what only HTTP has' => sub {
	my $ann = $api->claims('AG');
	my $appointment = $api->appointment;
	my $its = "/rpc/get_appointment?id=$appointment->{id}";

	foreach my $case (
		[ 404, 'PT404', 'POST', 'get_appointment', { id => $api->{application} } ],
		[ 400, '22P02', 'POST', 'get_appointment', { id => 'x' } ],
		[ 403, '42501', 'POST', 'activate_appointment', { id => $appointment->{id} } ],
		[ 404, 'PGRST202', 'POST', 'get_appointment', { id => $appointment->{id}, more => 1 } ],
		[ 404, 'PGRST202', 'GET', 'get_appointment', { id => $appointment->{id}, utm_source => 'mail' } ],
		[ 404, 'PGRST202', 'GET', 'no_such_function', {} ],
		[ 405, '25006', 'GET', 'cancel_appointment', { id => $appointment->{id} } ])
	{
		my ($status, $code, $method, $function, $arguments) = @$case;
		my $answer = $rest->call($ann, $method, $function, $arguments);
		is("$answer->{status} $answer->{json}{code}", "$status $code", "$method $function: $status $code");
	}
	my $anonymous = $rest->request('GET', $its);
	is("$anonymous->{status} $anonymous->{headers}{'www-authenticate'}", '401 Bearer', 'without a token');
	is($rest->request('GET', $its, token => Appt::Token::sign($ann, 'another secret'))->{status}, 401, 'by a token of somebody else');
	is($rest->request('GET', $its, claims => { %$ann, exp => time - 60 })->{status}, 401, 'by one that has expired');
	is( $rest->request(
			'POST', '/rpc/get_appointment',
			claims => $ann,
			body => "id=$appointment->{id}",
			headers => { 'Content-Type' => 'application/x-www-form-urlencoded' })->{status},
		200, 'a form');
	is( $rest->request(
			'POST', '/rpc/get_appointment',
			claims => $ann,
			body => 'x',
			headers => { 'Content-Type' => 'multipart/form-data' })
			->{status},
		400,
		'no multipart');
	my $file = $rest->request('GET', "/rpc/ical_event?id=$appointment->{id}", headers => { Accept => 'text/html' });
	like($file->{content}, qr/\ABEGIN:VCALENDAR\r\n/, 'bytes as they are');
	like($file->{headers}{'content-type'}, qr{^text/calendar}, 'under the type of response.headers');
	is($rest->request('GET', "/rpc/google_calendar_event?id=$appointment->{id}")->{status}, 302, 'the status of response.status');
	is($rest->request('HEAD', $its, claims => $ann)->{content} // '', '', 'HEAD has no body');
	is($rest->request('GET', $its, claims => $ann, headers => { Accept => 'image/png' })->{status}, 406, 'what nobody can draw');
};

subtest 'unnamed arguments' => sub {
	$node->query(<<'END');
CREATE FUNCTION appt.taken(text) RETURNS text LANGUAGE sql AS $$ SELECT 'text ' || $1 $$;
CREATE FUNCTION appt.taken(json) RETURNS text LANGUAGE sql AS $$ SELECT 'json ' || ($1 ->> 'a') $$;
GRANT EXECUTE ON FUNCTION appt.taken(text), appt.taken(json) TO appt_anonymous;
END
	my $send = sub {
		my ($type, $body) = @_;
		return $rest->request('POST', '/rpc/taken', body => $body, headers => { 'Content-Type' => $type });
	};
	is($send->('text/plain', "a=1&b=%20\n")->{json}, "text a=1&b=%20\n", 'a text arrives as it is');
	is($send->('application/json', '{"a": 7}')->{json}, 'json 7', 'JSON as JSON');
	is($send->('application/x-www-form-urlencoded', 'a=1')->{json}{code}, 'PGRST202', 'a form does not');
	$node->query('DROP FUNCTION appt.taken(text), appt.taken(json)');
};

subtest 'tables' => sub {
	my $sue = $api->claims('SU');
	my $get = sub { my ($path, %headers) = @_; return $rest->request('GET', $path, claims => $sue, headers => \%headers); };
	my $log = '/notification_log?select=notification_id,channel&order=notification_id.desc';
	my $all = $get->($log)->{json};

	cmp_ok(scalar @$all, '>', 3, 'rows');
	is_deeply([ map { $_->{notification_id} } @$all ], [ sort { $b <=> $a } map { $_->{notification_id} } @$all ], 'in order');
	is(join(' ', sort keys %{ $all->[0] }), 'channel notification_id', 'of some columns');
	my $second = $get->("$log&limit=2&offset=1");
	is_deeply($second->{json}, [ @$all[ 1, 2 ] ], 'a page');
	is($second->{headers}{'content-range'}, '1-2/*', 'which says so');
	my $counted = $get->($log, Prefer => 'count=exact', Range => '0-1');
	like("$counted->{status} $counted->{headers}{'content-range'}", qr{^206 0-1/\d{2,}$}, 'and how many there are');
	is_deeply($get->("$log&notification_id=in.($all->[0]{notification_id},$all->[2]{notification_id})")->{json}, [ @$all[ 0, 2 ] ], 'in');
	is_deeply(
		$get->("$log&or=(notification_id.eq.$all->[1]{notification_id},and(channel.is.null,notification_id.gt.0))")->{json},
		[ $all->[1] ],
		'or, and');
	is($get->("$log&channel=like.EM*L")->{json}[0]{channel}, 'EMAIL', 'like');
	is(scalar @{ $get->("$log&channel=not.is.null&notification_id=lt.0")->{json} }, 0, 'none');
	is($get->('/notification_log?nothing=eq.1')->{status}, 400, 'no such column');
	is($rest->request('GET', '/notification_log')->{status}, 401, 'for nobody');
	is($get->('/no_such_table')->{status}, 404, 'no such table');

	my $ada = $api->claims('AD');
	my $rule = $rest->request(
		'POST', '/rule',
		claims => $ada,
		body => { application_id => $api->{application}, type => 'ROOM', channel => 'EMAIL', time_offset => 'PT20M' },
		headers => { Prefer => 'return=representation' });
	is("$rule->{status} $rule->{json}[0]{time_offset}", '201 PT20M', 'a new row');
	my $its = "/rule?id=eq.$rule->{json}[0]{id}";
	is($rest->request('PATCH', $its, claims => $ada, body => { enabled => JSON::PP::false })->{status}, 204, 'is changed');
	is($rest->request('GET', "$its&select=enabled", claims => $ada)->{content}, '[{"enabled":false}]', 'so');
	is($rest->request('DELETE', $its, claims => $ada)->{status}, 204, 'and deleted');
};

subtest 'a browser' => sub {
	my $remote = Appt::Peers->webhook;
	my $browser = Appt::Browser->start;
	my $octets = sub {
		my ($name, $html, $policy) = @_;
		$node->query(
			"CREATE OR REPLACE FUNCTION appt.$name() RETURNS appt.\"*/*\" LANGUAGE sql STABLE AS \$f\$
			SELECT set_config('response.headers', '[{\"Content-Type\": \"text/html; charset=utf-8\"},
				{\"Content-Security-Policy\": \"$policy\"}]', true);
			SELECT convert_to('$html', 'UTF8')::appt.\"*/*\" \$f\$; GRANT EXECUTE ON FUNCTION appt.$name() TO appt_anonymous"
		);
		return $rest->url . "/rpc/$name";
	};
	my $image = '<img alt="remote" src="' . $remote->url('/ok') . '">';
	my $open = $octets->(
		'open_page',
		"<!doctype html><html lang=\"en\"><title>Open</title><main><h1>Hi</h1><p id=\"p\">none</p>$image<img src=\"x\"></main>"
			. '<script>document.getElementById("p").textContent = "script"</script>',
		'default-src *; script-src \'\'unsafe-inline\'\'');
	my $closed = $octets->('closed_page', "<!doctype html><html lang=\"en\"><title>Closed</title>$image", 'default-src \'\'none\'\'');

	like($browser->version, qr/^\d+\./, 'has a version');
	my $script = <<'END';
await page.waitForLoadState('networkidle');
await shot('harness-' + options.width);
return {text: await page.textContent('#p'), width: await page.evaluate('innerWidth'), violations: await axe(), overflow: await overflow(),
	dark: await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")};
END
	my $seen = $browser->run($script, url => $open, width => 360, scheme => 'dark');
	is($seen->{error}, undef, 'runs a script');
	is( "$seen->{value}{text} $seen->{value}{width} $seen->{value}{dark} $seen->{value}{overflow}",
		'script 360 1 0',
		'in a window as asked for');
	like($seen->{value}{violations}[0], qr/^image-alt/, 'finds what is not accessible');
	is_deeply([ $browser->strangers($seen, $rest->url) ], [ 'GET ' . $remote->url('/ok') ], 'and requests to others');
	is(scalar($remote->entries), 1, 'which arrive');
	ok(-s Appt::Browser->screenshots . '/harness-360.png', 'a picture');
	is($browser->run('return await page.textContent("#p")', url => $open, javascript => 0)->{value}, 'none', 'without JavaScript');

	$browser->run('await page.waitForLoadState("networkidle")', url => $closed);
	is(scalar($remote->entries), 2, 'not past a policy');
	like($browser->run('throw new Error("so")')->{error}, qr/Error: so/, 'errors are told');
	my $kept = $browser->run(
		'const [download] = await Promise.all([page.waitForEvent("download"), page.evaluate(() => {
			const a = document.createElement("a"); a.href = URL.createObjectURL(new Blob(["a,b"])); a.download = "x.csv"; a.click(); })]);
		await until(async () => (await download.path()) !== null)', url => $open);
	is_deeply($kept->{downloads}, [ { name => 'x.csv', text => 'a,b' } ], 'downloads, too');
	$browser->stop;
};

$rest->stop;
$node->stop;
done_testing();
