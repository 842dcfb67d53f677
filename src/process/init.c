/*
 * init.c
 *		What the library does when PostgreSQL loads it.
 *
 * When it is preloaded, it requests shared memory, installs its hooks and
 * registers the launcher. When it is loaded later, by the first function that a
 * session calls, it only defines the settings: everything works but sending.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/ipc.h"

#include "core/code_counts.h"
#include "core/explain.h"
#include "core/log_changes.h"
#include "core/one_time_code.h"
#include "core/settings.h"
#include "core/wake.h"
#include "process/launcher.h"
#include "process/lifecycle.h"
#include "process/shared.h"
#include "worker/crashes.h"

PG_MODULE_MAGIC;

static shmem_request_hook_type previous_shmem_request_hook = NULL;
static shmem_startup_hook_type previous_shmem_startup_hook = NULL;

void		_PG_init(void);

static void
request_shared_memory(void)
{
	if (previous_shmem_request_hook)
		previous_shmem_request_hook();
	one_time_code_shared_request();
	code_counts_shared_request();
	wake_shared_request();
	log_changes_shared_request();
	workers_shared_request();
	crashes_shared_request();
}

static void
create_shared_memory(void)
{
	if (previous_shmem_startup_hook)
		previous_shmem_startup_hook();
	one_time_code_shared_create();
	code_counts_shared_create();
	wake_shared_create();
	log_changes_shared_create();
	workers_shared_create(launcher_is_registered());
	crashes_shared_create();
}

void
_PG_init(void)
{
	settings_define();
	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	previous_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = create_shared_memory;
	lifecycle_install();
	explain_refuse_install();

	/*
	 * pg_upgrade starts the server to move databases; that server must send
	 * nothing.
	 */
	if (!IsBinaryUpgrade)
		launcher_register();
}
