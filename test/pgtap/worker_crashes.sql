-- Conclusions from crashes of a worker: suspects, the notification to fail, and the pause of workers.
BEGIN;
SELECT plan(18);

CREATE FUNCTION pg_temp.told(story text[], expected text, description text) RETURNS text LANGUAGE sql AS
$$SELECT is(appt_test.suspicion_run(VARIADIC story), expected, description)$$;

-- Who may be to blame.
SELECT pg_temp.told('{"claim 1,2,3"}', 'pause 1, 1 claimed 0, 2 claimed 0, 3 claimed 0', 'of a batch each may be');
SELECT pg_temp.told('{"claim 7"}', 'pause 1, 7 claimed 1', 'one alone was alone once');
SELECT pg_temp.told('{"claim 1,2,3", "clear 1", "claim 2"}', 'pause 2, 2 claimed 1, 3 claimed 0',
	'of suspects the one that was claimed alone');
SELECT pg_temp.told('{"claim 1,2,3", "clear 1", "claim 2", "clear 3", "claim 2"}', 'pause 4, 2 guilty 2', 'twice, and it is guilty');
SELECT pg_temp.told('{"claim 7", "claim 7"}', 'pause 2, 7 guilty 2', 'one that is always alone after two crashes');
SELECT pg_temp.told('{"claim 1,2", "claim 3,4"}', 'pause 2, 1 claimed 0, 2 claimed 0, 3 claimed 0, 4 claimed 0',
	'two crashes over different batches make nobody guilty');
SELECT pg_temp.told('{"claim 7", "clear 7", "claim 7"}', 'pause 2, 7 claimed 1', 'what has gone well begins anew');
SELECT pg_temp.told('{"recover 1,2", "recover 1"}', 'pause 2, 1 claimed 1, 2 claimed 0', 'closing what was left open is like claiming');

-- What was in flight.
SELECT pg_temp.told('{send}', 'pause 1, 1 slot 0', 'what a slot has in flight is not known at once');
SELECT pg_temp.told('{send, "left 1,2"}', 'pause 1, 1 in flight 0, 2 in flight 0', 'then it is what it left SENDING');
SELECT pg_temp.told('{send, "left 1,2", send, "left 1,8,9"}', 'pause 2, 1 in flight 1, 2 in flight 0',
	'of which the suspect one is to blame');
SELECT pg_temp.told('{send, "left 1,2", send, "left 1,8", send, "left 1"}', 'pause 4, 1 guilty 2, 2 in flight 0',
	'and guilty after the second crash alone');
SELECT pg_temp.told('{send, "left 1,2,3", send, "left 1,2,9"}', 'pause 2, 1 in flight 0, 2 in flight 0, 3 in flight 0',
	'of several suspects none was alone');
SELECT pg_temp.told('{asleep, "left 1,2"}', 'pause 1', 'over what was in flight while it slept nobody is suspect');

-- How long workers pause.
SELECT pg_temp.told('{chores, chores, chores, chores, chores, chores, chores, chores}', 'pause 60', 'the pause doubles, up to a minute');
SELECT pg_temp.told('{asleep, asleep, asleep, chores, asleep}', 'pause 2', 'but not for what happens to one that sleeps');
SELECT pg_temp.told('{"claim 7", panic, panic}', 'pause 4, 7 claimed 1', 'a PANIC is nobody''s fault, but not to come again soon');
SELECT pg_temp.told('{chores, chores, chores, "chores old"}', 'pause 1', 'who has lived for long begins anew');

SELECT * FROM finish();
ROLLBACK;
