/* The watch over nodes: our heartbeat, and taking over what a dead node left. */
#pragma once
#include <stdint.h>

struct bud_metrics; /* core/metrics.h */
struct bud_store;   /* store/store.h */
struct bud_watch;   /* opaque; belongs to the control thread */
struct uv_loop_s;

/* Our first heartbeat is written: others will notice when we die, so reading may begin. */
typedef void (*bud_watch_joined_fn)(void *owner);
/* Events of a dead node were moved to ours: workers are to sweep. */
typedef void (*bud_watch_taken_fn)(void *owner);
/* Another run goes by our node's name: we must stop reading. */
typedef void (*bud_watch_rival_fn)(void *owner);

/* All borrowed until it is closed. */
struct bud_watch_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	struct bud_metrics *metrics;
	const char *node;
	const char *run; /* unique to this start */
	int64_t beat_ms; /* 0: 1 s */
	/* A heartbeat that stood still for so long is a dead node's; 0: 15 s. */
	int64_t dead_ms;
	bud_watch_joined_fn on_joined;
	bud_watch_taken_fn on_taken;
	bud_watch_rival_fn on_rival;
	void *owner;
};

struct bud_watch *bud_watch_open(const struct bud_watch_options *options);
/* The connection is up, for the first time or again: beat at once. */
void bud_watch_on_up(struct bud_watch *watch);
/* After the connection is closed. Asynchronous; NULL is fine. */
void bud_watch_close(struct bud_watch *watch);
