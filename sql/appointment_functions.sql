/* appointment_functions.sql */
