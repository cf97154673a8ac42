/* The log: one line per fact on stderr, `key=value` or JSON. Flows and edges only (floors 4-6).
 * Log ids; never secrets, tokens, payloads or endpoint URLs. */
#pragma once
#include <stdbool.h>

enum bud_log_level {
	BUD_LOG_ERROR, /* a person must act */
	BUD_LOG_WARN,  /* we went on */
	BUD_LOG_INFO,  /* start, stop, reconnect */
	BUD_LOG_DEBUG,
};

/* Before any thread starts. */
void bud_log_init(enum bud_log_level level, bool as_json);
bool bud_log_is_on(enum bud_log_level level);

/* `pairs` is a list of names and texts ending with NULL, e.g. "node", id, "error", uv_strerror(r).
 * Values are quoted and escaped as the form needs. */
__attribute__((sentinel)) void bud_log(enum bud_log_level level, const char *message, ...);

#define bud_log_error(...) bud_log(BUD_LOG_ERROR, __VA_ARGS__, NULL)
#define bud_log_warn(...)  bud_log(BUD_LOG_WARN, __VA_ARGS__, NULL)
#define bud_log_info(...)  bud_log(BUD_LOG_INFO, __VA_ARGS__, NULL)
#define bud_log_debug(...) bud_log(BUD_LOG_DEBUG, __VA_ARGS__, NULL)

/* A number as text for bud_log, valid until the enclosing block ends. */
#define bud_log_number(n) bud_log_write_number((char[24]){0}, (long long)(n))
const char *bud_log_write_number(char out[24], long long number);
