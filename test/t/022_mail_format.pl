# Mails as another library reads them: Python's email package parses what appt composed.

use strict;
use warnings;

use utf8;
use Encode qw(encode_utf8);
use Appt::Cluster;
use File::Temp;
use JSON::PP;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0);
$node->query('CREATE EXTENSION appt_test');

my $parser = File::Temp->new;
print $parser <<'PYTHON';
import email.header, email.policy, email.utils, json, sys
raw = bytes.fromhex(sys.stdin.read().strip())
m = email.message_from_bytes(raw, policy=email.policy.default)
defects = [str(d) for d in m.defects] + [str(d) for h in m.values() for d in h.defects] + [str(d) for p in m.walk() for d in p.defects]
parts = [[p.get_content_type(), p.get_content_charset(),
	p["content-transfer-encoding"], p.get_content().replace("\r\n", "\n")] for p in m.walk() if not p.is_multipart()]
# The newer parser keeps the blanks between the encoded words of a name; the older one follows RFC 2047.
old = email.message_from_bytes(raw)
def box(h):
    if not old[h]: return None
    name, address = email.utils.parseaddr(old[h].replace("\r\n", ""))
    return [[str(email.header.make_header(email.header.decode_header(name))), address]]
print(json.dumps({"from": box("from"), "to": box("to"), "reply_to": box("reply-to"), "subject": m["subject"], "parts": parts, "type": m.get_content_type(),
    "date": m["date"].datetime.isoformat(), "id": m["message-id"], "unsubscribe": m["list-unsubscribe"], "auto": m["auto-submitted"], "mime": m["mime-version"],
    "defects": defects, "longest": max(len(l) for l in raw.split(b"\r\n")), "ascii": raw.isascii(), "bare": raw.replace(b"\r\n", b"").count(b"\n") + raw.replace(b"\r\n", b"").count(b"\r"),
    "names": [n.lower() for n in m.keys()]}))
PYTHON
close $parser;

my $json = JSON::PP->new->utf8->canonical;

sub composed
{
	my (%more) = @_;
	my %message = (
		channel => 'EMAIL',
		url => 'smtp://mail.example.com',
		sender => 'clinic@example.com',
		recipient => 'ann@example.org',
		subject => 'Hi',
		text => 'text',
		%more);
	my $given = $json->encode(\%message) =~ s/'/''/gr;
	return $node->query("SELECT coalesce(encode(body, 'hex'), reason || ': ' || error) FROM appt_test.compose('$given')");
}

sub parsed
{
	my $hex = composed(@_);
	my $file = File::Temp->new;
	print $file $hex;
	close $file;
	my $output = `/usr/bin/python3 $parser < $file`;
	my $mail = eval { JSON::PP->new->utf8->decode($output) } or BAIL_OUT("not parsed: $hex");
	is(join(', ', @{ $mail->{defects} }), '', 'no defects');
	cmp_ok($mail->{longest}, '<=', 78, 'no line is longer than 78');
	ok($mail->{ascii}, 'it is ASCII');
	is($mail->{bare}, 0, 'every line ends with CR LF');
	return $mail;
}

my $mail = parsed(
	sender => 'Clinic <clinic@example.com>',
	recipient_name => 'Ann Lee',
	html => '<p>text</p>',
	settings => { reply_to => 'Desk <desk@example.com>', list_unsubscribe => 'https://example.com/leave?a=b' });
is_deeply($mail->{from}, [ [ 'Clinic', 'clinic@example.com' ] ], 'From');
is_deeply($mail->{to}, [ [ 'Ann Lee', 'ann@example.org' ] ], 'To');
is_deeply($mail->{reply_to}, [ [ 'Desk', 'desk@example.com' ] ], 'Reply-To');
is($mail->{date}, '2026-11-23T09:08:07+00:00', 'Date');
is($mail->{id}, '<11111111-2222-3333-4444-555555555555@example.com>', 'Message-ID');
is($mail->{unsubscribe}, '<https://example.com/leave?a=b>', 'List-Unsubscribe');
is("$mail->{auto} $mail->{mime}", 'auto-generated 1.0', 'Auto-Submitted, MIME-Version');
is($mail->{type}, 'multipart/alternative', 'text and HTML are alternatives');
is_deeply(
	[ map { "$_->[0] $_->[1] $_->[3]" } @{ $mail->{parts} } ],
	[ "text/plain utf-8 text\n", "text/html utf-8 <p>text</p>\n" ],
	'HTML comes last');
is(parsed()->{type}, 'text/plain', 'text alone');

# Subjects and names arrive unchanged.
foreach my $text (
	'Hi',
	'Termin um 9 Uhr — Prüfung',
	'Ραντεβού με τον γιατρό σας την Δευτέρα στις 10:30, παρακαλούμε επιβεβαιώστε',
	'診察のご予約確認のお知らせ' x 5,
	"\x{1F600}" x 40,
	'a long subject of plain words that does not fit into one line and must be folded at one of its blanks, twice if need be, and then some',
	'x' x 300,
	'=?UTF-8?B?bm90IGVuY29kZWQ=?=',
	'=?UTF-8?Q?=0D=0ABcc:_x=40y.example?=',
	"a\x{202e}Bcc: x",
	'%0d%0aBcc: x@y.example',
	'\r\nBcc: x',
	'&#13;&#10;Bcc: x',
	'Bcc: x@y.example',
	'<script>alert(1)</script>',
	'a =?b',
	'double  blank',
	'trailing ',
	' leading',
	'comma, "quote" <angle> \\ back',
	'a: b',
	'',
	'é' x 22,
	'é' x 23)
{
	my $mail = parsed(
		subject => $text,
		recipient_name => $text,
		sender => ($text =~ /\S/ ? "\"@{[ $text =~ s/([\"\\])/\\$1/gr ]}\" <clinic\@example.com>" : 'clinic@example.com'));
	my $shown = encode_utf8($text);
	is(encode_utf8($mail->{subject}), $shown, "subject: $shown");
	is(encode_utf8($mail->{to}[0][0]), $shown, "name: $shown");
	is(encode_utf8($mail->{from}[0][0]), $shown, "sender: $shown") if $text =~ /\S/;
	is($mail->{from}[0][1], 'clinic@example.com', 'and its address');
	is( "@{$mail->{names}}",
		'from to subject date message-id auto-submitted mime-version content-type content-transfer-encoding',
		'and no header more');
}

# So do bodies, whatever their line ends.
foreach my $case (
	[ "one\ntwo\n", "one\ntwo\n" ],
	[ "one\r\ntwo", "one\ntwo\n" ],
	[ "one\rtwo", "one\ntwo\n" ],
	[ "blank at end \nand tab\t\nlast ", "blank at end \nand tab\t\nlast \n" ],
	[ ".\n..\n.a\nFrom here", ".\n..\n.a\nFrom here\n" ],
	[ 'x' x 2000, ('x' x 2000) . "\n" ],
	[ "=3D = ?= =_--", "=3D = ?= =_--\n" ],
	[ 'Grüße aus Köln, ' x 30, 'Grüße aus Köln, ' x 30 . "\n" ],
	[ "\n\n\n", "\n\n\n" ])
{
	my $mail = parsed(text => $case->[0], html => $case->[0]);
	is(encode_utf8($_->[3]), encode_utf8($case->[1]), 'body: ' . encode_utf8(substr $case->[0], 0, 10)) foreach @{ $mail->{parts} };
}
my $greek = 'Καλημέρα σας, ' x 30;
$mail = parsed(text => $greek, html => '<p>plain</p>');
is($mail->{parts}[0][2], 'base64', 'base64 where it is shorter');
ok($mail->{parts}[0][3] eq "$greek\n", 'and right');
is($mail->{parts}[1][2], 'quoted-printable', 'quoted-printable elsewhere');

# An international domain is sent in ASCII.
$mail = parsed(recipient => 'ann@bücher.example', sender => 'Bücher <post@bücher.example>');
is_deeply(
	[ $mail->{to}[0][1], $mail->{from}[0][1] ],
	[ 'ann@xn--bcher-kva.example', 'post@xn--bcher-kva.example' ],
	'international domains');

# Text that would inject a header or a command is refused, with a reason.
foreach my $case (
	[ 'BAD_ADDRESS', recipient => "ann\@example.org\r\nRCPT TO:<x\@y.example>" ],
	[ 'BAD_ADDRESS', recipient => 'ann@example.org> x<' ],
	[ 'BAD_ADDRESS', recipient => 'änn@example.org' ],
	[ 'BAD_ADDRESS', recipient => 'nobody' ],
	[ 'BAD_ADDRESS', recipient_name => "Ann\r\nBcc: x\@y.example" ],
	[ 'TEMPLATE_ERROR', subject => "Hi\r\nBcc: x\@y.example" ],
	[ 'TEMPLATE_ERROR', subject => "Hi\n\nbody" ],
	[ 'BAD_CONFIGURATION', sender => "Clinic\r\nBcc: x\@y.example <clinic\@example.com>" ],
	[ 'BAD_CONFIGURATION', sender => 'Clinic' ],
	[ 'BAD_CONFIGURATION', settings => { reply_to => "a\@b.example\r\nBcc: c\@d.example" } ],
	[ 'BAD_CONFIGURATION', settings => { list_unsubscribe => "https://a\r\nX: y" } ],
	[ 'BAD_CONFIGURATION', settings => { list_unsubscribe => 'https://a> <b' } ],
	[ 'BAD_CONFIGURATION', settings => { starttls => 'sometimes' } ],
	[ 'BAD_CONFIGURATION', url => 'http://example.com' ],
	[ 'BAD_CONFIGURATION', username => "me\r\nRSET", password => 'x' ])
{
	my ($reason, @more) = @$case;
	like(composed(@more), qr/^$reason: \w/, "$reason: $more[0]");
}

$node->stop;
done_testing();
