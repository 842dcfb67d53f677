/* Weak fallbacks, so that the tree loads while the rooms that answer are being written. */
#include "postgres.h"

#include "channel/channel.h"

__attribute__((weak)) const char *url_problem(const char *url, bool smtp) { return NULL; }
__attribute__((weak)) const char *sender_problem(const char *sender) { return NULL; }
__attribute__((weak)) const char *header_problem(const char *name, const char *value) { return NULL; }
__attribute__((weak)) const char *hmac_key_problem(const char *key) { return NULL; }
