# Triggers that users of the database put on the log and the queue run for what the worker writes, and see whole rows.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main');
my $mail = Appt::Peers->smtp;
my $tenant = Appt::Tenant->create($node);

$tenant->email($mail->url);
$tenant->only('CREATE', 'EMAIL');
$node->query(<<'END');
CREATE TABLE seen (number bigint GENERATED ALWAYS AS IDENTITY, trigger text, what text);
CREATE FUNCTION see_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
	$$ BEGIN INSERT INTO public.seen (trigger, what) VALUES (TG_NAME, NEW.attempt_number || ' ' || length(NEW.text_body)); RETURN NEW; END $$;
CREATE FUNCTION see_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
	$$ BEGIN INSERT INTO public.seen (trigger, what) SELECT TG_NAME, attempt_number || ' ' || length(text_body) FROM new_rows; RETURN NULL; END $$;
CREATE TRIGGER before_row BEFORE INSERT ON appt.attempt FOR EACH ROW EXECUTE FUNCTION see_row();
CREATE TRIGGER after_row AFTER INSERT ON appt.attempt FOR EACH ROW EXECUTE FUNCTION see_row();
CREATE TRIGGER after_statement AFTER INSERT ON appt.attempt REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION see_rows();

CREATE FUNCTION see_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
	BEGIN
		INSERT INTO public.seen (trigger, what) VALUES (TG_NAME, concat_ws(' ', to_jsonb(OLD) ->> TG_ARGV[0], '->', to_jsonb(NEW) ->> TG_ARGV[0]));
		RETURN NEW;
	END $$;
CREATE FUNCTION see_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
	BEGIN
		INSERT INTO public.seen (trigger, what)
			SELECT TG_NAME, concat_ws(' ', o.state, '->', n.state) FROM old_rows o JOIN new_rows n USING (id);
		RETURN NULL;
	END $$;
CREATE FUNCTION see_end() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
	$$ BEGIN INSERT INTO public.seen (trigger, what) SELECT TG_NAME, OLD.notification_id; RETURN OLD; END $$;
CREATE TRIGGER before_closing BEFORE UPDATE ON appt.attempt FOR EACH ROW EXECUTE FUNCTION see_change('outcome');
CREATE TRIGGER before_state BEFORE UPDATE ON appt.notification FOR EACH ROW EXECUTE FUNCTION see_change('state');
CREATE TRIGGER after_state AFTER UPDATE OF state ON appt.notification FOR EACH ROW WHEN (NEW.state <> OLD.state)
	EXECUTE FUNCTION see_change('state');
CREATE TRIGGER after_states AFTER UPDATE ON appt.notification REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION see_changes();
CREATE TRIGGER other_column AFTER UPDATE OF title ON appt.notification FOR EACH ROW EXECUTE FUNCTION see_change('title');
CREATE TRIGGER before_end BEFORE DELETE ON appt.due FOR EACH ROW EXECUTE FUNCTION see_end();
CREATE TRIGGER after_end AFTER DELETE ON appt.due FOR EACH ROW EXECUTE FUNCTION see_end();
END
$tenant->schedule(start_at => "now() + interval '1 day'", customer => 'bob@example.org');
ok($tenant->settled, 'a message is sent');
my ($id, $body) = split /\|/, $node->query('SELECT notification_id, length(text_body) FROM appt.attempt');
is( $node->query("SELECT string_agg(trigger || ' ' || what, E'\\n' ORDER BY number) FROM seen"),
	join("\n",
		(map { "$_ PENDING -> SENDING" } qw(before_state after_state after_states)),
		(map { "$_ 1 $body" } qw(before_row after_row after_statement)),
		(map { "$_ SENDING -> SENT" } qw(before_state after_state after_states)),
		'before_closing -> DELIVERED',
		(map { "$_ $id" } qw(before_end after_end))),
	'the triggers of each kind see what the worker writes');

# What a trigger changes is stored.
$node->query(<<'END');
CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.detail := 'seen'; RETURN NEW; END $$;
CREATE TRIGGER mark BEFORE UPDATE ON appt.notification FOR EACH ROW WHEN (NEW.state = 'SENT') EXECUTE FUNCTION mark();
END
$tenant->schedule(start_at => "now() + interval '1 day'", customer => 'bob@example.org');
ok($tenant->settled, 'another is sent');
is($node->query("SELECT string_agg(detail, ' ') FROM appt.notification"), 'seen', 'what a trigger changes is stored');
is(join("\n", $node->log_since(0, qr/WARNING/)), '', 'the server has nothing to complain of');

$node->stop;
done_testing();
