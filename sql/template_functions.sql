/* template_functions.sql */
