/* Quotas: how much each owner may have and do, so that nobody takes what is there for all. Shared
 * by threads; time is a parameter. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/text.h"

struct bud_quota; /* opaque */

/* 0: no bound. */
struct bud_quotas {
	int64_t subscriptions;        /* that are not deleted */
	int64_t parked_bytes;         /* of events that wait for its subscriptions */
	int64_t publish_per_s;        /* events */
	int64_t instance_reads_per_s; /* of each instance token, whoever made it */
	int64_t uncovered_filters;    /* subscriptions that are asked about every event */
	int64_t residuals_per_key;    /* of all owners: subscription/table.h */
};

struct bud_quota_use {
	struct bud_span owner;
	int64_t bytes;
};

/* In place of what all have; negative: as all. */
struct bud_quota_own {
	struct bud_span owner;
	struct bud_quotas quotas;
};

struct bud_quota *bud_quota_create(const struct bud_quotas *quotas);
/* No thread uses it any more. NULL is fine. */
void bud_quota_destroy(struct bud_quota *quota);

/* Owners that have their own, in place of those that had. */
void bud_quota_set_own(struct bud_quota *quota, const struct bud_quota_own *own, size_t n);
/* Of this owner; NULL bounds nothing. */
void bud_quota_of(struct bud_quota *quota, struct bud_span owner, struct bud_quotas *out_quotas);
/* So many nodes share what an owner may publish. */
void bud_quota_set_nodes(struct bud_quota *quota, unsigned n);

/* What owners have parked now, in place of what was known. Returns how many have as much as they
 * may.
 */
size_t bud_quota_set_parked(struct bud_quota *quota, const struct bud_quota_use *uses, size_t n);
/* Whether it bounds what anybody may park. */
bool bud_quota_bounds_parked(struct bud_quota *quota);
/* What this owner has parked, as far as it is known. */
int64_t bud_quota_parked(struct bud_quota *quota, struct bud_span owner);
/* Whether that is as much as it may. One comparison where there is no bound, also by NULL. */
bool bud_quota_is_full(struct bud_quota *quota, struct bud_span owner);

/* Subscriptions that hold up what their owner may park, in place of those that did. */
void bud_quota_set_refused(struct bud_quota *quota, const struct bud_span *subscriptions, size_t n);
/* Whether nothing more is parked for this one. One comparison where there is none, also by NULL. */
bool bud_quota_refuses(struct bud_quota *quota, struct bud_span subscription);

/* Before `n` events of this owner are stored. 0: they may be, and count. Else nothing was counted,
 * and they may be in so many milliseconds. One comparison where there is no bound, also by NULL.
 */
int64_t bud_quota_publish(
	struct bud_quota *quota, struct bud_span owner, size_t n, int64_t mono_ms);
/* The same for a read by the instance token of this id. */
int64_t bud_quota_read_instance(struct bud_quota *quota, struct bud_span id, int64_t mono_ms);
