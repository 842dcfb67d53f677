/* configuration_functions.sql */
