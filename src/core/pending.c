/* Weak fallback, so that the tree loads until the launcher's room listens. */
#include "postgres.h"

#include "core/wake.h"

__attribute__((weak)) void wake_on_commit(int64 lane, TimestampTz due_at) {}
