-- In the database that the image creates.
CREATE EXTENSION appt;
