/* Quotas. */
#include "auth/quota.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "auth/rates.h"
#include "core/alloc.h"

#define NAMES_MAX 65536u

struct bud_quota {
	struct bud_quotas quotas;
	struct bud_rates *published;
	struct bud_rates *instance_reads;
	atomic_uint nodes;
};

struct bud_quota *bud_quota_create(const struct bud_quotas *quotas)
{
	struct bud_quota *quota = bud_new(struct bud_quota);

	quota->quotas = *quotas;
	quota->published = bud_rates_create(NAMES_MAX);
	quota->instance_reads = bud_rates_create(NAMES_MAX);
	atomic_init(&quota->nodes, 1);
	return quota;
}

void bud_quota_destroy(struct bud_quota *quota)
{
	if (!quota)
		return;
	bud_rates_destroy(quota->published);
	bud_rates_destroy(quota->instance_reads);
	free(quota);
}

void bud_quota_of(
	const struct bud_quota *quota, struct bud_span owner, struct bud_quotas *out_quotas)
{
	(void)owner; /* all have the same */
	*out_quotas = quota ? quota->quotas : (struct bud_quotas){0};
}

void bud_quota_set_nodes(struct bud_quota *quota, unsigned n)
{
	atomic_store(&quota->nodes, n > 0 ? n : 1);
}

int64_t bud_quota_publish(struct bud_quota *quota, struct bud_span owner, size_t n, int64_t mono_ms)
{
	int64_t per_s = quota ? quota->quotas.publish_per_s : 0;

	if (per_s == 0 || n == 0)
		return 0;
	return bud_rates_take(quota->published, owner, (double)per_s / atomic_load(&quota->nodes),
		(double)n, mono_ms);
}

int64_t bud_quota_read_instance(struct bud_quota *quota, struct bud_span id, int64_t mono_ms)
{
	int64_t per_s = quota ? quota->quotas.instance_reads_per_s : 0;

	if (per_s == 0)
		return 0;
	return bud_rates_take(
		quota->instance_reads, id, (double)per_s / atomic_load(&quota->nodes), 1, mono_ms);
}
