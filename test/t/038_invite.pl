# Invitations: from the appointment to what the customer's calendar makes of the mails. Python's email package reads them,
# icalendar the files in them, and a calendar that follows RFC 5546 keeps what they ask for.

use strict;
use warnings;

use utf8;
use Encode qw(encode_utf8);
use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use File::Temp;
use JSON::PP;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "appt.request_timeout = '10min'");
$node->query('CREATE EXTENSION appt_test');

# Reads mails, one JSON string a line, in the order in which they came.
my $reader = File::Temp->new;
print $reader encode_utf8(<<'PYTHON');
import email.policy, json, sys
import icalendar

calendars = {}

def tree(part):
    if part.is_multipart():
        return "%s(%s)" % (part.get_content_subtype(), " ".join(tree(p) for p in part.iter_parts()))
    return part.get_content_subtype()

def octets(part):
    return part.get_payload(decode=True)

# RFC 5546, 2.1.5: an older version than the stored one is ignored.
def take_over(method, event, attendee):
    calendar = calendars.setdefault(attendee, {})
    version = (event["SEQUENCE"], event["DTSTAMP"].dt)
    entry = calendar.get(event["UID"])
    if entry is None or entry["version"] <= version:
        calendar[event["UID"]] = {"version": version, "shown": None if method == "CANCEL" else
            [event["DTSTART"].dt.timestamp(), event["DTEND"].dt.timestamp(), str(event["SUMMARY"]), str(event.get("LOCATION", ""))]}
    return [e["shown"] for e in calendar.values() if e["shown"]]

def read(raw):
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    mailbox = mail["to"].addresses[0].addr_spec
    found = {"to": mailbox, "id": mail["message-id"], "references": mail["references"], "feedback": mail["feedback-id"],
        "subject": mail["subject"], "tree": tree(mail),
        "defects": [str(d) for p in mail.walk() for d in p.defects] + [str(d) for h in mail.values() for d in h.defects],
        "longest": max(len(line) for line in raw.split(b"\r\n")), "text": mail.get_body(("plain",)).get_content()}
    parts = [p for p in mail.walk() if p.get_content_type() == "text/calendar"]
    attachments = list(mail.iter_attachments()) if mail.get_content_subtype() == "mixed" else []
    if not parts:
        return found
    found["type"] = [parts[0].get_content_charset(), parts[0]["content-type"].params["method"], parts[0].get_content_disposition()]
    found["attachments"] = [[a.get_content_type(), a.get_filename(), a.get_content_disposition()] for a in attachments]
    found["same"] = all(octets(a) == octets(parts[0]) for a in attachments)
    calendar = icalendar.Calendar.from_ical(octets(parts[0]))
    events = calendar.walk("VEVENT")
    event = events[0]
    attendees = event.get("ATTENDEE", [])
    attendees = attendees if isinstance(attendees, list) else [attendees]
    found["calendar"] = {"method": str(calendar["METHOD"]), "events": len(events), "uid": str(event["UID"]), "sequence": int(event["SEQUENCE"]),
        "stamp": event["DTSTAMP"].dt.timestamp(), "status": str(event.get("STATUS", "")), "url": str(event.get("URL", "")), "errors": [str(e) for e in event.errors],
        "names": sorted(set(event.keys())), "organizer": [str(event["ORGANIZER"]), dict(event["ORGANIZER"].params)],
        "alarms": [str(a["TRIGGER"].to_ical().decode()) for a in calendar.walk("VALARM")],
        "attendees": [[str(a), dict(a.params)] for a in attendees], "raw": octets(parts[0]).decode()}
    found["kept"] = take_over(found["calendar"]["method"], event, mailbox)
    return found

print(json.dumps([read(json.loads(line).encode("latin-1")) for line in sys.stdin]))
PYTHON
close $reader;

# All mails so far, as they were read.
sub mails
{
	my ($peer, $count) = @_;
	my $file = File::Temp->new;

	$peer->wait_for($count);
	print $file JSON::PP->new->ascii->allow_nonref->encode($_->{message}), "\n" foreach $peer->entries;
	close $file;
	my $output = `/usr/bin/python3 $reader < $file`;
	my $mails = eval { JSON::PP->new->utf8->decode($output) } or BAIL_OUT("not read: $output");
	is(join('; ', map { @{ $_->{defects} }, @{ $_->{calendar}{errors} // [] } } @$mails), '', 'no defects');
	is(scalar(grep { $_->{longest} > 78 } @$mails), 0, 'no long lines');
	is(scalar @$mails, $count, "$count mails");
	return @$mails;
}

sub last_mail { return (mails(@_))[-1]; }

# The same files for two programs of another origin: what ical.js and node-ical each find in them.
my $other_reader = File::Temp->new;
print $other_reader <<'JAVASCRIPT';
const ICAL = require('ical.js'), ical = require('node-ical');
const files = JSON.parse(require('fs').readFileSync(0));
console.log(JSON.stringify(files.map((text) => {
	const calendar = new ICAL.Component(ICAL.parse(text));
	const component = calendar.getFirstSubcomponent('vevent');
	const event = new ICAL.Event(component);
	const other = Object.values(ical.sync.parseICS(text)).filter((part) => part.type === 'VEVENT');
	return [
		[calendar.getFirstPropertyValue('method'), event.uid, event.summary, event.location || '', event.startDate.toUnixTime(),
			component.getAllSubcomponents('valarm').map((alarm) => alarm.getFirstPropertyValue('trigger').toSeconds()).join(' ')],
		[other[0].method, other[0].uid, other[0].summary.val || other[0].summary, other[0].location || '', other[0].start.getTime() / 1000,
			(other[0].alarms || []).map((alarm) => 60 * ['M', 'H', 'D'].reduce((sum, unit, i) =>
				sum + [1, 60, 1440][i] * Number((alarm.trigger.match(new RegExp('(\\d+)' + unit)) || [0, 0])[1]), 0) * -1).join(' ')],
	];
})));
JAVASCRIPT
close $other_reader;
local $ENV{NODE_PATH} = "$ENV{REPOSITORY}/build/node_modules";

sub all_read_the_same
{
	my ($mails, $name) = @_;
	my $file = File::Temp->new;

	print $file JSON::PP->new->ascii->encode([ map { $_->{calendar}{raw} } @$mails ]);
	close $file;
	my $read = eval { JSON::PP->new->utf8->decode(scalar `node $other_reader < $file`) } or return fail("$name: $@");
	return is_deeply([ map { $_->[0] } @$read ], [ map { $_->[1] } @$read ], $name) && is(scalar @$read, scalar @$mails, 'all of them');
}

# The expected entry of an appointment, in the reader's format.
sub entry
{
	my ($tenant, $id) = @_;
	my ($start, $end, $title, $url) = split /\|/, $tenant->query(
		"SELECT extract(epoch FROM date_trunc('second', start_at))::bigint, extract(epoch FROM date_trunc('second', end_at))::bigint,
			title, coalesce(a.location, url)
		FROM appt.appointment a LEFT JOIN appt.room_access r ON r.appointment_id = a.id WHERE a.id = '$id'"),
		-1;
	return [ $start, $end, $title, $url ];
}

# METHOD, STATUS and SEQUENCE of the file that everybody can fetch, and what the mail's file says.
sub published
{
	my ($tenant, $id) = @_;
	my $file = $tenant->query("SELECT appt.ical_text('$id')");
	my ($method, $sequence) = ($file =~ /^METHOD:(\w+)/m, $file =~ /^SEQUENCE:(\d+)/m);

	return "$method $sequence " . ($file =~ /^UID:(\S+)\r/m)[0];
}

sub told
{
	my ($mail) = @_;

	return join ' ', map { $mail->{calendar}{$_} } qw(method sequence uid);
}

sub tenant
{
	my ($peer, $settings, %arguments) = @_;
	my $tenant = Appt::Tenant->create($node, room_url => 'https://meet.example/', %arguments);

	$tenant->query("DELETE FROM appt.rule WHERE application_id = '@{[ $tenant->application ]}'");
	$tenant->rule($_, 'EMAIL') foreach qw(CREATE RESCHEDULE CANCELLED FOLLOW_UP);
	$tenant->query(
		sprintf "SELECT appt.set_provider('%s', 'EMAIL', 'SMTP', '%s', sender => 'The Clinic <clinic\@example.com>', settings => '%s')",
		$tenant->application, $peer->url, $settings // '{}');
	return $tenant;
}

# From the first mail to the last.
{
	my $peer = Appt::Peers->smtp;
	my $tenant = tenant($peer, undef, timezone => 'Europe/Athens');
	my $id = $tenant->query(
		"SELECT id FROM appt.schedule_appointment('@{[ $tenant->application ]}', now() + interval '2 days', '30 minutes',
		'{\"name\": {\"firstName\": \"Ann\", \"lastName\": \"Lee\"}, \"contact\": {\"primaryEmail\": \"ann\@example.org\", \"primaryPhone\": \"+30690MARK\"}, \"username\": \"MARK\", \"metadata\": {\"MARK\": \"MARK\"}}',
		organizer_id => 'MARK', title => 'A test', notes => 'MARK', location => 'Main Street 1', metadata => '{\"MARK\": \"MARK\"}')");
	my $mail = last_mail($peer, 1);
	my $calendar = $mail->{calendar};

	is($mail->{tree}, 'mixed(alternative(plain html calendar) ics)', 'the calendar file is the last alternative and an attachment');
	is_deeply($mail->{type}, [ 'utf-8', 'REQUEST', undef ], 'its type names charset and method, and it has no disposition');
	is_deeply($mail->{attachments}, [ [ 'application/ics', 'invite.ics', 'attachment' ] ], 'the attachment is invite.ics');
	ok($mail->{same}, 'and the same file');
	is(told($mail), "REQUEST 0 $id", 'CREATE invites');
	is(published($tenant, $id), "PUBLISH 0 $id", 'to the event that is published');
	is($calendar->{status}, 'CONFIRMED', 'confirmed');
	like($calendar->{raw}, qr{^PRODID:-//appt//appt \d+\.\d+//EN\r$}m, 'by a version of appt');
	is_deeply($calendar->{alarms}, [], 'without a rule of reminders the calendar reminds nobody');
	is_deeply($calendar->{organizer}, [ 'mailto:clinic@example.com', { CN => 'The Clinic' } ], 'by the sender');
	is_deeply(
		$calendar->{attendees},
		[ [ 'mailto:ann@example.org', { CN => 'Ann Lee', ROLE => 'REQ-PARTICIPANT', PARTSTAT => 'NEEDS-ACTION', RSVP => 'FALSE' } ] ],
		'the recipient, who is asked for no answer');
	is( "@{ $calendar->{names} }",
		'ATTENDEE DESCRIPTION DTEND DTSTAMP DTSTART LAST-MODIFIED LOCATION ORGANIZER SEQUENCE STATUS SUMMARY UID URL',
		'nothing else is told');
	unlike($calendar->{raw}, qr/MARK/, 'nothing of notes, metadata and others');
	is_deeply($mail->{kept}, [ entry($tenant, $id) ], 'the calendar shows it');
	like($calendar->{url}, qr{^https://meet\.example/}, 'its place is the place, its link the link');

	$tenant->query("SELECT appt.reschedule_appointment('$id', now() + interval '3 days', '1 hour')");
	$mail = last_mail($peer, 2);
	is(told($mail), "REQUEST 1 $id", 'RESCHEDULE invites to a later version');
	is(published($tenant, $id), "PUBLISH 1 $id", 'that is published');
	is_deeply($mail->{kept}, [ entry($tenant, $id) ], 'the calendar has moved it');

	$tenant->query("SELECT appt.update_appointment('$id', title => 'Another title')");
	$tenant->query("SELECT appt.reschedule_appointment('$id', now() + interval '4 days', NULL, timezone => 'America/St_Johns')");
	$mail = last_mail($peer, 3);
	is(told($mail), "REQUEST 3 $id", 'a change that nobody was told of counts, too');
	is_deeply($mail->{kept}, [ entry($tenant, $id) ], 'the calendar has its title');

	$tenant->query("SELECT appt.cancel_appointment('$id')");
	$mail = last_mail($peer, 4);
	is(told($mail) . " $mail->{calendar}{status}", "CANCEL 4 $id CANCELLED", 'CANCELLED cancels');
	is(published($tenant, $id), "CANCEL 4 $id", 'as is published');
	is_deeply($mail->{type}, [ 'utf-8', 'CANCEL', undef ], 'so does the type');
	is($mail->{tree}, 'mixed(alternative(plain html calendar) ics)', 'in a mail like the others');
	is_deeply($mail->{kept}, [], 'the calendar is empty');
	my @mails = mails($peer, 4);
	is(scalar(keys %{ { map { $_->{calendar}{uid} => 1 } @mails } }), 1, 'all of one UID');
	is_deeply([ map { $_->{references} } @mails ], [ ("<$id\@example.com>") x 4 ], 'all of one thread');
	is(scalar(grep { $_->{id} eq $mails[0]{references} } @mails), 0, 'which none of them has begun');
	my ($application, $organization) = map { substr $_, 24 } $tenant->application,
		$tenant->query("SELECT organization_id FROM appt.application WHERE id = '@{[ $tenant->application ]}'");
	all_read_the_same(\@mails, 'other programs read the same');
	is_deeply(
		[ map { $_->{feedback} } @mails ],
		[ map { "$_:$application:appt:$organization" } qw(CREATE RESCHEDULE RESCHEDULE CANCELLED) ],
		'complaints are counted by type, application and organization');
}

# Alarms where rules remind, a question where the rule's buttons ask; as all programs read them.
{
	my $peer = Appt::Peers->smtp;
	my $tenant = tenant($peer, undef, timezone => 'Europe/Athens');
	my $rule = "UPDATE appt.rule SET %s WHERE application_id = '@{[ $tenant->application ]}' AND type = '%s'";

	$tenant->rule('REMINDER', 'EMAIL', $_) foreach '1 day', '90 minutes', '30 days';
	$tenant->rule('REMINDER', 'SMS', $_) foreach '90 minutes', '45 seconds';
	$tenant->rule('REMINDER', 'WEBHOOK', '2 hours');
	$tenant->query(sprintf $rule, "enabled = false", "REMINDER' AND time_offset = '45 seconds");
	$tenant->query(sprintf $rule, "buttons = '{ACCEPT,DECLINE}'", 'CREATE');
	my $id = $tenant->schedule(start_at => "now() + interval '3 days'");
	my $calendar = last_mail($peer, 1)->{calendar};
	is("@{ $calendar->{alarms} }", '-PT1H30M -P1D', 'calendars remind when rules do, but of what is past not');
	is($calendar->{attendees}[0][1]{RSVP}, 'TRUE', 'who is asked is asked by the calendar, too');
	$tenant->query("SELECT appt.reschedule_appointment('$id', now() + interval '50 days', NULL)");
	$calendar = last_mail($peer, 2)->{calendar};
	is("@{ $calendar->{alarms} }", '-PT1H30M -P1D -P30D', 'the same for another time');
	is($calendar->{attendees}[0][1]{RSVP}, 'FALSE', 'a rule without such buttons asks nothing');
	$tenant->query("SELECT appt.cancel_appointment('$id')");
	my @mails = mails($peer, 3);
	is("@{ $mails[2]{calendar}{alarms} }", '', 'what is cancelled reminds nobody');
	all_read_the_same(\@mails, 'ical.js and node-ical read the same');
}

# Deleted: the version after the last, of a row that is gone.
{
	my $peer = Appt::Peers->smtp;
	my $tenant = tenant($peer);
	my $id = $tenant->schedule;

	$tenant->query("SELECT appt.update_appointment('$id', title => 'Moved on')");
	$tenant->query("SELECT appt.delete_appointment('$id')");
	my @mails = mails($peer, 2);
	is(told($mails[1]) . " $mails[1]{calendar}{status}", "CANCEL 2 $id CANCELLED", 'a deleted appointment is cancelled');
	is_deeply($mails[1]{kept}, [], 'the calendar is empty');

	# Cancelling has counted already when the row goes before the mail.
	my $other = $tenant->schedule;
	mails($peer, 3);
	$tenant->query("BEGIN; SELECT appt.cancel_appointment('$other'); SELECT appt.delete_appointment('$other'); COMMIT");
	is(told(last_mail($peer, 4)), "CANCEL 1 $other", 'cancelled, then deleted');
}

# One customer of two is removed, and invited again.
{
	my $peer = Appt::Peers->smtp;
	my $tenant = tenant($peer);
	my $id = $tenant->schedule;
	my $bob = '{"name": {"firstName": "Bob"}, "contact": {"primaryEmail": "bob@example.org"}}';

	$tenant->query("SELECT appt.add_customer('$id', '$bob')");
	my @mails = mails($peer, 2);
	is_deeply(
		[ map { $_->{calendar}{attendees}[0][0] } @mails ],
		[ 'mailto:ann@example.org', 'mailto:bob@example.org' ],
		'each is told of no other');

	my $remove =
		"SELECT appt.remove_participant('$id', id) FROM appt.participant WHERE appointment_id = '$id' AND email = 'bob\@example.org'";
	$tenant->query($remove);
	my $mail = last_mail($peer, 3);
	is( "$mail->{to} " . told($mail) . " $mail->{calendar}{status}",
		"bob\@example.org CANCEL 1 $id ",
		'one removed strikes it out, though it is not cancelled');
	is_deeply($mail->{kept}, [], 'his calendar is empty');
	is(published($tenant, $id), "PUBLISH 1 $id", 'it goes on');

	$tenant->query("SELECT appt.add_customer('$id', '$bob')");
	$mail = last_mail($peer, 4);
	is("$mail->{to} " . told($mail), "bob\@example.org REQUEST 1 $id", 'invited again');
	is_deeply($mail->{kept}, [ entry($tenant, $id) ], 'his calendar shows it again');

	# A customer removed from an appointment that is deleted before the mail is sent.
	$tenant->query("BEGIN; $remove; SELECT appt.delete_appointment('$id'); COMMIT");
	@mails = (mails($peer, 6))[ 4, 5 ];
	is( join(', ', sort map { "$_->{to} " . told($_) . " $_->{calendar}{status}" } @mails),
		"ann\@example.org CANCEL 3 $id CANCELLED, bob\@example.org CANCEL 3 $id CANCELLED",
		'both hear that it is off');
}

# Not activated yet: the link comes with ROOM. No other type has an invitation.
{
	my $peer = Appt::Peers->smtp;
	my $tenant = tenant($peer, undef, auto_activate => 'false');
	$tenant->rule('ROOM', 'EMAIL', '2 days');
	$tenant->rule('REMINDER', 'EMAIL', '1 hour');
	my $id = $tenant->schedule(start_at => "now() + interval '2 days 2 seconds'");
	my $mail = last_mail($peer, 1);

	is_deeply([ @{ $mail->{kept}[0] }[ 2, 3 ], $mail->{calendar}{url} ], [ 'A test', '', '' ], 'an event without a link');
	$tenant->query("SELECT appt.activate_appointment('$id')");
	$mail = last_mail($peer, 2);
	is(told($mail), "REQUEST 0 $id", 'ROOM invites to the same version');
	like($mail->{calendar}{url}, qr{^https://meet\.example/[-\w]+$}, 'with its link');
	is_deeply($mail->{kept}, [ entry($tenant, $id) ], 'which the calendar takes over');

	my $soon = $tenant->schedule(start_at => "now() + interval '1 hour 2 seconds'");
	($mail) = grep { $_->{subject} =~ /reminder/i } mails($peer, 4);
	ok($mail, 'a reminder');
	is($mail->{tree}, 'alternative(plain html)', 'has no calendar file');
	$tenant->query(
		"SELECT appt.activate_appointment('$soon'); SELECT appt.record_join('$soon', id) FROM appt.participant
			WHERE appointment_id = '$soon' AND type = 'CUSTOMER';
		SELECT appt.end_appointment('$soon')");
	$mail = last_mail($peer, 5);
	is($mail->{tree}, 'alternative(plain html)', 'nor has a follow-up');
}

# The provider says whether there are any.
{
	my $peer = Appt::Peers->smtp;
	my $tenant = tenant($peer, '{"invite": false, "reply_to": "Desk <desk@example.com>", "list_unsubscribe": "mailto:leave@example.com"}');
	my $id = $tenant->schedule;

	is(last_mail($peer, 1)->{tree}, 'alternative(plain html)', 'invitations are switched off');
	my ($entry) = $peer->entries;
	like($entry->{message}, qr/^Reply-To: Desk <desk\@example\.com>\r\n/m, 'Reply-To');
	like($entry->{message}, qr/^List-Unsubscribe: <mailto:leave\@example\.com>\r\n/m, 'List-Unsubscribe');
	$tenant->query(
		"UPDATE appt.provider SET settings = settings || '{\"invite\": true}' WHERE application_id = '@{[ $tenant->application ]}'");
	$tenant->query("SELECT appt.cancel_appointment('$id')");
	is(last_mail($peer, 2)->{tree}, 'mixed(alternative(plain html calendar) ics)', 'and on, with effect on the next mail');

	$tenant->query(
		"INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body)
			VALUES ('@{[ $tenant->application ]}', 'CREATE', 'EMAIL', 'en', 'Hi', 'text')"
	);
	my $late = $tenant->schedule(start_at => "'3001-01-01'");
	is(last_mail($peer, 3)->{tree}, 'alternative(plain html)', 'what calendars cannot hold goes without');
	$tenant->schedule;
	is(last_mail($peer, 4)->{tree}, 'mixed(alternative(plain html calendar) ics)', 'a template of text alone has HTML and a calendar file');
}

# Interrupted: the stored text is sent again with the same Message-ID, but with a file of the current data.
{
	my $peer = Appt::Peers->smtp('--reply', 'hang', '--at', 'MESSAGE', '--times', 1);
	my $tenant = tenant($peer);
	my ($worker) = $node->wait_for_workers;
	my $id = $tenant->schedule;

	$peer->wait_for(1);
	$tenant->query("DELETE FROM appt.rule WHERE application_id = '@{[ $tenant->application ]}' AND type = 'RESCHEDULE'");
	$tenant->query("SELECT appt.reschedule_appointment('$id', now() + interval '9 days', NULL)");
	$node->kill_processes($worker);
	my @mails = mails($peer, 2);
	is($mails[1]{id}, $mails[0]{id}, 'an interrupted mail goes again');
	is($mails[1]{text}, $mails[0]{text}, 'with the words that may have arrived');
	is(join(', ', map { told($_) } @mails), "REQUEST 0 $id, REQUEST 1 $id", 'the file is a later version');
	is_deeply($mails[1]{kept}, [ entry($tenant, $id) ], 'so the calendar is right');
	ok($tenant->settled, 'settled');
}

# Names and addresses of all sorts, each as another library reads it.
{
	my $peer = Appt::Peers->smtp;
	my $tenant = tenant($peer);
	my $count = 0;

	foreach my $case (
		[ 'Ann', 'ann@example.org', 'Ann' ],
		[ 'Lee, Ann: the 1st; "Boss"', 'a+b@example.org', q(Lee, Ann: the 1st; 'Boss') ],
		[ '日本 ' x 30, 'x@例え.テスト', '日本 ' x 29 . '日本', 'x@xn--r8jz45g.xn--zckzah' ],
		[ "a\r\nATTENDEE:mailto:x\@y.example", 'b@example.org', 'a ATTENDEE:mailto:x@y.example' ],
		[ "\x{1F600}", "o'neil/x=y&z\@example.org", "\x{1F600}" ],
		[ "back\\slash", 'per%cent?q#f`g{h|i}j^k@example.org', 'back\\slash', 'per%25cent%3Fq%23f%60g%7Bh%7Ci%7Dj%5Ek@example.org' ],
		[ '', 'nobody@example.org', undef ])
	{
		my ($name, $address, $shown, $written) = @$case;
		my $customer =
			JSON::PP->new->ascii->encode({ name => { firstName => $name }, contact => { primaryEmail => $address } }) =~ s/'/''/gr;

		$tenant->query(
			"SELECT appt.schedule_appointment('@{[ $tenant->application ]}', now() + interval '2 days', '30 minutes', '$customer',
				organizer_id => 'a', title => 'A test')"
		);
		my $calendar = last_mail($peer, ++$count)->{calendar};
		my ($uri, $parameters) = @{ $calendar->{attendees}[0] };
		is(scalar @{ $calendar->{attendees} }, 1, 'one attendee');
		is($uri, 'mailto:' . ($written // $address), 'address: ' . encode_utf8($address));
		is($parameters->{CN}, $shown, 'name: ' . encode_utf8($name =~ s/\s+/ /gr));
	}

	$tenant->query(
		encode_utf8(
			sprintf q(SELECT appt.set_provider('%s', 'EMAIL', 'SMTP', '%s', sender => '"Käse, \"& Co\"" <post@bücher.example>')),
			$tenant->application, $peer->url));
	$tenant->schedule;
	is_deeply(
		last_mail($peer, ++$count)->{calendar}{organizer},
		[ 'mailto:post@xn--bcher-kva.example', { CN => q(Käse, '& Co') } ],
		'an organizer of that kind');
	$tenant->query(sprintf q(SELECT appt.set_provider('%s', 'EMAIL', 'SMTP', '%s', sender => 'bare@example.com')),
		$tenant->application, $peer->url);
	$tenant->schedule;
	is_deeply(last_mail($peer, ++$count)->{calendar}{organizer}, [ 'mailto:bare@example.com', {} ], 'an organizer without a name');
}

# Databases whose text is not UTF-8.
foreach my $encoding (qw(LATIN1 SQL_ASCII))
{
	my $database = lc $encoding;
	$node->query("CREATE DATABASE $database TEMPLATE template0 ENCODING $encoding LOCALE 'C'");
	$node->query("ALTER DATABASE $database SET client_encoding = 'UTF8'");
	$node->install_appt($database);
	$node->query('CREATE EXTENSION appt_test', $database);
	my $tenant = Appt::Tenant->create($node, database => $database);
	$node->query('ALTER SYSTEM SET appt.enabled = off');
	$tenant->query('SELECT pg_reload_conf()');
	$tenant->query(
		encode_utf8(
			"SELECT appt.set_provider('@{[ $tenant->application ]}', 'EMAIL', 'SMTP', 'smtp://127.0.0.1:1',
				sender => 'Käse <post\@bücher.example>')"
		));
	my $id = $tenant->schedule;
	$tenant->query(
		encode_utf8(
			"UPDATE appt.participant SET first_name = 'Änn', email = 'ann\@bücher.example'; UPDATE appt.appointment SET title = 'Prüfung'")
	);
	my $invite =
		"SELECT encode(calendar, 'hex') FROM appt.notification n, appt_test.invite(n.id) WHERE type = 'CREATE' AND channel = 'EMAIL'";
	my $file = pack 'H*', $tenant->query($invite);

	foreach my $expected ('SUMMARY:Prüfung', 'ORGANIZER;CN=Käse:mailto:post@xn--bcher-kva.example', 'CN=Änn')
	{
		like($file =~ s/\r\n //gr, qr/\Q@{[ encode_utf8($expected) ]}/, "$encoding: " . encode_utf8($expected));
	}
	next if $encoding ne 'SQL_ASCII';
	$tenant->query("UPDATE appt.appointment SET title = E'Pr\\xfcfung'");
	is($tenant->query($invite), '', 'octets that are no text are in no calendar');
	is( $tenant->query(
			"SELECT (appt_test.composed(id))[3] IS NOT NULL FROM appt.notification WHERE type = 'CREATE' AND channel = 'EMAIL'"),
		't',
		'and no error');
}

$node->stop;
done_testing();
