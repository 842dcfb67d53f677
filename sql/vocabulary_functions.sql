/* vocabulary_functions.sql */
