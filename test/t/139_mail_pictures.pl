# Emails as people see them, in Chromium: each type to customers in each language and at three widths, dark ones, and those to
# users. Nothing is wider than its window, nothing is fetched but the logo, and axe finds no serious fault of contrast or
# structure. The pictures are in build/screenshots: mail-LOCALE-TYPE-WIDTH.png, and mails-LOCALE.png with all of a language.

use strict;
use warnings;

use utf8;
use Appt::Browser;
use Appt::Cluster;
use JSON::PP;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0);
$node->query('CREATE EXTENSION appt_test');
my $browser = Appt::Browser->start;

my %words = (
	ar => [ 'استشارة الرهن العقاري', 'شارع الحمراء ١٢، بيروت' ],
	de => [ 'Baufinanzierungsberatungsgespräch', 'Hauptstraße 1, Wien' ],
	el => [ 'Συζήτηση για το στεγαστικό δάνειο', 'Σταδίου 12, Αθήνα' ],
	en => [ 'Your mortgage – ‏תוכנית (B) & more', '12 Stadiou Street, Athens' ],
	es => [ 'Su hipoteca', 'Calle Mayor 3, Madrid' ],
	fr => [ 'Votre prêt immobilier', '3 rue de Rivoli, Paris' ],
	it => [ 'Il Suo mutuo', 'Via Roma 5, Milano' ],
	nl => [ 'Uw hypotheek', 'Damrak 70, Amsterdam' ],
	pl => [ 'Kredyt hipoteczny', 'ul. Długa 4, Warszawa' ],
	pt => [ 'O seu crédito à habitação', 'Rua Augusta 10, Lisboa' ]);
my @types = qw(CREATE CONFIRMATION_REQUEST RESCHEDULE CANCELLED REMINDER ROOM FOLLOW_UP CODE TEST);

$node->query(<<'END');
SET client_min_messages = error;
CREATE TABLE mail (id bigint, type text, audience text);
WITH o AS (SELECT appt.create_organization('Acme') AS id), a AS (
	SELECT appt.create_application(o.id, 'Acme Bank', public_url => 'https://api.acme.example/appointments',
		room_url => 'https://meet.acme.example/rooms/', timezone => 'Europe/Athens',
		branding => '{"logo_url": "https://acme.example/logo.svg", "color": "#0b6e4f", "footer": "Registered in Athens, no. 4711",
			"address": "1 Main Street, 10562 Athens"}') AS id FROM o)
SELECT appt.set_provider(a.id, 'EMAIL', 'SMTP', 'smtp://mail.example', 'Acme Bank <hello@acme.example>') FROM a;
INSERT INTO appt.user_profile (application_id, id, name, email, channels, is_admin, is_billing_admin)
	SELECT id, 'ann', 'Ann Miller', 'ann@acme.example', '{EMAIL}', true, true FROM appt.application;
INSERT INTO appt.user_preference (application_id, user_id, type, enabled)
	SELECT a.id, 'ann', type, true FROM appt.application a, appt.notification_type WHERE audience = 'USERS';
SELECT appt.schedule_appointment(id, '2030-07-01 12:00Z', '45 minutes', organizer_id => 'ann', title => 'Mortgage',
	customer => '{"name": {"firstName": "Bobby", "lastName": "Brown"}, "contact": {"primaryEmail": "bobby@customer.example"}}')
	FROM appt.application;
UPDATE appt.appointment SET cancel_reason = 'Our adviser is ill today. <We> are sorry & call you.';
UPDATE appt.rule SET buttons = '{ACCEPT,DECLINE,RESCHEDULE}', appearance = '{"calendar_block": true}' WHERE type = 'CREATE' AND channel = 'EMAIL';

-- Copies of the confirmation, as messages of each type about an appointment.
CREATE FUNCTION copy(type text, more jsonb) RETURNS void LANGUAGE sql AS $$
	WITH n AS (INSERT INTO appt.notification SELECT (jsonb_populate_record(c, jsonb_build_object('type', $1, 'uid', gen_random_uuid(),
			'id', nextval(pg_get_serial_sequence('appt.notification', 'id'))) || $2)).*
		FROM appt.notification c WHERE c.type = 'CREATE' AND c.channel = 'EMAIL' AND c.recipient_kind = 'CUSTOMER'
		ORDER BY id LIMIT 1 RETURNING id)
	INSERT INTO mail SELECT id, $1, CASE WHEN $2 ? 'recipient_kind' THEN 'USER' ELSE 'CUSTOMER' END FROM n $$;
SELECT copy(type, jsonb_build_object('rule_id', CASE WHEN type <> 'CONFIRMATION_REQUEST' THEN null ELSE (SELECT id FROM appt.rule
		WHERE type = 'CREATE' AND channel = 'EMAIL') END,
	'event', CASE type WHEN 'RESCHEDULE' THEN '{"previousStart": "2030-06-28T06:30:00Z"}'::jsonb END))
	FROM unnest('{CREATE,CONFIRMATION_REQUEST,RESCHEDULE,CANCELLED,REMINDER,ROOM,FOLLOW_UP}'::text[]) type;
SELECT copy(type, jsonb_build_object('recipient_kind', 'USER', 'recipient_id', 'ann', 'rule_id', NULL, 'event', CASE type WHEN 'RESPONSE' THEN
	'{"action": "RESCHEDULE", "customerName": "Bobby Brown", "proposedStart": "2030-07-02T12:00:00Z", "reason": "I am at work until two."}'::jsonb END))
	FROM unnest('{APPOINTMENT_ASSIGNED,APPOINTMENT_CREATED,APPOINTMENT_REMINDER,RESPONSE}'::text[]) type;
INSERT INTO mail SELECT appt_test.plan_to_address(id, 'CODE', 'EMAIL', 'bobby@customer.example',
	'{"purpose": "CUSTOMER", "nonce": "11111111-2222-3333-4444-555555555555"}'), 'CODE', 'CUSTOMER' FROM appt.application;
INSERT INTO mail SELECT appt_test.plan_to_address(id, 'TEST', 'EMAIL', 'bobby@customer.example', '{"start_at": "2030-07-01T12:00:00Z"}'),
	'TEST', 'CUSTOMER' FROM appt.application;
-- And to users, of their other events.
SELECT appt_test.plan_user_event(a.id, t.type, user_ids => '{ann}', contact => '{"name": "Bob & Co", "phone": "+306900000000",
		"email": "bob@customer.example"}', payload => CASE WHEN t.type ~ '^DAILY|^WEBHOOK' THEN '{"date": "2030-06-30", "timezone": "Europe/Athens",
		"subjects": [{"code": "REMINDER", "lastError": "550 5.1.1 a-long-name-of-a-mailbox-that-is-not-there@customer.example", "days": [
		{"date": "2030-06-30", "messages": 12345, "sent": 12000, "failed": 345}, {"date": "2030-06-29"}]}, {"code": "COMMUNICATION", "days": [
		{"date": "2030-06-30", "calls": 30, "voicemails": 2, "texts": 1234, "faxes": 1}]}]}'::jsonb ELSE '{"by": "Tom", "integration": "CRM",
		"result": "3 rows", "duration": "0:42", "pages": 3, "due": "Friday", "text": "Hello,\nplease call me back & <soon>.",
		"url": "https://crm.acme.example/contacts/17"}' END)
	FROM appt.application a, appt.notification_type t WHERE t.audience = 'USERS' AND t.type !~ '^APPOINTMENT_|^RESPONSE$';
INSERT INTO mail SELECT n.id, n.type, 'USER' FROM appt.notification n WHERE n.user_event_id IS NOT NULL AND channel = 'EMAIL';
END

# The HTML of the mails of an audience in a language: a list of {type, html}.
sub mails
{
	my ($locale, $audience) = @_;
	my ($title, $location) = map { s/'/''/gr } @{ $words{$locale} };

	$node->query("UPDATE appt.application SET locale = '$locale';
		UPDATE appt.appointment SET locale = '$locale', title = '$title', title_for_customers = '$title', location = '$location'");
	return JSON::PP->new->utf8->decode($node->query("SELECT json_agg(json_build_object('type', type, 'html', html))
		FROM (SELECT DISTINCT ON (type) type, (appt_test.composed(id))[5] AS html FROM mail WHERE audience = '$audience' ORDER BY type, id) m"));
}

my $look = <<'END';
const logo = '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40"><rect width="40" height="40" rx="8" fill="#0b6e4f"/>' +
	'<text x="50" y="28" font-family="sans-serif" font-size="22" fill="#1f2933">Acme Bank</text></svg>';
await context.route('https://acme.example/logo.svg', (route) => route.fulfill({contentType: 'image/svg+xml', body: logo}));
const found = {wide: [], faults: [], seen: 0, direction: new Set(), card: new Set()};
for (const width of options.widths) {
	await page.setViewportSize({width, height: 700});
	for (const mail of options.mails) {
		const name = ['mail', options.locale, mail.type, width].concat(options.scheme === 'dark' ? ['dark'] : []).join('-');
		await page.setContent(mail.html);
		await shot(name);
		found.seen++;
		if (await overflow()) found.wide.push(name);
		if (width === options.widths[0]) found.faults.push(...(await axe()).map((fault) => name + ': ' + fault));
		found.direction.add(await page.evaluate('getComputedStyle(document.querySelector("[role=article]")).direction'));
		found.card.add(await page.evaluate('getComputedStyle(document.querySelector(".c")).backgroundColor'));
	}
}
await page.setViewportSize({width: 5 * 380, height: 700});
await page.setContent('<body style="margin:0;display:flex;flex-wrap:wrap;gap:10px;background:#888"></body>');
await page.evaluate((mails) => Promise.all(mails.map((mail) => new Promise((resolve) => {
	const frame = document.createElement('iframe');
	frame.width = 365;
	frame.style.border = 0;
	frame.srcdoc = mail.html;
	frame.onload = () => { frame.height = frame.contentDocument.documentElement.scrollHeight; resolve(); };
	document.body.append(frame);
}))), options.mails);
await shot(['mails', options.locale, options.audience].concat(options.scheme === 'dark' ? ['dark'] : []).join('-'));
return {...found, direction: [...found.direction].join(' '), card: [...found.card].join(' ')};
END

sub look
{
	my ($locale, $audience, $scheme, @widths) = @_;
	my $mails = mails($locale, $audience);
	my $name = "$locale, $audience, $scheme";
	my $seen = $browser->run(
		$look,
		mails => $mails,
		locale => $locale,
		audience => lc $audience,
		scheme => $scheme,
		widths => \@widths,
		javascript => 1,
		seconds => 300);

	is($seen->{error}, undef, "$name: seen");
	is($seen->{value}{seen}, @$mails * @widths, 'all of them');
	is("@{ $seen->{value}{wide} }", '', 'none is wider than its window');
	is(join("\n", @{ $seen->{value}{faults} }), '', 'none has a serious fault');
	is($seen->{value}{direction}, $locale eq 'ar' ? 'rtl' : 'ltr', 'in the direction of the language');
	is($seen->{value}{card}, $scheme eq 'dark' ? 'rgb(33, 38, 44)' : 'rgb(255, 255, 255)', 'in its colours');
	is(join(' ', grep { $_ ne 'GET https://acme.example/logo.svg' } $browser->strangers($seen, '')), '', 'nothing but the logo is fetched');
	return $mails;
}

foreach my $locale (sort keys %words)
{
	my $mails = look($locale, 'CUSTOMER', 'light', 360, 640, 1280);
	is(join(' ', sort map { $_->{type} } @$mails), join(' ', sort @types), 'each type to customers');
}
foreach my $locale ('ar', 'en')
{
	look($locale, 'CUSTOMER', 'dark', 360, 1280);
	look($locale, 'USER', 'light', 360);
}
look('en', 'USER', 'dark', 360);

$browser->stop;
$node->stop;
done_testing();
