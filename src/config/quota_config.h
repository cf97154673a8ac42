/* The settings of quotas. */
#pragma once
#include <stdint.h>

/* 0: no bound. */
struct bud_quota_config {
	int64_t subscriptions;
	int64_t parked_bytes;
	int64_t publish_per_s;
	int64_t instance_reads_per_s;
	int64_t uncovered_filters;
	int64_t residuals_per_key;
};
