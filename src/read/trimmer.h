/* The trimmer: keeps the pull index no longer than the events it names, and tells how far back they
 * go. Also where nothing is indexed any more, until nothing of the index is left. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bud_metrics; /* core/metrics.h */
struct bud_store;   /* store/store.h */
struct bud_trimmer; /* opaque; belongs to the control thread */
struct uv_loop_s;

/* All borrowed until it is closed. */
struct bud_trimmer_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	struct bud_metrics *metrics;
	int64_t retention_ms;
	bool is_indexed; /* events are, now */
	int64_t each_ms; /* how often; 0: 1 s */
};

struct bud_trimmer *bud_trimmer_open(const struct bud_trimmer_options *options);
/* After the connection is closed. Asynchronous; NULL is fine. */
void bud_trimmer_close(struct bud_trimmer *trimmer);
