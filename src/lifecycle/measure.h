/* The measurer: how many bytes each owner has parked, where a quota bounds that, and which of its
 * subscriptions hold it up once that is as much as it may; measured by one node at a time, followed
 * by all. */
#pragma once
#include <stdint.h>

struct bud_measurer; /* opaque; belongs to the control thread */
struct bud_metrics;  /* core/metrics.h */
struct bud_quota;    /* auth/quota.h */
struct bud_store;    /* store/store.h */
struct bud_table;    /* subscription/table.h */
struct uv_loop_s;

/* All borrowed until it is closed. */
struct bud_measure_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	struct bud_table *table; /* of the thread that writes it */
	struct bud_quota *quota;
	struct bud_metrics *metrics;
	int64_t each_ms; /* 0: 10 seconds */
};

struct bud_measurer *bud_measurer_open(const struct bud_measure_options *options);
/* After the connection is closed. Asynchronous; NULL is fine. */
void bud_measurer_close(struct bud_measurer *measurer);
