-- Rendering leaks no memory. Bounds are 1 MB, because the allocator's overhead varies.
\getenv sanitize APPT_SANITIZE
\if :{?sanitize}
\else
\set sanitize ''
\endif
BEGIN;
SELECT CASE WHEN :'sanitize' <> '' THEN plan(1) ELSE plan(4) END;
SELECT :'sanitize' <> '' AS is_sanitized \gset
\if :is_sanitized
SELECT skip('the sanitizer keeps freed memory to find its use', 1);
\else
\set data '{"firstName":"Bobby","title":"Loan & <review>","joinUrl":"https://v.example/j?a=1&b=2","time24":"15:30","date":"29. März 2026","zone":"MESZ","applicationName":"Acme Bank","start_at":"2026-03-29T13:30:00Z"}'
SELECT cmp_ok(appt_test.render_often(appt_test.builtin_template('REMINDER', 'EMAIL', 'html_body'), :'data', 100000), '<',
	1000000::bigint, '100,000 emails');
SELECT cmp_ok(appt_test.render_often('{{EEEE d MMMM yyyy HH:mm z}}', :'data', 100000), '<', 1000000::bigint, '100,000 dates');
SELECT cmp_ok(appt_test.parse_many(20000), '<', 1000000::bigint, '20,000 different templates, every other one broken');
SELECT cmp_ok(appt_test.format_many(10000), '<', 1000000::bigint, '10,000 dates by more formatters than are kept');
\endif
SELECT * FROM finish();
ROLLBACK;
