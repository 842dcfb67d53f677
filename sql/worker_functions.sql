/* worker_functions.sql */
