\echo Use "CREATE EXTENSION appt" to load this file. \quit

CREATE SCHEMA appt;
COMMENT ON SCHEMA appt IS
'Appointments, the notifications they owe, and the log of their delivery.';
