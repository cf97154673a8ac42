/* The refusal of what a quota does not allow: one form for all of them, with the quota's name, its
 * limit and what is used of it. */
#pragma once
#include <stdint.h>
#include "core/text.h"

struct bud_quota;   /* auth/quota.h */
struct bud_request; /* http/request.h */

struct bud_quota_refusal {
	const char *quota; /* the setting's last word: "subscriptions" */
	int64_t limit;
	int64_t used;    /* negative: it says nothing */
	int64_t wait_ms; /* until it may be otherwise; 0: waiting alone does not help */
	const char *detail;
};

/* Answers 429 with Retry-After: "rate-limited" where waiting helps, else "quota-exceeded" and an
 * hour. */
void bud_quota_refuse(struct bud_request *request, const struct bud_quota_refusal *refusal);
/* Fills the refusal of more to wait than already does, for this owner. Borrows nothing. */
void bud_quota_refusal_of_parked(
	struct bud_span owner, struct bud_quota *quota, struct bud_quota_refusal *out_refusal);
