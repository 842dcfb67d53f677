# The console in Chromium: filters, a message as it was sent, a hostile one, sending again, charts, CSV, what is new; as each
# role, and as nobody. Pictures of it are in build/screenshots.

use strict;
use warnings;

use utf8;
use Appt::Api;
use Appt::Browser;
use Appt::Cluster;
use Appt::Peers;
use Appt::Rest;
use JSON::PP;
use Test::More;

my $node = Appt::Cluster->create('main');
my $api = Appt::Api->create($node);
my $rest = Appt::Rest->serve($node);
my $remote = Appt::Peers->webhook;
my $browser = Appt::Browser->start;
my $page = $rest->url . '/rpc/console';
my $application = $api->{application};
my $elsewhere = $remote->url('/ok');

is($node->safe_psql('postgres', 'SHOW jit', extra_params => [ '-U', 'authenticator' ]), 'off', 'plans of requests are not compiled');

# A PNG of one pixel.
my $image =
	'89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c6360606000000004000160e7274a0000000049454e44ae426082';
$node->query("UPDATE appt.application SET sender_image = decode('$image', 'hex') WHERE id = '$application'");

# A day of messages. One customer has another address by the time of its message.
$node->query(<<"END");
BEGIN;
CREATE TABLE made AS SELECT id, i FROM generate_series(1, 75) i, LATERAL (SELECT id FROM appt.schedule_appointment('$application',
	now() + i * interval '1 hour', '30 minutes', format('{"name": {"firstName": "Bobby", "lastName": "Brown %s"}, "contact":
		{"primaryEmail": "bobby%s\@example.org", "primaryPhone": "+3069%s"}}', i, i, 10000000 + i)::jsonb,
	organizer_id => CASE WHEN i % 2 = 0 THEN 'ann' ELSE 'zoe' END, title => 'Mortgage ' || i)) a;
CREATE TABLE day AS SELECT made.*, n.id AS n FROM made JOIN appt.notification n ON n.appointment_id = made.id AND n.type = 'CREATE'
	AND n.channel = 'EMAIL';
UPDATE appt.participant SET email = 'moved\@example.org' WHERE appointment_id = (SELECT id FROM made WHERE i = 74) AND type = 'CUSTOMER';
COMMIT;
END
ok($node->wait_for_query("SELECT count(*) FROM appt.notification WHERE id IN (SELECT n FROM day) AND state = 'SENT'", 75),
	'messages are sent')
	or BAIL_OUT('nothing is sent');
my ($hostile, $failed, $declined) = map { $node->query("SELECT n FROM day WHERE i = $_") } 2, 4, 6;
my $script = '<script>document.title = "stolen"; parent.document.title = "stolen"; fetch("' . $elsewhere . '")</script>';
my $html = <<"END";
<h1 style="color: #a33">Your appointment</h1><p>Hello Bobby, see you <b>soon</b>.</p>$script<img src="$elsewhere?image" onerror="fetch('$elsewhere?error')">
<form action="$elsewhere?form"><input name="a" value="b"><button id="send">Send</button></form><a href="$elsewhere?link" id="link">link</a>
<iframe src="$elsewhere?frame"></iframe><link rel="stylesheet" href="$elsewhere?style"><style>\@import "$elsewhere?import"; body { background: url($elsewhere?url) }</style>
<meta http-equiv="refresh" content="0; url=$elsewhere?refresh"><base href="$elsewhere?base"><svg onload="alert(1)"></svg><a target="_top" href="$elsewhere?top" id="top">top</a>
END
$node->query(
	"UPDATE appt.attempt SET html_body = \$h\$$html\$h\$, subject = '<img src=x onerror=alert(1)>', text_body = '=cmd()' WHERE notification_id = $hostile"
);
$node->query(
	"UPDATE appt.participant SET first_name = '=HYPERLINK(\"x\")', last_name = NULL WHERE appointment_id = (SELECT id FROM day WHERE i = 2) AND type = 'CUSTOMER'"
);
$node->query(
	"UPDATE appt.attempt SET outcome = 'FAILED', status_code = 550, error = 'no such mailbox' WHERE notification_id = $failed;
	UPDATE appt.notification SET state = 'FAILED', reason = 'REJECTED' WHERE id = $failed");
$node->query(
	"INSERT INTO appt.response (application_id, appointment_id, participant_id, notification_id, action, reason, source)
	SELECT application_id, appointment_id, recipient_id, id, 'DECLINE', 'I am ill', 'PAGE' FROM appt.notification WHERE id = $declined");
$node->query(
	"INSERT INTO appt.hourly_figure (application_id, hour, type, channel, sent, failed, attempted, lateness_sum, lateness_max)
	SELECT '$application', date_trunc('day', now(), 'UTC') + h * interval '1 hour', 'CREATE', 'EMAIL', 10 + h * h, h % 3, 10, '1 s', h * interval '100 ms'
	FROM generate_series(0, 23) h ON CONFLICT DO NOTHING");
my $today = $node->query("SELECT to_char(now(), 'YYYY-MM-DD')");

# Opens the console with a token and a range of two days, so that no midnight comes between.
my $sign_in = <<'END';
const rows = () => page.locator('#list tbody tr');
await page.fill('#token', options.token);
await page.click('#entry button');
await page.waitForSelector('#trouble:not([hidden]), #list[aria-busy="false"]', {state: 'attached'});
// The page may read the list meanwhile of its own accord: what is asked for tells the answers apart.
const find = async (what, asked = '') => {
	const answered = page.waitForResponse((response) => response.url().includes('/notification_log') && response.url().includes(asked));
	await what();
	await answered;
	await page.waitForLoadState('networkidle');
	await page.waitForSelector('#list[aria-busy="false"]');
};
END

sub console
{
	my ($role, $script, %options) = @_;
	my $claims = ref $role ? $role : $api->claims($role);
	my $seen = $browser->run($sign_in . $script, url => $page, token => $rest->token($claims), %options);

	is($seen->{error}, undef, 'the script runs') or diag(join "\n", @{ $seen->{messages} });
	is_deeply([ $browser->strangers($seen, $rest->url) ], [], 'nothing goes elsewhere');
	return $seen->{value};
}

subtest 'nobody' => sub {
	my $seen = $browser->run(<<'END', url => $page, width => 360);
await shot('console-sign-in-360');
return {text: await page.textContent('main'), form: await page.isVisible('#entry'), console: await page.isVisible('#console'), violations: await axe(),
	overflow: await overflow()};
END
	is_deeply(
		[ @{ $seen->{value} }{qw(form console overflow)} ],
		[ JSON::PP::true, JSON::PP::false, JSON::PP::false ],
		'is asked for a token, and sees nothing');
	is_deeply($seen->{value}{violations}, [], 'accessibly');
	is(scalar(grep { $_->{url} ne $page } @{ $seen->{requests} }), 0, 'no other request is sent') or diag(explain($seen->{requests}));
	my $wrong = console(
		{ role => 'appt_supervisor' }, "return {text: await page.textContent('#trouble'), console: await page.isVisible('#console'),
		kept: await page.evaluate('sessionStorage.token || null')}");
	is($wrong->{console} . ($wrong->{kept} // ''), JSON::PP::false, 'a token without a tenant opens nothing, and is not kept');
	isnt($wrong->{text}, '', 'and is told why');
	my $forged = $browser->run(
		$sign_in . "return {text: await page.textContent('#trouble'), form: await page.isVisible('#entry')}",
		url => $page,
		token => Appt::Token::sign($api->claims('SU'), 'another secret'));
	like($forged->{value}{text}, qr/No suitable key/, 'nor does a forged one');
};

subtest 'messages that go to the log alone' => sub {
	$node->query("SELECT appt.set_provider('$application', 'SMS', 'LOG')");
	is(console($_, "return page.textContent('#logged')"), 'Messages by SMS are written to this log only. Nobody gets them.', "$_ is told")
		foreach qw(SU AD);
	$api->gateway;
	is(console('SU', "return page.isVisible('#logged')"), JSON::PP::false, 'of others there is nothing to tell');
};

subtest 'a supervisor' => sub {
	my $value = console('SU', <<'END', timezone => 'Europe/Athens');
const result = {first: await rows().count(), count: await page.textContent('#count'), title: await page.title(), image: await page.getAttribute('#image', 'src'),
	charts: await page.locator('#charts figure').count(), sums: await page.locator('#charts figcaption span').allTextContents(), violations: await axe()};
await shot('console-1280-light');
await find(() => page.click('#more'));
result.more = await rows().count();
await find(() => page.selectOption('#status', 'failed'), 'state=eq.FAILED');
result.failed = await page.locator('#list tbody tr').allTextContents();
await find(() => page.selectOption('#status', 'sent'), 'state=eq.SENT');
await find(() => page.selectOption('#type', 'CREATE'), 'type=eq.CREATE');
await find(() => page.selectOption('#channel', 'EMAIL'), 'channel=eq.EMAIL');
await find(() => page.fill('#recipient', 'bobby1'), 'address=gte.bobby1&');
result.beginning = await page.locator('#list tbody th').allTextContents();
await find(() => page.fill('#recipient', 'bobby_'), 'address=gte.bobby_&');
result.literal = await rows().count();
await find(() => page.fill('#recipient', 'moved@'), 'address=gte.moved%40&');
result.moved = await page.locator('#list tbody tr').allTextContents();
await find(() => page.fill('#recipient', 'bobby6@'), 'address=gte.bobby6%40&');
result.declined = await page.locator('#list tbody tr').allTextContents();
await find(() => page.fill('#recipient', ''));
await find(() => page.click('#earlier'));
result.before = await rows().count();
await find(() => page.click('#today'));
result.today = await rows().count();
result.kept = await page.evaluate('sessionStorage.token !== undefined');
await page.click('#leave');
result.left = [await page.isVisible('#entry'), await rows().count(), await page.evaluate('sessionStorage.token || null')];
return result;
END
	is($value->{first}, 50, 'a page of messages');
	is($value->{count}, '50 or more messages', 'and how many');
	is($value->{title}, 'Bank – notifications', 'of which application');
	like($value->{image}, qr{^data:image/png;base64,iVBORw0KGgo}, 'with its image');
	cmp_ok($value->{more}, '>', 75, 'the next ones');
	is(scalar @{ $value->{failed} }, 1, 'the failed one');
	like($value->{failed}[0], qr/Bobby Brown 4.*bobby4\@example\.org.*\+306910000004.*Failed/s, 'with name, email and phone');
	is_deeply([ grep { !/bobby1\d?\@/ } @{ $value->{beginning} } ], [], 'those whose address begins so');
	is(scalar @{ $value->{beginning} }, 11, 'all of them');
	is($value->{literal}, 0, 'a wildcard is a character');
	is(scalar @{ $value->{moved} }, 1, 'the one that went to another address than was planned');
	like($value->{moved}[0], qr/moved\@example\.org/, 'by that address');
	like($value->{declined}[0], qr/DeclineI am ill/, 'a response with its reason');
	is($value->{before}, 0, 'no messages the day before');
	cmp_ok($value->{today}, '>', 0, 'and those of today');
	is($value->{charts}, 3, 'three charts');
	like($value->{sums}[0], qr/^[\d,]+$/, 'with their sum');
	is_deeply($value->{violations}, [], 'nothing serious for axe');
	ok($value->{kept}, 'the token is kept in the tab');
	is_deeply($value->{left}, [ JSON::PP::true, 0, undef ], 'until one signs out');
};

subtest 'a message that is hostile' => sub {
	my $value = console('SU', <<'END', scheme => 'dark');
await find(() => page.selectOption('#type', 'CREATE'), 'type=eq.CREATE');
await find(() => page.fill('#recipient', 'bobby2@'));
await page.click('#list tbody tr button');
await page.waitForSelector('#message[open] iframe');
const frame = await (await page.waitForSelector('#message iframe')).contentFrame();
await frame.waitForSelector('#send');
await frame.click('#send', {timeout: 3000}).catch(() => null);
await frame.click('#link', {timeout: 3000}).catch(() => null);
await page.waitForLoadState('networkidle');
await shot('console-hostile-dark');
const result = {title: await page.title(), heading: await page.textContent('#message-title'), sandbox: await page.getAttribute('#message iframe', 'sandbox'),
	violations: await axe(), url: page.url(), images: await page.locator('#message-title img').count()};
await page.focus('#close');
await page.keyboard.press('Escape');
result.closed = !(await page.isVisible('#message'));
result.focus = await page.evaluate('document.activeElement.closest("#list") ? document.activeElement.tagName : ""');
return result;
END
	is($value->{title}, 'Bank – notifications', 'no script has run');
	is($value->{heading}, '<img src=x onerror=alert(1)>', 'what is no HTML is shown as text');
	is("$value->{sandbox}$value->{images}", '0', 'what is HTML in a sandbox');
	is($value->{url}, $page, 'the page is still there');
	is(scalar($remote->entries), 0, 'and nothing was loaded, sent or followed') or diag(explain([ $remote->entries ]));
	is_deeply($value->{violations}, [], 'nothing serious for axe');
	ok($value->{closed}, 'Escape closes it');
	is($value->{focus}, 'BUTTON', 'and the focus is where it was');
};

subtest 'sending again' => sub {
	my $value = console('AG', <<'END');
await find(() => page.selectOption('#status', 'failed'), 'state=eq.FAILED');
await page.click('#list tbody tr button');
await page.waitForSelector('#retry');
await shot('console-failed', false);
const before = await page.textContent('#message-body');
const violations = await axe();
await page.click('#retry');
await page.waitForFunction(() => document.querySelector('#message-body').textContent.includes('by hand') || !document.querySelector('#trouble').hidden);
await until(async () => { await page.click('#close'); await page.waitForTimeout(50); await page.selectOption('#status', 'sent');
	await find(() => page.fill('#recipient', 'bobby4@')); await page.click('#list tbody tr button'); await page.waitForSelector('#message[open]');
	return (await page.textContent('#message-body')).includes('2 (by hand)'); });
return {before, violations, after: await page.textContent('#message-body'), trouble: await page.textContent('#trouble')};
END
	like($value->{before}, qr/Failed.*refused.*Attempts.*550.*no such mailbox/s, 'why it was not sent, and its attempts');
	like($value->{after}, qr/Sent.*2 \(by hand\)/s, 'it is sent again');
	is_deeply($value->{violations}, [], 'nothing serious for axe');
	is($node->query("SELECT state FROM appt.notification WHERE id = $failed"), 'SENT', 'indeed');
};

subtest 'as each role' => sub {
	my $look =
		"return {rows: await rows().count(), charts: await page.locator('#charts figure').count(), names: await page.locator('#list tbody th').allTextContents(),
		trouble: await page.textContent('#trouble')}";
	my %seen = map { $_ => console($_, $look) } qw(AG CS AD);

	is($seen{$_}{rows}, 50, "$_ sees messages") foreach qw(AG CS AD);
	is($seen{$_}{trouble}, '', "and no trouble") foreach qw(AG CS AD);
	is($seen{AD}{charts}, 3, 'an admin has charts');
	is($seen{$_}{charts}, 0, "$_ has none") foreach qw(AG CS);
	$node->query("UPDATE appt.application SET agent_scope = 'OWN' WHERE id = '$application'");
	my $own = console('AG', "await find(() => page.selectOption('#type', 'CREATE'), 'type=eq.CREATE'); $look");
	is_deeply([ grep { /bobby\d*[13579]\@/ } @{ $own->{names} } ], [], 'an agent with a scope of its own sees those alone');
	cmp_ok($own->{rows}, '>', 10, 'which are some');
	$node->query("UPDATE appt.application SET agent_scope = 'APPLICATION' WHERE id = '$application'");
	my $customer = console('CU', "return {console: await page.isVisible('#console'), text: await page.textContent('#trouble')}");
	ok(!$customer->{console} && $customer->{text} ne '', 'a customer sees none');
};

subtest 'CSV' => sub {
	$node->query(
		"INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, state, reason, settled_at, address)
		SELECT '$application', 'ADDRESS', 'x', 'MESSAGE', 'SMS', now(), 5, 'SKIPPED', 'NO_ADDRESS', now(), '+' || i FROM generate_series(1, 1100) i"
	);
	my $seen = $browser->run($sign_in . <<'END', url => $page, token => $rest->token($api->claims('SU')));
const [download] = await Promise.all([page.waitForEvent('download'), page.click('#csv')]);
await download.path();
await until(async () => await page.textContent('#csv') === 'Download CSV');
END
	is($seen->{error}, undef, 'is made');
	my ($csv) = map { $_->{text} } @{ $seen->{downloads} };
	like($seen->{downloads}[0]{name}, qr/^notifications-\d{4}-\d\d-\d\d\.csv$/, 'under a name');
	my @lines = split /\r\n/, $csv;
	my %lines = map { $_ => 1 } @lines;
	is(scalar @lines, scalar keys %lines, 'each row once');
	is(scalar(grep { /,"'\+\d+",/ && /SKIPPED/ } @lines), 1100, 'all of more than a request');
	like($csv, qr/,"'=HYPERLINK\(""x""\)",/, 'a formula is a text');
	is(scalar(grep { /(?:^|,)"?[=\@]/ } @lines), 0, 'there is none');
	my $requests = grep { $_->{url} =~ /notification_log.*limit=200\b/ } @{ $seen->{requests} };
	cmp_ok($requests, '>=', 6, 'by 200 rows a request');
	$node->query("DELETE FROM appt.notification WHERE type = 'MESSAGE' AND application_id = '$application'");
};

subtest 'pending' => sub {
	$node->query(<<"END");
WITH planned AS (INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, next_attempt_at, lane,
		state, reason, attempt_count, address, settled_at)
	SELECT '$application', 'ADDRESS', 'x', 'MESSAGE', 'SMS', now() + due, CASE WHEN state <> 'SENT' THEN now() + greatest(due, '1 day') END, 7,
		state, CASE state WHEN 'RETRYING' THEN 'WILL_RETRY' END, CASE WHEN state <> 'PENDING' THEN 1 ELSE 0 END, '+3069' || name || i,
		CASE state WHEN 'SENT' THEN now() END
	FROM (VALUES ('postponed', 'PENDING', interval '-5 days', 60), ('retried', 'RETRYING', '-5 days', 1), ('coming', 'PENDING', '2 days', 1),
		('sent', 'SENT', '-5 days', 1)) m (name, state, due, number), generate_series(1, number) i
	RETURNING lane, next_attempt_at, id, application_id, due_at, state),
tried AS (INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome)
	SELECT application_id, id, 1, due_at, due_at, CASE state WHEN 'SENT' THEN 'DELIVERED' ELSE 'FAILED' END FROM planned WHERE state <> 'PENDING')
INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at)
	SELECT lane, next_attempt_at, id, application_id, due_at FROM planned WHERE state <> 'SENT';
END
	my $seen = $browser->run($sign_in . <<'END', url => $page, token => $rest->token($api->claims('SU')));
const day = (from) => new Date(Date.now() + from * 86400000).toISOString().slice(0, 16);
const range = async (since, until) => {
	await page.fill('#since', day(since));
	await find(() => page.fill('#until', day(until)).then(() => page.press('#until', 'Tab')));
};
const look = async () => ({count: await page.textContent('#count'), names: await page.locator('#list tbody th').allTextContents(),
	states: await page.locator('#list tbody .state').allTextContents()});
await range(-6, 3);
await find(() => page.selectOption('#type', 'MESSAGE'), 'type=eq.MESSAGE');
await find(() => page.selectOption('#status', 'pending'), 'unsettled_due_at=');
const first = await look();
await find(() => page.click('#more'));
const all = await look();
const [download] = await Promise.all([page.waitForEvent('download'), page.click('#csv')]);
await download.path();
await until(async () => await page.textContent('#csv') === 'Download CSV');
await range(-6, -4);
const past = await look();
await range(1, 3);
const coming = await look();
await find(() => page.selectOption('#status', 'sent'), 'state=eq.SENT');
const sent = await look();
return {first, all, past, coming, sent};
END
	my $value = $seen->{value};
	is($seen->{error}, undef, 'the script runs') or diag(join "\n", @{ $seen->{messages} });
	is($value->{first}{count}, '50 or more messages', 'a page');
	like($value->{first}{names}[0], qr/coming1/, 'begins with the one that is due last');
	is($value->{all}{count}, '62 messages', 'all that are not settled');
	is(scalar(keys %{ { map { $_ => 1 } @{ $value->{all}{names} } } }), 62, 'each once');
	is_deeply([ sort(grep { $_ ne 'Pending' } @{ $value->{all}{states} }) ], ['Retrying'], 'with the one that is tried again');
	my @lines = grep { /,MESSAGE,/ } split /\r\n/, $seen->{downloads}[0]{text};
	is(scalar @lines, 62, 'in CSV, too');
	is(scalar(grep { /,(?:PENDING|RETRYING),/ } @lines), 62, 'as they are');
	is($value->{past}{count}, '50 or more messages', 'of days that are over: those that were postponed');
	is_deeply([ map { /coming1/ } @{ $value->{coming}{names} } ], [1], 'of a day to come');
	is($value->{sent}{count}, '0 messages', 'which has nothing that is sent');
	$node->query("DELETE FROM appt.due WHERE lane = 7; DELETE FROM appt.notification WHERE lane = 7 AND application_id = '$application'");
};

subtest 'what is new' => sub {
	my $seen = $browser->run($sign_in
			. <<'END', url => $page, token => $rest->token($api->claims('SU')), admin => $rest->token($api->claims('AD')), application => $application);
await find(() => page.selectOption('#type', 'TEST'));
const before = await rows().count();
await page.waitForResponse((response) => response.url().includes('console_state'));
await page.evaluate(async ([token, application]) => fetch('../rpc/send_test_email', {method: 'POST',
	headers: {Authorization: 'Bearer ' + token, 'Content-Type': 'application/json'}, body: JSON.stringify({application_id: application, to_email: 'new@example.org'})}),
	[options.admin, options.application]);
await until(async () => (await rows().allTextContents()).some((text) => text.includes('new@example.org') && text.includes('Sent')));
await page.waitForResponse((response) => response.url().includes('console_state') && response.status() === 304);
return before;
END
	is($seen->{error}, undef, 'appears by itself');
	is($seen->{value}, 0, 'where there was nothing');
	is_deeply([ $browser->strangers($seen, $rest->url) ], [], 'nothing goes elsewhere');
};

subtest 'sizes' => sub {
	foreach my $size ([ 360, 'light' ], [ 360, 'dark' ], [ 768, 'light' ], [ 1280, 'dark' ])
	{
		my ($width, $scheme) = @$size;
		my $value = console(
			'SU', "await shot('console-$width-$scheme', false); const result = {overflow: await overflow(), violations: await axe()};
			await page.click('#list tbody tr button'); await page.waitForSelector('#message[open]'); await shot('console-message-$width-$scheme', false);
			return {...result, inside: await axe(), wide: await overflow()}",
			width => $width,
			scheme => $scheme);
		is("$value->{overflow}$value->{wide}", '00', "$width, $scheme: as wide as its window");
		is_deeply([ @{ $value->{violations} }, @{ $value->{inside} } ], [], 'nothing serious for axe');
	}
};

$browser->stop;
$rest->stop;
$node->stop;
done_testing();
