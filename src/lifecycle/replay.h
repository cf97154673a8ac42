/* The replayer: walks the replay jobs (store/replay_job.h) and revives what they ask for, a little
 * at a time, so that live traffic hardly notices. */
#pragma once
#include <stdint.h>

struct bud_authority; /* auth/authorize.h */
struct bud_quota;     /* auth/quota.h */
struct bud_replayer;  /* opaque; belongs to the control thread */
struct bud_store;     /* store/store.h */
struct bud_table;     /* subscription/table.h */
struct uv_loop_s;

/* All borrowed until it is closed. */
struct bud_replay_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	struct bud_table *table; /* of the thread that writes it */
	struct bud_authority *authority;
	/* A job waits while its owner has as much parked as it may; NULL: nothing is bounded. */
	struct bud_quota *quota;
	/* A step of each job, at most BUD_REVIVE_MAX deliveries, so often; 0: 640 ms, which is a
	 * hundred a second. */
	int64_t each_ms;
};

/* A job moves on in the same script that revives, and only from where it was: a crash, or two nodes
 * at once, revive nothing twice and lose nothing. */
struct bud_replayer *bud_replayer_open(const struct bud_replay_options *options);
/* After the connection is closed. Asynchronous; NULL is fine. */
void bud_replayer_close(struct bud_replayer *replayer);
