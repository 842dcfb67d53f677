# Every way to copy a database carries all of appt's data, and no copy sends until adopt_database(); what stays the same
# database goes on sending.
use strict;
use warnings;

use Appt::Cluster;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Appt::Cluster->create('main', preload => 0, streaming => 1);
my $dump = "$ENV{TESTDIR}/appt.dump";
$node->query('CREATE EXTENSION appt_test');
$node->query('SELECT appt.set_node(7)');

is(why(), 'The database has no identity yet; create_organization writes it.', 'nothing sends before there is an organization');

# Several first organizations at once, in a transaction that cannot see the others', leave one identity.
my @creators = map {
	my ($level) = @$_;
	my %session = (in => '', out => '');
	$session{handle} = IPC::Run::start([ 'psql', '-X', '-q', '-A', '-t', '-d', $node->connstr('postgres') ],
		'<', \$session{in}, '>', \$session{out}, '2>', \$session{out});
	$session{in} .= "BEGIN ISOLATION LEVEL $level; SELECT 'begun' FROM pg_class LIMIT 1;\n";
	$session{handle}->pump until $session{out} =~ /begun/;
	\%session;
} (['READ COMMITTED'], ['REPEATABLE READ'], ['SERIALIZABLE']);
$creators[0]{in} .= "SELECT 'created' FROM appt.create_organization('first');\n";
$creators[0]{handle}->pump until $creators[0]{out} =~ /created/;
foreach my $late (@creators[ 1, 2 ])
{
	$late->{in} .= "SELECT 'created' FROM appt.create_organization('late'); COMMIT;\n\\q\n";
	$late->{handle}->pump_nb;
}
ok($node->wait_for_query("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'appt.identity'::regclass", 2),
	'who comes second waits for the first');
$creators[0]{in} .= "COMMIT;\n\\q\n";
$_->{handle}->finish foreach @creators;
is(scalar(grep { $_->{out} =~ /created/ && $_->{out} !~ /ERROR/ } @creators), 3, 'all are created');
is($node->query('SELECT count(*) FROM appt.identity'), 1, 'with one identity');
is(why(), '', 'the original sends');

# A savepoint's transaction has an id of its own, and that one is the row's xmin.
$node->query(q{BEGIN; DELETE FROM appt.identity; SAVEPOINT one; SELECT appt.create_organization('nested'); RELEASE one; COMMIT});
is(why(), '', 'also where a subtransaction wrote it');

fill();
my @tables = split /\n/,
	$node->query(q{SELECT relname FROM pg_class WHERE relnamespace = 'appt'::regnamespace AND relkind = 'r' ORDER BY 1});
my @sequences = split /\n/,
	$node->query(q{SELECT relname FROM pg_class WHERE relnamespace = 'appt'::regnamespace AND relkind = 'S' ORDER BY 1});
is( join(' ', @tables),
	'application appointment attempt change daily_figure due follower hour_count hourly_figure idempotency_key identity'
		. ' inbound_message invitation line line_number'
		. ' line_ring_group line_subscription meeting_template notification one_time_code organization page_text participant provider'
		. ' provider_message report_day report_schedule response ring_group ring_group_member room_access rule secret'
		. ' subscription suppression template'
		. ' user_event user_preference user_profile',
	'all tables are known to this test');
is( $node->query(
		q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
			WHERE relnamespace = 'appt'::regnamespace AND relkind IN ('r', 'S')
				AND oid <> ALL ((SELECT extconfig FROM pg_extension WHERE extname = 'appt')::oid[])}),
	'',
	'and every table and sequence is registered for dumps');
is(join(' ', grep { $node->query("SELECT count(*) FROM appt.$_") == 0 } @tables), '', 'and has rows');

# Dump and restore.
my %original = contents('postgres');
run_ok('dump', 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres'));
$node->query('CREATE DATABASE restored');
run_ok('restore into a new database', 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump);
is_copy('restored', 'The data was restored or replicated from elsewhere; adopt_database() lets this database send.');
run_ok('dump as text', 'pg_dump', '-f', "$dump.sql", '-d', $node->connstr('postgres'));
$node->query('CREATE DATABASE replayed');
run_ok('restore with psql', 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('replayed'), '-f', "$dump.sql");
is_copy('replayed', 'The data was restored or replicated from elsewhere; adopt_database() lets this database send.');

# A template's copy has the very same pages.
$node->query('CREATE DATABASE templated TEMPLATE postgres');
is_copy('templated', 'The database is a copy made with CREATE DATABASE; adopt_database() lets it send.');
$node->query('CREATE DATABASE copied TEMPLATE postgres STRATEGY file_copy');
is_copy('copied', 'The database is a copy made with CREATE DATABASE; adopt_database() lets it send.');

# Operations that keep the database's identity.
is(why(), '', 'all that leaves the original sending');
$node->query('VACUUM (FREEZE) appt.identity');
is(why(), '', 'freezing its row too');
$node->query('VACUUM (FULL, FREEZE) appt.identity');
is(why(), '', 'and rewriting it');
$node->restart;
is(why(), '', 'a restart goes on sending');
$node->query('ALTER DATABASE postgres RENAME TO renamed', 'template1');
is(why('renamed'), '', 'a new name too');
$node->query('ALTER DATABASE renamed RENAME TO postgres', 'template1');

my $standby = Appt::Cluster->new('standby');
$node->backup('base');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$standby->promote;
is($standby->query('SELECT appt_test.why_not_sending()'), '', 'a promoted standby goes on sending');
$standby->stop;

# Restoring over live data.
run_ok('restore into the same database',
	'pg_restore', '--clean', '--if-exists', '--exit-on-error', '-d', $node->connstr('postgres'), $dump);
is_copy('postgres', 'The data was restored or replicated from elsewhere; adopt_database() lets this database send.');
$node->query('INSERT INTO appt.identity (database_oid, transaction_id) SELECT database_oid, transaction_id FROM appt.identity');
is( why(),
	'The database has several identities, as after a restore on top of live data; adopt_database() settles it.',
	'two identities are nobody\'s');
$node->query('SELECT appt.adopt_database()');
is(why(), '', 'until one is made of them');

done_testing();

sub why
{
	my ($database) = @_;

	return $node->query('SELECT appt_test.why_not_sending()', $database // 'postgres');
}

sub run_ok
{
	my ($name, @command) = @_;
	my $output = '';

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(IPC::Run::run(\@command, '>', \$output, '2>&1'), $name) or diag($output);
	return;
}

# A digest of every table and the state of every sequence.
sub contents
{
	my ($database) = @_;
	my %digest;

	foreach my $table (@tables)
	{
		$digest{$table} =
			$node->query("SELECT count(*) || ' ' || md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM appt.$table t", $database);
	}
	foreach my $sequence (@sequences)
	{
		$digest{$sequence} = $node->query("SELECT last_value || ' ' || is_called FROM appt.$sequence", $database);
	}
	return %digest;
}

# Several tests: the same contents, the same node, silent, and able to send once adopted.
sub is_copy
{
	my ($database, $why) = @_;
	my %copy = contents($database);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_deeply(\%copy, \%original, "$database has all data");
	is($node->query("SELECT string_agg(DISTINCT appt.node_of(last_value)::text, ' ') FROM pg_sequences WHERE schemaname = 'appt'", $database),
		7, 'and goes on as the same node');
	is(why($database), $why, 'and does not send');
	$node->query(q{SELECT appt.create_organization('another')}, $database);
	is(why($database), $why, 'nor after another organization was created');
	return if $database eq 'postgres';
	$node->query('SELECT appt.adopt_database()', $database);
	is(why($database), '', 'until it is adopted');
	return;
}

# Rows in every table, with values that text and binary formats could spoil.
sub fill
{
	$node->query(<<'SQL');
CREATE TEMP TABLE made AS
SELECT appt.create_application(appt.create_organization('Ünï "quoted" \ name'), 'Sales', room_url => 'https://room.example/',
	calling_code => '+49', max_per_second => 12.5, retry_base => '1.5 seconds') AS application;
SELECT appt.create_subscription(application, 'https://hooks.example/in', auth => 'OAUTH2', username => 'client', secret => 's3cret',
	token_url => 'https://id.example/token', headers => '[{"name": "X-Plain", "value": "ä"}, {"name": "X-Secret", "value": "hidden", "type": "SECRET"}]')
FROM made;
SELECT appt.set_provider(application, 'EMAIL', 'SMTP', 'smtp://mail.example', 'Sales <sales@example.com>', 'user', 'pass' || chr(8364),
	'{"starttls": "required", "max_concurrency": 3}') FROM made;
INSERT INTO appt.template (application_id, type, channel, rule_id, locale, subject, text_body, html_body)
SELECT application_id, type, channel, id, 'de-DE', 'Termin {{date}}', E'Zeile 1\nZeile 2\t{{title}}', '<p>{{title}}</p>'
FROM appt.rule WHERE type = 'REMINDER' AND channel = 'EMAIL';
INSERT INTO appt.appointment (application_id, organizer_id, title, start_at, end_at, timezone, locale, notifications_active, metadata,
	notification_headers)
SELECT application, 'agent ' || i, E'Title\\N ' || i, '2030-01-01 10:00+00'::timestamptz + i * interval '1 hour',
	'2030-01-01 10:30:00.123456+00'::timestamptz + i * interval '1 hour', 'Europe/Athens', 'el', i % 2 = 0,
	jsonb_build_object('key', i), '{"X-Trace": "1"}' FROM made, generate_series(1, 20) i;
INSERT INTO appt.participant (application_id, appointment_id, id, type, first_name, email, phone, joined_at)
SELECT application_id, id, 'customer', 'CUSTOMER', 'Ζωή', 'zoe@example.com', '+306900000000', now() FROM appt.appointment;
INSERT INTO appt.participant (application_id, appointment_id, id, type) SELECT application_id, id, organizer_id, 'AGENT'
	FROM appt.appointment;
INSERT INTO appt.room_access (application_id, appointment_id, ticket, url, expires)
SELECT application_id, id, 'ticket ' || id, 'https://room.example/x', end_at + interval '1 hour' FROM appt.appointment;
INSERT INTO appt.idempotency_key (application_id, function_name, caller, key, arguments, appointment_id)
SELECT application_id, 'schedule_appointment', created_by, 'κλειδί ' || id, sha256(id::text::bytea), id FROM appt.appointment;
WITH event AS (INSERT INTO appt.user_event (application_id, type) SELECT application, 'FAX' FROM made RETURNING application_id, id)
INSERT INTO appt.idempotency_key (application_id, function_name, caller, key, arguments, user_event_id)
SELECT application_id, 'notify_users', 'login:me', 'fax', sha256(''), id FROM event;
INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, time_offset, due_at, lane,
	context)
SELECT application_id, id, 'CUSTOMER', 'customer', 'REMINDER', 'EMAIL', '1 hour', start_at - interval '1 hour', 42,
	'{"a": null}' FROM appt.appointment;
INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at) SELECT lane, due_at, id, application_id, due_at FROM appt.notification;
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, status_code, error,
	provider_id, text_body)
SELECT application_id, id, 1, now(), clock_timestamp(), 'FAILED', 503, 'busy', gen_random_uuid(), E'a\r\nb' FROM appt.notification;
INSERT INTO appt.inbound_message (application_id, from_number, to_number, text, user_event_ids, received_at)
SELECT application_id, '+306900000000', '+302100000000', E'Ναι\\N\t' || id, '{1,2}', now() FROM appt.appointment;
INSERT INTO appt.meeting_template (application_id, name, title) SELECT application, 'Ortstermin', '{{title}} ä' FROM made;
INSERT INTO appt.page_text (application_id, locale, key, text) SELECT application, 'el', 'page.title', 'Ναι' FROM made;
INSERT INTO appt.follower (application_id, appointment_id, user_id) SELECT application_id, id, 'ann' FROM appt.appointment;
INSERT INTO appt.response (application_id, appointment_id, participant_id, action, reason, source)
SELECT application_id, id, 'customer', 'DECLINE', E'a\r\nb', 'PAGE' FROM appt.appointment;
INSERT INTO appt.suppression (application_id, channel, address_key, address, reason)
SELECT application, 'EMAIL', sha256('zoe'), 'zoe@example.com', 'OPTED_OUT' FROM made;
INSERT INTO appt.provider_message (application_id, provider_message_id, attempt_id) SELECT application_id, 'SM-' || id, id FROM appt.attempt;
INSERT INTO appt.invitation SELECT id, application_id, appointment_id FROM appt.notification WHERE appointment_id IS NOT NULL;
INSERT INTO appt.one_time_code (application_id, purpose, contact, client_address, requested_at, expires_at)
SELECT application, 'CUSTOMER', 'zoe@example.com', '2001:db8::/64', now(), now() FROM made;
INSERT INTO appt.one_time_code (application_id, purpose, contact, requested_at, expires_at, used_at, appointment_id, participant_id,
	arguments)
SELECT application_id, 'CUSTOMER', 'zoe@example.com', now(), now(), now(), id, 'customer', '\x00ff' FROM appt.appointment;
INSERT INTO appt.user_profile (application_id, id, name, email, backup_phone, custom_phone, custom_phone_verified_at, channels)
SELECT application, 'ann' || i, 'Αnn "A" \', 'ann@example.com', '+306900000001', CASE WHEN i = 1 THEN '+306900000002' END,
	CASE WHEN i = 1 THEN now() END, '{SMS,IN_APP}' FROM made, generate_series(1, 2) i;
INSERT INTO appt.user_preference (application_id, user_id, type, channel, time_offset, enabled)
SELECT application, 'ann1', 'APPOINTMENT_REMINDER', channel, '1 hour', false FROM made, unnest('{SMS,NULL}'::text[]) channel;
INSERT INTO appt.line (application_id, name, owner_id) SELECT application, name, owner
FROM made, (VALUES ('Ann''s', 'ann1'), ('Sales', NULL)) l (name, owner);
INSERT INTO appt.line_number (application_id, number, line_id) SELECT application_id, '+30210000000' || row_number() OVER (), id FROM appt.line;
INSERT INTO appt.ring_group (application_id, name, fisher_mode) SELECT application, 'all', true FROM made;
INSERT INTO appt.ring_group_member (application_id, ring_group_id, user_id) SELECT g.application_id, g.id, u.id
FROM appt.ring_group g JOIN appt.user_profile u USING (application_id);
INSERT INTO appt.line_ring_group (application_id, line_id, ring_group_id) SELECT l.application_id, l.id, g.id
FROM appt.line l JOIN appt.ring_group g USING (application_id) WHERE l.owner_id IS NULL;
INSERT INTO appt.line_subscription (application_id, line_id, user_id) SELECT application_id, id, 'ann2' FROM appt.line;
INSERT INTO appt.user_event (application_id, type, line_id, contact, title, payload)
SELECT application_id, 'FAX', id, '{"name": "Ζωή"}', E'a\tb', '{"a": null}' FROM appt.line;
INSERT INTO appt.report_schedule (application_id, type, last_date, timezone, report_time)
SELECT application, 'DAILY_ACTIVITY', '2026-03-29', 'Europe/Berlin', '07:00' FROM made;
INSERT INTO appt.report_day (application_id, date, timezone, start_at, end_at)
SELECT application, date '2099-03-29', 'Europe/Berlin', '2099-03-29 00:00+01', '2099-03-30 00:00+02' FROM made;
INSERT INTO appt.daily_figure (application_id, date, subject, item, part, total, cost, name)
SELECT application, date '2099-03-29', 'SPENDING', 'SMS', 'EUR', 3, 0.0225, E'a\tb' FROM made;
INSERT INTO appt.hour_count (application_id, hour, count_at) SELECT application, '2099-03-29 01:00+01', '2099-03-29 02:00+01' FROM made;
INSERT INTO appt.hourly_figure (application_id, hour, type, channel, sent, failed, attempted, lateness_sum, lateness_max)
SELECT application, '2099-03-29 01:00+01', 'CREATE', 'EMAIL', 2, 1, 3, '1.5 s', '1 s' FROM made;
SQL
	return;
}
