-- A TALKDESK application sends webhooks only: what is stored for people brings a warning.
SET client_min_messages = error;
SELECT appt.create_organization('org') AS organization \gset
SELECT appt.create_application(:'organization', 'desk', platform => 'TALKDESK') AS desk \gset
SELECT appt.create_application(:'organization', 'other') AS other \gset
SET client_min_messages = warning;

\echo a rule that is off
INSERT INTO appt.rule (application_id, type, channel, time_offset, enabled) VALUES (:'desk', 'REMINDER', 'EMAIL', '2 hours', false);
\echo and goes on
UPDATE appt.rule SET enabled = true WHERE application_id = :'desk' AND time_offset = '2 hours';
\echo a rule that moves
UPDATE appt.rule SET time_offset = '3 hours' WHERE application_id = :'desk' AND time_offset = '2 hours';
\echo a rule for text messages, one for webhooks
INSERT INTO appt.rule (application_id, type, channel, time_offset) VALUES (:'desk', 'REMINDER', 'SMS', '2 hours');
INSERT INTO appt.rule (application_id, type, channel, time_offset) VALUES (:'desk', 'REMINDER', 'WEBHOOK', '2 hours');
\echo a provider
SELECT appt.set_provider(:'desk', 'EMAIL', 'SMTP', 'smtp://a.example', 'a@b.example') IS NOT NULL AS stored;
\echo which goes off
UPDATE appt.provider SET enabled = false;
\echo the same for another application
INSERT INTO appt.rule (application_id, type, channel, time_offset) VALUES (:'other', 'REMINDER', 'SMS', '2 hours');
SELECT appt.set_provider(:'other', 'EMAIL', 'SMTP', 'smtp://a.example', 'a@b.example') IS NOT NULL AS stored;
\echo which becomes a TALKDESK one, and stays one
UPDATE appt.application SET platform = 'TALKDESK' WHERE id = :'other';
UPDATE appt.application SET platform = 'TALKDESK' WHERE id = :'other';
\echo and one that has webhooks alone
UPDATE appt.application SET platform = 'STANDALONE' WHERE id = :'other';
UPDATE appt.rule SET enabled = false WHERE application_id = :'other' AND channel <> 'WEBHOOK';
UPDATE appt.provider SET enabled = false WHERE application_id = :'other';
UPDATE appt.application SET platform = 'TALKDESK' WHERE id = :'other';
