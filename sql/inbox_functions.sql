/* inbox_functions.sql: messages that applications show their users themselves. */

CREATE TYPE appt.inbox_page AS (
	content jsonb,
	unread integer,
	has_more boolean,
	notify_key uuid
);
COMMENT ON TYPE appt.inbox_page IS 'A page of a user''s inbox.';
COMMENT ON COLUMN appt.inbox_page.content IS
'Messages, the latest first: [{"id", "type", "title", "text", "payload", "created_at", "read_at"}]. created_at is when the message came into the inbox; read_at is null for unread messages; payload is that of notify_users, or null.';
COMMENT ON COLUMN appt.inbox_page.unread IS 'Number of unread messages in the inbox, up to 100.';
COMMENT ON COLUMN appt.inbox_page.has_more IS 'True: there are more messages after this page. The next one begins before the last id of this.';
COMMENT ON COLUMN appt.inbox_page.notify_key IS
'Payload of the NOTIFY appt_inbox that hints at new messages of the user; null if the user has no profile.';

CREATE FUNCTION appt.inbox(
	unread boolean DEFAULT NULL,
	page_size integer DEFAULT 25,
	before bigint DEFAULT NULL,
	user_id text DEFAULT NULL,
	application_id uuid DEFAULT NULL) RETURNS appt.inbox_page
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'inbox';
COMMENT ON FUNCTION appt.inbox(boolean, integer, bigint, text, uuid) IS
'Returns a page of the inbox of the caller, the latest messages first.

unread: true for unread messages, false for read ones, null for both. page_size is 1 to 1000; a page with very large texts and payloads has fewer messages. before: the id of a message, after which the page begins; null means the latest. An admin names the application and, unless it means itself, the user; an SQL application names both.

New messages are hinted at by NOTIFY appt_inbox with the notify_key of the user. Hints may be lost or late, so an application also calls this function when it begins to listen, and from time to time.

22023: a page_size out of range, or an application or user that must be named. 42501: the token names no user. PT404: no such application, user or message.';

CREATE FUNCTION appt.mark_read(
	notification_ids bigint[] DEFAULT NULL,
	user_id text DEFAULT NULL,
	application_id uuid DEFAULT NULL) RETURNS integer
LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'mark_read';
COMMENT ON FUNCTION appt.mark_read(bigint[], text, uuid) IS
'Marks messages in the inbox of the caller as read, and returns how many were unread before.

notification_ids: at most 10,000; null means all unread messages, the latest 10,000 of them in one call. Ids of other messages are ignored. user_id and application_id are as in inbox.

22023: too many ids, or an application or user that must be named. 42501: the token names no user. PT404: no such application or user.';
