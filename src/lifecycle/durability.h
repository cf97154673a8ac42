/* The watch over durability: what Redis writes to disk before it answers may be changed while it
 * runs, and another one may come in its place. */
#pragma once
#include <stdint.h>

struct bud_durability_watch; /* opaque; belongs to the control thread */
struct bud_store;            /* store/store.h */
struct uv_loop_s;

/* Borrowed until it is closed. */
struct bud_durability_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	_Atomic(const char *) *durability; /* what is told to publishers; static texts */
	int64_t each_ms;                   /* 0: a second */
};

struct bud_durability_watch *bud_durability_watch_open(
	const struct bud_durability_options *options);
/* After the connection is closed. Asynchronous; NULL is fine. */
void bud_durability_watch_close(struct bud_durability_watch *watch);
