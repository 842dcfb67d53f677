# From the button in an email to the answer, in a browser: with and without scripts, narrow and wide, light and dark, from right
# to left, by keyboard alone. Nothing leaves the page's own origin.

use strict;
use warnings;

use Appt::Browser;
use Appt::Cluster;
use Appt::Peers;
use Appt::Rest;
use MIME::Base64 qw(decode_base64);
use MIME::QuotedPrint qw(decode_qp);
use Test::More;

my $node = Appt::Cluster->create('main');
my $rest = Appt::Rest->serve($node);
my $mail = Appt::Peers->smtp;
my $browser = Appt::Browser->start;
my $origin = $rest->url;

# A blue square.
my $image = '89504e470d0a1a0a0000000d4948445200000001000000010806000000'
	. '1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082';
my $organization = $node->query("SELECT appt.create_organization('Acme')");
my $application = $node->query("SELECT appt.create_application('$organization', 'Acme Bank', timezone => 'Europe/Athens')");
$node->query(
	"UPDATE appt.application SET public_url = '$origin', sender_image = '\\x$image',
	contact = '{\"name\": \"Customer care\", \"phone\": \"+302101234567\",
		\"email\": \"care\@acme.example\", \"url\": \"https://acme.example\"}'
	WHERE id = '$application'");
$node->query(
	"SELECT appt.set_provider('$application', 'EMAIL', 'SMTP', '" . $mail->url . "', sender => 'Acme Bank <hello\@acme.example>')");
$node->query(
	"INSERT INTO appt.user_profile (application_id, id, name, channels) VALUES ('$application', 'agent', 'Olga Adviser', '{IN_APP}')");
my $template = $node->query(
	"SELECT appt.create_meeting_template('$application', 'Mortgage', meeting_type => 'VIDEO', video_platform => 'Zoom',
	title => 'Mortgage advice {{status}}')");
$node->query(
	"UPDATE appt.rule SET sending = 'AUTOMATIC', channel = 'EMAIL', buttons = '{ACCEPT,DECLINE,RESCHEDULE,VIEW_DETAILS}', ask_reason = true
	WHERE meeting_template_id = '$template' AND type = 'CREATE'");

my $booked = 0;

# Book, wait for the email and read its links: {page, accept, decline, reschedule, unsubscribe, id}.
sub links
{
	my (%of) = @_;
	my $locale = $of{locale} ? qq(, "locale": "$of{locale}") : '';
	my $name = $of{name} // 'Bobby';
	my $id = $node->query(
		"SELECT id FROM appt.schedule_appointment('$application', '2030-12-03 10:00+02', '45 minutes',
			'{\"name\": {\"firstName\": \"$name\", \"lastName\": \"Brown\"}, \"contact\": {\"primaryEmail\": \"bobby\@example.org\"}$locale}',
			organizer_id => 'agent', location => 'Main Street 1, Athens', meeting_template_id => '$template')");
	my $raw = ($mail->wait_for(++$booked))[-1]{message};
	my %links = (id => $id);

	foreach my $part (split /^--/m, $raw)
	{
		my ($body) = $part =~ /\r?\n\r?\n(.*)/s or next;
		$body = decode_base64($body) if $part =~ /^Content-Transfer-Encoding: base64/mi;
		$body = decode_qp($body) if $part =~ /^Content-Transfer-Encoding: quoted-printable/mi;
		while ($body =~ m{(\Q$origin\E/rpc/landing_page\?token=[\w-]{38})(?:&(?:amp;)?action=(\w+))?}g)
		{
			$links{ $2 // 'page' } = $1 . ($2 ? "&action=$2" : '');
		}
	}
	return \%links;
}

sub answers
{
	my ($id) = @_;

	return $node->query(
		"SELECT coalesce(string_agg(concat_ws(' ', action, source, reason), ', ' ORDER BY id), 'none') FROM appt.response
		WHERE appointment_id = '$id'");
}

# Run a script on a page; whatever it does, it must stay with its origin, and no part of the page may be refused by its policy.
sub visit
{
	my ($name, $url, $script, %options) = @_;
	my $seen = $browser->run($script, url => $url, %options);

	is($seen->{error}, undef, "$name: the script ends");
	is(join(', ', $browser->strangers($seen, $origin)), '', "$name: no request leaves the page's origin");
	is(join("\n", grep { !/status of 4\d\d/ } @{ $seen->{messages} }), '', "$name: no part of the page is refused");
	return $seen->{value};
}

subtest 'from the email to the answer' => sub {
	foreach my $javascript (1, 0)
	{
		foreach my $width (360, 1280)
		{
			foreach my $scheme ('light', 'dark')
			{
				my $name = "$width-$scheme" . ($javascript ? '' : '-plain');
				my $links = links();
				my $value =
					visit($name, $links->{accept}, <<'END', name => $name, width => $width, scheme => $scheme, javascript => $javascript);
					const found = {};
					found.asks = await page.textContent('main');
					await shot('landing-ask-' + options.name);
					if (options.javascript) found.axe_ask = await axe();
					found.wide = options.javascript ? await overflow() : false;
					await page.click('button');
					await page.waitForSelector('[role=status]');
					found.said = await page.textContent('main');
					await shot('landing-said-' + options.name);
					if (options.javascript) found.axe_said = await axe();
					found.wide = found.wide || (options.javascript ? await overflow() : false);
					return found;
END
				like($value->{asks}, qr/Do you accept this appointment\?/, "$name: the button asks");
				like(
					$value->{asks},
					qr/Mortgage advice.*10:00.*10:45.*45 min.*Main Street 1.*Olga Adviser.*By video.*Zoom/s,
					"$name: with the details");
				unlike($value->{asks}, qr/Confirmed|Booked|NEW/, "$name: and no state");
				like($value->{said}, qr/Your answer has been sent.*You have accepted/s, "$name: the answer is confirmed");
				is(join("\n", @{ $value->{axe_ask} // [] }, @{ $value->{axe_said} // [] }), '', "$name: axe finds nothing serious");
				ok(!$value->{wide}, "$name: nothing is wider than the window");
				is(answers($links->{id}), 'ACCEPT EMAIL', "$name: one answer");
			}
		}
	}
};

subtest 'the page itself' => sub {
	my $links = links();
	my $value = visit('page', $links->{page}, <<'END');
		await shot('landing-page');
		const found = {text: await page.textContent('body'), axe: await axe(), title: await page.title(),
			image: await page.evaluate('document.images[0].naturalWidth'),
			hrefs: await page.evaluate('[...document.links].map((link) => link.href)')};
		return found;
END
	is(answers($links->{id}), 'none', 'reading it answers nothing');
	like($value->{text}, qr/Hello Bobby Brown.*Accept.*Decline.*Ask for another time.*Customer care/s, 'has its answers and whom to ask');
	is($value->{image}, 1, 'the image of the sender is shown');
	is("@{ $value->{axe} }", '', 'axe finds nothing serious');
	foreach my $link (
		qr{^https://calendar\.google\.com/}, qr{^https://outlook\.live\.com/},
		qr{^\Q$origin\E/rpc/ical_event\?id=$links->{id}$}, qr{^tel:\+302101234567$},
		qr{^mailto:care\@acme\.example$}, qr{^https://acme\.example/?$})
	{
		ok((grep { $_ =~ $link } @{ $value->{hrefs} }), "links to $link");
	}
	my $head = $rest->request('HEAD', $links->{accept} =~ s/^\Q$origin\E//r);
	my $get = $rest->request('GET', $links->{decline} =~ s/^\Q$origin\E//r);
	is("$get->{status} " . answers($links->{id}), '200 none', 'scanners that follow every link change nothing');
};

subtest 'another time, and a change of mind' => sub {
	my $links = links();
	my $value = visit('reschedule', $links->{reschedule}, <<'END', width => 360);
		const found = {};
		found.axe = await axe();
		await shot('landing-reschedule');
		await page.fill('#proposal', '2030-12-04T11:30');
		await page.fill('#reason', 'I am <b>away</b>');
		await page.click('.ask button');
		await page.waitForSelector('[role=status]');
		found.said = await page.textContent('main');
		await shot('landing-rescheduled');
		await page.click('text=Decline');
		await page.waitForSelector('.ask');
		found.declines = await page.textContent('.ask');
		found.axe.push(...await axe());
		await page.click('.ask button');
		await page.waitForSelector('[role=status]');
		found.end = await page.textContent('main');
		return found;
END
	like(
		$value->{said},
		qr/You have asked for another time.*December 4, 2030, 11:30.*I am <b>away<\/b>/s,
		'is said with the proposal and the reason');
	like($value->{declines}, qr/Reason/, 'who declines is asked for a reason, as the rule wants');
	like($value->{end}, qr/You have declined/, 'the last answer counts');
	is("@{ $value->{axe} }", '', 'axe finds nothing serious');
	is(answers($links->{id}), 'RESCHEDULE EMAIL I am <b>away</b>, DECLINE EMAIL', 'both are kept');
};

subtest 'a double click' => sub {
	foreach my $javascript (1, 0)
	{
		my $links = links();
		visit('double click', $links->{accept}, <<'END', javascript => $javascript);
			await page.dblclick('button', {noWaitAfter: true});
			await page.waitForSelector('[role=status]');
END
		is(answers($links->{id}), 'ACCEPT EMAIL', $javascript ? 'is one answer' : 'also without scripts');
	}
};

subtest 'by keyboard alone' => sub {
	my $links = links();
	my $value = visit('keyboard', $links->{page}, <<'END');
		const stops = [];
		for (let i = 0; i < 12; i++) {
			await page.keyboard.press('Tab');
			stops.push(await page.evaluate('(document.activeElement.textContent || "").trim()'));
			if (stops[i] === 'Accept') break;
		}
		const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
		await shot('landing-focus');
		await page.keyboard.press('Enter');
		await page.waitForSelector('[role=status]');
		return {stops, outline};
END
	is($value->{stops}[0], 'Accept', 'the first stop is the first answer');
	isnt($value->{outline}, 'none', 'the focus is seen');
	is(answers($links->{id}), 'ACCEPT EMAIL', 'Enter answers');
};

subtest 'what has changed meanwhile' => sub {
	my $links = links();
	$node->query("SELECT appt.update_appointment('$links->{id}', location => 'Harbour Road 7, Piraeus')");
	my $value = visit('changed', $links->{accept}, <<'END', width => 360);
		const found = {before: await page.textContent('main'), axe: await axe()};
		await shot('landing-changed');
		await page.click('.ask button');
		await page.waitForSelector('.answer');
		found.after = await page.textContent('main');
		return found;
END
	like($value->{before}, qr/has changed since.*Main Street 1.*Harbour Road 7/s, 'is shown, old and new');
	is("@{ $value->{axe} }", '', 'axe finds nothing serious');
	like($value->{after}, qr/You have accepted/, 'and accepted once it was seen');
	$links = links();
	my $late = visit('changed between', $links->{accept}, <<'END', headers => {}, seconds => 60, id => $links->{id});
		await page.evaluate(() => 0);
		return await page.inputValue('[name=seen]');
END
	$node->query("SELECT appt.update_appointment('$links->{id}', location => 'Elsewhere')");
	my ($token) = $links->{accept} =~ /token=([\w-]+)/;
	my $answer = $rest->request(
		'POST', '/rpc/submit_response',
		body => "token=$token&action=accept&seen=$late",
		headers => { 'Content-Type' => 'application/x-www-form-urlencoded' });
	is("$answer->{status} " . answers($links->{id}), '409 none', 'what changes between page and answer is asked again');
	$node->query("SELECT appt.cancel_appointment('$links->{id}')");
	my $over =
		visit('over', $links->{page}, q{ await shot('landing-over'); return {text: await page.textContent('main'), axe: await axe()}; });
	like($over->{text}, qr/This appointment is over/, 'once it is over');
	unlike($over->{text}, qr/Mortgage|Elsewhere|Bobby/, 'that is all that is said');
	is("@{ $over->{axe} }", '', 'axe finds nothing serious');
};

subtest 'from right to left' => sub {
	foreach my $width (360, 1280)
	{
		my $links = links(locale => 'ar', name => "\x{d9}\x{84}\x{d9}\x{8a}\x{d9}\x{84}\x{d9}\x{89}");
		my $value = visit("ar $width", $links->{page}, <<'END', width => $width, locale => 'ar');
			await shot('landing-ar-' + options.width);
			return {dir: await page.getAttribute('html', 'dir'), axe: await axe(), wide: await overflow(),
				lang: await page.getAttribute('html', 'lang')};
END
		my $has_words = $value->{lang} eq 'ar';
		is($value->{dir}, $has_words ? 'rtl' : 'ltr', 'the page has the direction of its words');
		is("@{ $value->{axe} }", '', 'axe finds nothing serious');
		ok(!$value->{wide}, 'nothing is wider than the window');
	}
};

subtest 'unsubscribing' => sub {
	my $links = links();
	my $notification =
		$node->query("SELECT id FROM appt.notification WHERE appointment_id = '$links->{id}' AND channel = 'EMAIL' AND type = 'CREATE'");
	$node->query('CREATE EXTENSION IF NOT EXISTS appt_test');
	my $token = $node->query("SELECT appt_test.link_token($notification, 1)");
	my $value = visit('unsubscribe', "$origin/rpc/landing_page?token=$token", <<'END', width => 360);
		const found = {asks: await page.textContent('main'), axe: await axe()};
		await shot('landing-unsubscribe');
		await page.click('button');
		await page.waitForSelector('text=You are unsubscribed');
		found.axe.push(...await axe());
		await shot('landing-unsubscribed');
		return found;
END
	like($value->{asks}, qr/no more messages from Acme Bank at bobby\@example\.org\?/, 'is asked');
	is("@{ $value->{axe} }", '', 'axe finds nothing serious');
	is($node->query("SELECT string_agg(reason, ', ') FROM appt.suppression WHERE application_id = '$application'"),
		'OPTED_OUT', 'and done');
};

subtest 'no such page' => sub {
	my $value = visit(
		'not found',
		"$origin/rpc/landing_page?token=nonsense",
		q{ await shot('landing-not-found'); return {text: await page.textContent('main'), axe: await axe()}; });
	like($value->{text}, qr/This link does not work/, 'is a page');
	is("@{ $value->{axe} }", '', 'axe finds nothing serious');
};

$browser->stop;
$rest->stop;
$node->stop;
done_testing();
