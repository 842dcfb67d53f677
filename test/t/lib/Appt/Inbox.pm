package Appt::Inbox;

# Users of a tenant and messages to their inboxes, put into the queue as planning does, but by plain INSERT.
#
#   add_users($tenant, 'ann', 'bob');
#   plan_messages($tenant, 'ann', 10);                     # due now; title "Message 1" and so on
#   plan_messages($tenant, ['ann', 'bob'], 10);            # 10 to each
#   plan_messages($tenant, 'ann', 1, due_at => "now() + interval '1 h'", text => "'Hello'", commit => "...");
#   inbox($tenant, 'ann', 'page_size => 5')                # the page as decoded JSON
#   texts_of($page)                                        # the texts of its messages
#
# due_at, title and text are expressions, which may use i.  A plain INSERT wakes nobody, so the worker is told to look.

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP qw(decode_json);

our @EXPORT = qw(add_users plan_messages messages_statement inbox texts_of);

sub add_users
{
	my ($tenant, @ids) = @_;
	my $rows = join ', ', map { "('@{[ $tenant->application ]}', '$_', '$_')" } @ids;

	$tenant->query("INSERT INTO appt.user_profile (application_id, id, name) VALUES $rows");
	return;
}

# The statement that plans them.
sub messages_statement
{
	my ($tenant, $users, $count, %options) = @_;
	my %chosen = (due_at => 'now()', title => "'Message ' || i", text => "'Text ' || i", %options);
	my $application = $tenant->application;
	my $names = join ', ', map { "'$_'" } ref $users ? @$users : $users;

	return <<"SQL";
WITH planned AS (
	INSERT INTO appt.notification
		(application_id, recipient_kind, recipient_id, type, channel, due_at, next_attempt_at, lane, address, context)
	SELECT '$application', 'USER', u.id, 'MESSAGE', 'IN_APP', $chosen{due_at}, $chosen{due_at},
		appt.lane('$application', 'IN_APP', NULL), u.id,
		jsonb_build_object('subject', $chosen{title}, 'text_body', $chosen{text})
	FROM generate_series(1, $count) i CROSS JOIN unnest(ARRAY[$names]) u (id)
	RETURNING id, lane, due_at, application_id)
INSERT INTO appt.due (notification_id, lane, due_at, application_id, first_due_at) SELECT id, lane, due_at, application_id, due_at FROM planned
SQL
}

sub plan_messages
{
	my ($tenant, @what) = @_;

	$tenant->query(messages_statement($tenant, @what));
	$tenant->query('SELECT pg_reload_conf()');
	return;
}

sub inbox
{
	my ($tenant, $user, @more) = @_;
	my $arguments = join ', ', "application_id => '@{[ $tenant->application ]}'", "user_id => '$user'", @more;

	return decode_json($tenant->query("SELECT to_jsonb(p) FROM appt.inbox($arguments) p"));
}

sub texts_of
{
	my ($page) = @_;

	return [ map { $_->{text} } @{ $page->{content} } ];
}

1;
