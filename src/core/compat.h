/*
 * compat.h
 *		What differs between the versions of PostgreSQL that appt is built for: the
 *		only file that asks for the version.
 *
 * Most of it is macros, so that a file includes no header of the server that it
 * does not need.
 */
#ifndef APPT_COMPAT_H
#define APPT_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "appt needs PostgreSQL 15 or later"
#endif

/* 16: not in postgres.h any more. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* ---- 16: the parser of JSON asks its callbacks whether it shall go on ---- */

#if PG_VERSION_NUM >= 160000
#define JsonCallbackResult JsonParseErrorType
#define JSON_CONTINUE JSON_SUCCESS
#else
#define JsonCallbackResult void
#define JSON_CONTINUE
#endif

/* ---- 16: other names ---- */

#if PG_VERSION_NUM >= 160000
#define relation_file(relation) ((relation)->rd_locator)
#define role_owns_database(role, database) object_ownercheck(DatabaseRelationId, database, role)
#define role_owns_relation(role, relation) object_ownercheck(RelationRelationId, relation, role)
#else
#define relation_file(relation) ((relation)->rd_node)
#define role_owns_database(role, database) pg_database_ownercheck(database, role)
#define role_owns_relation(role, relation) pg_class_ownercheck(relation, role)
#endif

/* ---- 16: a server's own kinds of memory contexts are the only ones ---- */

#if PG_VERSION_NUM < 160000
#define CONTEXTS_MAY_BE_OWN
#endif

/* ---- 16 and later: the executor ---- */

#if PG_VERSION_NUM >= 180000
#define init_range_table(state, entry, permissions) \
	ExecInitRangeTable(state, list_make1(entry), permissions, bms_make_singleton(1))
#elif PG_VERSION_NUM >= 160000
#define init_range_table(state, entry, permissions) ExecInitRangeTable(state, list_make1(entry), permissions)
#endif

/* Of one table, of which these columns are updated. */
#if PG_VERSION_NUM >= 160000
#define open_range_table(state, entry, updated) \
	do { \
		List	   *permissions_ = NIL; \
		addRTEPermissionInfo(&permissions_, entry)->updatedCols = updated; \
		init_range_table(state, entry, permissions_); \
	} while (0)
#define init_recheck(recheck, state) EvalPlanQualInit(recheck, state, NULL, NIL, -1, NIL)
#else
#define open_range_table(state, entry, updated) \
	do { \
		(entry)->updatedCols = updated; \
		ExecInitRangeTable(state, list_make1(entry)); \
	} while (0)
#define init_recheck(recheck, state) EvalPlanQualInit(recheck, state, NULL, NIL, -1)
#endif

/* Which indexes need an entry of a new row: no, all, or since 16 those that summarize. */
#if PG_VERSION_NUM >= 160000
#define NeededIndexes TU_UpdateIndexes
#define ALL_INDEXES TU_All
#define insert_index_entries(target, slot, state, is_update, needed) \
	ExecInsertIndexTuples(target, slot, state, is_update, false, NULL, NIL, (needed) == TU_Summarizing)
#else
#define NeededIndexes bool
#define ALL_INDEXES true
#define insert_index_entries(target, slot, state, is_update, needed) \
	ExecInsertIndexTuples(target, slot, state, is_update, false, NULL, NIL)
#endif

/* False if a trigger leaves the row out. */
#if PG_VERSION_NUM >= 180000
#define fire_before_update(state, recheck, target, place, slot) \
	ExecBRUpdateTriggers(state, recheck, target, place, NULL, slot, NULL, NULL, false)
#define fire_before_delete(state, recheck, target, place) \
	ExecBRDeleteTriggers(state, recheck, target, place, NULL, NULL, NULL, NULL, false)
#elif PG_VERSION_NUM >= 160000
#define fire_before_update(state, recheck, target, place, slot) \
	ExecBRUpdateTriggers(state, recheck, target, place, NULL, slot, NULL, NULL)
#define fire_before_delete(state, recheck, target, place) \
	ExecBRDeleteTriggers(state, recheck, target, place, NULL, NULL, NULL, NULL)
#else
#define fire_before_update(state, recheck, target, place, slot) \
	ExecBRUpdateTriggers(state, recheck, target, place, NULL, slot, NULL)
#define fire_before_delete(state, recheck, target, place) \
	ExecBRDeleteTriggers(state, recheck, target, place, NULL, NULL)
#endif

/* ---- 17: other names ---- */

#if PG_VERSION_NUM >= 170000
#define process_of_transaction(id) ProcNumberGetProc((id)->procNumber)
#else
#define process_of_transaction(id) BackendIdGetProc((id)->backendId)
#endif

/* ---- 17: arguments whose NULL means what was always so before ---- */

#if PG_VERSION_NUM >= 170000
#define create_json_lexer(text, length, encoding) makeJsonLexContextCstringLen(NULL, text, length, encoding, true)
/* Of the process, not of a resource owner. */
#define create_wait_events(context, count) CreateWaitEventSet(NULL, count)
#else
#define create_json_lexer(text, length, encoding) makeJsonLexContextCstringLen(text, length, encoding, true)
#define create_wait_events(context, count) CreateWaitEventSet(context, count)
#endif

/* ---- 18: base64 is of bytes, and a function that does not return is marked in front ---- */

#if PG_VERSION_NUM >= 180000
#define encode_base64(bytes, length, text, size) pg_b64_encode((const uint8 *) (bytes), length, text, size)
#define decode_base64(text, length, bytes, size) pg_b64_decode(text, length, (uint8 *) (bytes), size)
#else
#define encode_base64(bytes, length, text, size) pg_b64_encode((const char *) (bytes), length, text, size)
#define decode_base64(text, length, bytes, size) pg_b64_decode(text, length, (char *) (bytes), size)
#define pg_noreturn pg_attribute_noreturn()
#endif

/* ---- 18: the list of workers has links in both directions ---- */

#if PG_VERSION_NUM >= 180000
#define RegisteredWorkerIterator dlist_iter
#define registered_workers_foreach(iterator) dlist_foreach(iterator, &BackgroundWorkerList)
#define registered_worker(iterator) dlist_container(RegisteredBgWorker, rw_lnode, (iterator).cur)
#else
#define RegisteredWorkerIterator slist_iter
#define registered_workers_foreach(iterator) slist_foreach(iterator, &BackgroundWorkerList)
#define registered_worker(iterator) slist_container(RegisteredBgWorker, rw_lnode, (iterator).cur)
#endif

/* ---- 18: not one that is deferrable ---- */

#if PG_VERSION_NUM >= 180000
#define primary_key_index(table) RelationGetPrimaryKeyIndex(table, false)
#else
#define primary_key_index(table) RelationGetPrimaryKeyIndex(table)
#endif

/* ---- 18 and 19: scans have counts for EXPLAIN, and flags ---- */

#if PG_VERSION_NUM >= 190000
#define begin_index_scan(table, index, snapshot, key_count) index_beginscan(table, index, snapshot, NULL, key_count, 0, SO_NONE)
#define begin_table_scan(table, snapshot) table_beginscan(table, snapshot, 0, NULL, SO_NONE)
#elif PG_VERSION_NUM >= 180000
#define begin_index_scan(table, index, snapshot, key_count) index_beginscan(table, index, snapshot, NULL, key_count, 0)
#define begin_table_scan(table, snapshot) table_beginscan(table, snapshot, 0, NULL)
#else
#define begin_index_scan(table, index, snapshot, key_count) index_beginscan(table, index, snapshot, key_count, 0)
#define begin_table_scan(table, snapshot) table_beginscan(table, snapshot, 0, NULL)
#endif

#endif							/* APPT_COMPAT_H */
