/* Weak fallbacks, so that the tree loads while the room that plans is being written. */
#include "postgres.h"

#include "notify/planning.h"

__attribute__((weak)) void plan_scheduled(const AppointmentKey *key, TimestampTz now) {}
__attribute__((weak)) void plan_customer_added(const AppointmentKey *key, const char *participant_id, TimestampTz now) {}
__attribute__((weak)) void plan_rescheduled(const AppointmentKey *key, TimestampTz now) {}
__attribute__((weak)) void plan_updated(const AppointmentKey *key, TimestampTz now) {}
__attribute__((weak)) void plan_activated(const AppointmentKey *key, TimestampTz now) {}
__attribute__((weak)) void plan_call_started(const AppointmentKey *key) {}
__attribute__((weak)) void plan_ended(const AppointmentKey *key, TimestampTz now) {}
__attribute__((weak)) void plan_cancelled(const AppointmentKey *key, TimestampTz now) {}
__attribute__((weak)) void plan_deleted(const AppointmentKey *key, TimestampTz now) {}
__attribute__((weak)) void plan_participant_removed(const AppointmentKey *key, const char *participant_id,
													bool is_customer, TimestampTz now) {}
