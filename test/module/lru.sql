CREATE FUNCTION appt_test.lru(keys text[], max_entries int, max_bytes int DEFAULT 0, max_entry_bytes int DEFAULT 0) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_lru';
