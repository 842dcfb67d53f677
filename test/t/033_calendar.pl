# Calendar files as other programs read them: Python's icalendar and dateutil parse what appt wrote, and find the same instants
# by the definition of the timezone, and by its name; so do ical.js and node-ical; in databases of any encoding.

use strict;
use warnings;

use utf8;
use Encode qw(decode encode_utf8);
use Appt::Cluster;
use Appt::Tenant;
use File::Temp;
use JSON::PP;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0);
$node->query('CREATE EXTENSION appt_test');

# Reads lines of "file in hex|start|end|timezone", instants in seconds since 1970, and says in how many files what is wrong.
my $parser = File::Temp->new;
print $parser <<'PYTHON';
import collections, datetime, io, json, re, sys, zoneinfo
import dateutil.tz, icalendar
UTC = datetime.timezone.utc
wrong = collections.Counter()
samples = {}
counts = collections.Counter()

def seconds(naive, offset):
    return (naive.replace(tzinfo=UTC) - offset).timestamp()

def is_clean(raw):
    lines = raw.split(b"\r\n")
    for line in lines:
        line.decode()
    return lines[-1] == b"" and max(map(len, lines)) <= 75 and not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", raw) \
        and b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")

# As RFC 5545 says: the observance with the latest onset that is not after the local time.
def by_definition(zone, naive):
    onsets = [(o["DTSTART"].dt.replace(tzinfo=None), o["TZOFFSETTO"].td) for o in zone.subcomponents]
    past = [o for o in onsets if o[0] <= naive]
    return seconds(naive, max(past)[1]) if past else None

def check(raw, start, end, timezone):
    calendar = icalendar.Calendar.from_ical(raw)
    events = calendar.walk("VEVENT")
    zones = calendar.walk("VTIMEZONE")
    yield "not one event", len(events) != 1 or [c.name for c in calendar.subcomponents] not in (["VEVENT"], ["VTIMEZONE", "VEVENT"])
    yield "not clean", not is_clean(raw)
    yield "no version", calendar["VERSION"] != "2.0" or not calendar["PRODID"]
    for name in ("UID", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "STATUS", "DTSTART", "DTEND", "SUMMARY"):
        yield "no " + name, name not in events[0]
    for instant, name in ((start, "DTSTART"), (end, "DTEND")):
        value = events[0][name]
        if not zones:
            counts["utc"] += 1
            yield "no instant", value.dt.tzinfo is None or value.dt.timestamp() != instant
            continue
        counts["local"] += 1
        naive = value.dt.replace(tzinfo=None)
        yield "another timezone", value.params["TZID"].lower() != timezone.lower() or zones[0]["TZID"] != value.params["TZID"]
        yield "by definition", by_definition(zones[0], naive) != instant
        yield "by dateutil", naive.replace(tzinfo=dateutil.tz.tzical(io.StringIO(raw.decode())).get()).timestamp() != instant
        yield "by name", naive.replace(tzinfo=zoneinfo.ZoneInfo(value.params["TZID"])).timestamp() != instant

for line in sys.stdin:
    octets, start, end, timezone = line.rstrip("\n").split("|")
    counts["files"] += 1
    for what, is_wrong in check(bytes.fromhex(octets), float(start), float(end), timezone):
        if is_wrong:
            wrong[what] += 1
            samples.setdefault(what, (timezone, start, end))
print(json.dumps({"counts": counts, "wrong": wrong, "samples": samples}))
PYTHON
close $parser;

# The same for two programs of another origin. ical.js goes by the definition of the timezone, node-ical by its name in data of
# its own.
my $other_parser = File::Temp->new;
print $other_parser <<'JAVASCRIPT';
const ICAL = require('ical.js'), ical = require('node-ical');
const wrong = {}, samples = {}, counts = {files: 0};

function* check(text, start, end) {
	const calendar = new ICAL.Component(ICAL.parse(text));
	const event = new ICAL.Event(calendar.getFirstSubcomponent('vevent'));
	yield ['ical.js: not one event', calendar.getAllSubcomponents('vevent').length != 1];
	yield ['ical.js: start', event.startDate.toUnixTime() != start];
	yield ['ical.js: end', event.endDate.toUnixTime() != end];
	const events = Object.values(ical.sync.parseICS(text)).filter((part) => part.type == 'VEVENT');
	yield ['node-ical: not one event', events.length != 1];
	yield ['node-ical: start', events[0].start.getTime() != 1000 * start];
	yield ['node-ical: end', events[0].end.getTime() != 1000 * end];
	yield ['not the same title', events[0].summary.trim() != event.summary.trim()];
}

for (const line of require('fs').readFileSync(0, 'latin1').trim().split('\n')) {
	const [octets, start, end, timezone] = line.split('|');
	counts.files++;
	for (const [what, is_wrong] of check(Buffer.from(octets, 'hex').toString(), Number(start), Number(end)))
		if (is_wrong) {
			wrong[what] = (wrong[what] || 0) + 1;
			samples[what] = samples[what] || [timezone, start, end];
		}
}
console.log(JSON.stringify({counts: counts, wrong: wrong, samples: samples}));
JAVASCRIPT
close $other_parser;
$ENV{NODE_PATH} = "$ENV{REPOSITORY}/build/node_modules";

sub parsed
{
	my ($program, $lines) = @_;
	my $file = File::Temp->new;
	print $file "$lines\n";
	close $file;
	my $output = `$program < $file`;
	return JSON::PP->new->decode($output);
}

sub reads_well
{
	my ($name, $events, $least, %options) = @_;
	my $lines = $node->query("
		SELECT encode(appt_test.calendar_file(start_at, end_at, timezone, coalesce(title, 'x')), 'hex'),
			extract(epoch FROM start_at)::bigint, extract(epoch FROM end_at)::bigint, timezone
		FROM ($events) event");
	my $found = parsed("/usr/bin/python3 $parser", $lines);
	cmp_ok($found->{counts}{files}, '>', $least, "$name: $found->{counts}{files} files");
	is_deeply($found->{wrong}, {}, "$name: read back as they were meant") or diag(JSON::PP->new->encode($found->{samples}));
SKIP:
	{
		skip 'node-ical has timezone data of its own', 1 if $options{python_only};
		my $other = parsed("node $other_parser", $lines);
		is_deeply($other->{wrong}, {}, "$name: by ical.js and node-ical, too") or diag(JSON::PP->new->encode($other->{samples}));
	}
	return $found->{counts};
}

# Every timezone, at any time.
my $counts = reads_well(
	'every timezone', "
	SELECT start_at, start_at + ceil(random() * 86400) * interval '1 second' AS end_at, timezone, NULL AS title
	FROM (SELECT name AS timezone, '2026-01-01 00:00+00'::timestamptz + floor(random() * 60 * 365 * 86400) * interval '1 second' AS start_at
		FROM pg_timezone_names, generate_series(1, 4) WHERE appt_test.timezone_is_known(name)) somewhen", 1500, python_only => 1);
cmp_ok($counts->{local}, '>', 0.9 * $counts->{files} * 2, 'nearly all in local time');

# Around each change of clocks of two years, every ten minutes.
$counts = reads_well(
	'changes of clocks', "
	WITH hours AS (SELECT zone, at, extract(epoch FROM (at AT TIME ZONE zone) - (at AT TIME ZONE 'UTC')) AS shift
		FROM unnest('{Europe/Berlin,Europe/Dublin,Europe/London,America/New_York,America/St_Johns,America/Santiago,America/Havana,Africa/Casablanca,Africa/Cairo,
			Asia/Jerusalem,Asia/Beirut,Australia/Lord_Howe,Australia/Adelaide,Pacific/Auckland,Pacific/Chatham,Atlantic/Azores,America/Scoresbysund,Antarctica/Troll}'::text[]) zone,
			generate_series('2027-01-01 00:00+00'::timestamptz, '2028-12-31 00:00+00', '1 hour') at),
	changes AS (SELECT zone, at FROM (SELECT *, lag(shift) OVER (PARTITION BY zone ORDER BY at) AS before FROM hours) shifts
		WHERE shift <> before)
	SELECT changes.at + minutes * interval '1 minute' AS start_at, changes.at + (minutes + length) * interval '1 minute' AS end_at,
		zone AS timezone, NULL AS title
	FROM changes, generate_series(-200, 200, 10) minutes, unnest('{30,150,600000}'::int[]) length", 3000);
cmp_ok($counts->{utc}, '>', 0, 'what is ambiguous is written in UTC');
cmp_ok($counts->{utc}, '<', 0.25 * $counts->{files} * 2, 'and little else');

# Far from changes of clocks.
reads_well(
	'ordinary days', "
	SELECT start_at, start_at + interval '45 minutes' AS end_at, timezone, NULL AS title
	FROM unnest('{Europe/Berlin,Europe/Dublin,Europe/London,America/New_York,America/St_Johns,Australia/Lord_Howe,Australia/Adelaide,Pacific/Auckland,Pacific/Chatham,Asia/Kolkata,Asia/Tokyo}'::text[]) timezone,
		generate_series('2026-01-07 12:00'::timestamp, '2028-12-31 00:00', '7 days') day,
			LATERAL (SELECT day AT TIME ZONE timezone AS start_at) local",
	1500);

# Titles of any length, and with whatever people and others write.
foreach my $character ('x', 'é', '€', '😀', ' ', ';', 'ab ')
{
	reads_well(
		sprintf('titles of %vX', $character),
		"SELECT '2026-01-01 00:00+00'::timestamptz AS start_at, '2026-01-01 01:00+00'::timestamptz AS end_at, 'UTC' AS timezone,
		repeat('$character', n) AS title FROM generate_series(0, 160) n", 160);
}

sub unescaped
{
	my ($text) = @_;

	my %meant = (n => "\n", N => "\n");
	return $text =~ s/\\(.)/$meant{$1} \/\/ $1/ger;
}

# The unescaped value of a property of a file.
sub property
{
	my ($name, $octets) = @_;
	my $file = decode('UTF-8', $octets =~ s/\r\n //gr, Encode::FB_CROAK);
	my @values = $file =~ /^$name:(.*?)\r$/mg;

	return join '|', map { unescaped($_) } @values;
}

foreach my $title (
	"a\r\nBEGIN:VEVENT\r\nSUMMARY:b\r\nEND:VEVENT", "a\nEND:VCALENDAR",
	"a\rb", "a\r\n b",
	"a\\nb", "a\\",
	"\\\\;\\,", ';,:"\'<>^`',
	'"quoted"', "tab\tbed",
	' led and trailed ', '%s%n%',
	"\x{202e}abc", "\x{2028}a\x{85}b",
	"e\x{301}" x 100, "\x{1F468}\x{200D}\x{1F469}\x{200D}\x{1F467}" x 30,
	"ctl\x01\x02\x08\x0b\x0c\x0e\x1b\x1f\x7f.", '={}[]|',
	"\n\n", 'x' x 60000,
	'€;' x 20000)
{
	my $quoted = $title =~ s/\\/\\\\/gr =~ s/'/\\'/gr;
	my $hex =
		$node->query("SELECT encode(appt_test.calendar_file('2026-01-01', '2026-01-02', 'UTC', E'" . encode_utf8($quoted) . "'), 'hex')");
	my $file = pack 'H*', $hex;
	my $expected = $title =~ s/\r\n?/\n/gr =~ s/[\x00-\x08\x0b-\x1f\x7f]//gr;
	my $shown = encode_utf8(substr $title =~ s/([^ -~])/sprintf '\x%x', ord $1/ger, 0, 40);

	is_deeply([ unpack 'W*', property('SUMMARY', $file) ], [ unpack 'W*', $expected ], "title: $shown");
	is(join(' ', $file =~ /^((?:BEGIN|END):\w+)\r$/mg), 'BEGIN:VCALENDAR BEGIN:VEVENT END:VEVENT END:VCALENDAR', '... and no other event');
}

# A malformed link stays text.
my $odd = pack 'H*', $node->query(
	"SELECT encode(appt_test.calendar_file('2026-01-01', '2026-01-02', 'UTC', 'x',
		E'https://r.example/\\r\\nATTENDEE:mailto:a\@b.example'), 'hex')"
);
is(property('LOCATION', $odd), "https://r.example/\nATTENDEE:mailto:a\@b.example", 'a link with a line end in it is shown as text');
is(property('URL', $odd) . property('ATTENDEE', $odd), '', 'and is no URL, nor anything else');

# Databases whose text is not UTF-8.
foreach my $encoding (qw(LATIN1 SQL_ASCII EUC_JP))
{
	my $database = lc $encoding;
	$node->query("CREATE DATABASE $database TEMPLATE template0 ENCODING $encoding LOCALE 'C'");
	$node->install_appt($database);
	my $tenant = Appt::Tenant->create($node, database => $database);
	my $id = $tenant->schedule;
	my ($code, $title) =
		  $encoding eq 'EUC_JP' ? ('E\'\xc6\xfc\xcb\xdc\'', '日本')
		: $encoding eq 'LATIN1' ? ('E\'Pr\xfcfung\'', 'Prüfung')
		: ('E\'Pr\xc3\xbcfung\'', 'Prüfung');
	$tenant->query("UPDATE appt.appointment SET title = repeat($code, 30) WHERE id = '$id'");

	my $file = pack 'H*', $tenant->query("SELECT encode(appt.ical_event('$id'), 'hex')");
	is(property('SUMMARY', $file), $title x 30, "$encoding: the file is UTF-8");
	is($tenant->query("SELECT position(repeat($code, 30) IN replace(appt.ical_text('$id'), E'\\r\\n ', '')) > 0"),
		't', "$encoding: the text is the database's");
	my $encoded = encode_utf8($title x 30) =~ s/([^A-Za-z])/sprintf '%%%02X', ord $1/ger;
	like($tenant->query("SELECT appt.google_calendar_url('$id')"), qr/&text=$encoded&/, "$encoding: the link is in UTF-8");
}
$node->query("UPDATE appt.appointment SET title = E'Pr\\xfcfung'", 'sql_ascii');
my ($output, $errors);
$node->psql(
	'sql_ascii', "\\set VERBOSITY verbose\nSELECT appt.ical_event(id) FROM appt.appointment",
	stdout => \$output,
	stderr => \$errors,
	on_error_stop => 0);
like($errors, qr/ERROR:  22021:/, 'octets that are no text are refused');

# Short of memory, by any amount: an error, and no process dies.
SKIP:
{
	skip 'the sanitizer needs room of its own', 2 if $ENV{APPT_SANITIZE};
	my $tenant = Appt::Tenant->create($node);
	my ($small, $id) = ($tenant->schedule, $tenant->schedule);
	my %states;

	# What is large comes from the system, not from memory that was freed.
	local $ENV{MALLOC_MMAP_THRESHOLD_} = 32768;
	$node->restart;

	$tenant->query("UPDATE appt.appointment SET title = repeat(';', 60000) WHERE id = '$id'");
	foreach my $room (map { $_ * 65536 } 0 .. 31)
	{
		$node->psql(
			'postgres', "SELECT pg_backend_pid() AS pid, length(appt.ical_text('$small')) AS loaded \\gset
			\\setenv BACKEND :pid
			\\! prlimit --pid=\$BACKEND --as=\$((\$(awk '/^VmSize/ {print \$2}' /proc/\$BACKEND/status) * 1024 + $room))
			SELECT length(appt.ical_text('$id')) AS length \\gset
			\\echo :SQLSTATE",
			stdout => \$output,
			stderr => \$errors,
			on_error_stop => 0);
		$states{$output}++;
	}
	is(join(' ', sort keys %states), '00000 53200', 'the file is written, or there is no memory for it') or diag(explain(\%states));
	unlike($node->log_since(0), qr/terminated by signal/, 'and no process died');
}

$node->stop;
done_testing();
