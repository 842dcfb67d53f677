/* notification_functions.sql */
