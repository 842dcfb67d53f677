# Triggers that users of the database put on the log run for the attempts of the worker, and see whole rows.
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
END
$tenant->schedule(start_at => "now() + interval '1 day'", customer => 'bob@example.org');
ok($tenant->settled, 'a message is sent');
my $body = $node->query('SELECT max(length(text_body)) FROM appt.attempt');
is( $node->query("SELECT string_agg(trigger || ' ' || what, ', ' ORDER BY number) FROM seen"),
	join(', ', map { "$_ 1 $body" } qw(before_row after_row after_statement)),
	'the triggers of each kind see it');
is(join("\n", $node->log_since(0, qr/WARNING/)), '', 'the server has nothing to complain of');

$node->stop;
done_testing();
