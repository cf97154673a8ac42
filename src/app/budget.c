/* The memory budget of retention. */
#include "app/budget.h"

#include <inttypes.h>

#include "config/config.h"
#include "core/error.h"
#include "core/log.h"
#include "store/index_key.h"

/* The rest is for what is parked, the subscriptions and all else. */
#define SHARE_PERCENT     70
#define SHARE_PERCENT_MAX 90
/* In a stream, and in an index. */
#define EVENT_BYTES 1150
#define ENTRY_BYTES 130

unsigned bud_budget_index_kinds(const struct bud_config *config)
{
	bool wanted[BUD_INDEX_KINDS] = {
		[BUD_INDEX_RESOURCE] = config->pull.resource,
		[BUD_INDEX_SUBJECT] = config->pull.subject,
		[BUD_INDEX_ALTERNATIVESUBJECT] = config->pull.alternativesubject,
		[BUD_INDEX_RESOURCEINSTANCE] = config->pull.resourceinstance,
	};
	unsigned kinds = 0;

	for (unsigned i = 0; i < BUD_INDEX_KINDS; i++)
		if (config->pull.enabled && wanted[i])
			kinds |= 1u << i;
	return kinds;
}

int bud_budget_check(const struct bud_config *config, uint64_t limit, struct bud_error *error)
{
	uint64_t wanted = (uint64_t)config->retention.memory_bytes;
	uint64_t budget = wanted > 0 ? wanted : limit / 100 * SHARE_PERCENT;
	uint64_t each = EVENT_BYTES;

	if (limit > 0 && wanted > limit / 100 * SHARE_PERCENT_MAX)
		return bud_error_set(error, "retention.memory_bytes",
			"retention.memory_bytes is %" PRIu64 ", but Redis may use %" PRIu64
			" bytes in all (maxmemory): at most %d %% of that, or give Redis more",
			wanted, limit, SHARE_PERCENT_MAX);
	if (budget == 0) {
		bud_log_warn("Redis has no maxmemory and retention.memory_bytes is not set: "
			     "nothing but their age bounds the events");
		return 0;
	}
	for (unsigned kinds = bud_budget_index_kinds(config); kinds; kinds &= kinds - 1)
		each += ENTRY_BYTES;
	bud_log_info("events are kept by age and memory", "age_s",
		bud_log_number(config->retention.age_s), "memory_bytes",
		bud_log_number((int64_t)budget), "kilobyte_events",
		bud_log_number((int64_t)(budget / each)));
	return 0;
}
