/* The disabler: whoever has had nothing but failures for days is disabled, once a minute by one
 * node. */
#pragma once
#include <stdint.h>

struct bud_disabler; /* opaque; belongs to the control thread */
struct bud_store;    /* store/store.h */
struct bud_table;    /* subscription/table.h */
struct uv_loop_s;

/* All borrowed until it is closed. */
struct bud_disable_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	struct bud_table *table; /* of the thread that writes it */
	int64_t after_ms;        /* 0: never */
	int64_t each_ms;         /* how often it looks; 0: by after_ms, at most a minute */
};

/* Disabled is who failed first `after_ms` before it failed last, with no success between: one event
 * that nobody takes does not disable a subscription that has little to do. */
struct bud_disabler *bud_disabler_open(const struct bud_disable_options *options);
/* After the connection is closed. Asynchronous; NULL is fine. */
void bud_disabler_close(struct bud_disabler *disabler);
