/* The table of grants. Questions look up who got them; lists, which are rare, walk all. */
#include "auth/grants.h"

#include <stdlib.h>

struct given {
	char *to;
	size_t n;
	struct bud_grant **at;
};

static void unlist(struct bud_grants *grants, const struct bud_grant *grant)
{
	struct given *given = bud_map_get(&grants->by_to, bud_span(grant->to));
	size_t i = 0;

	while (given->at[i] != grant)
		i++;
	given->at[i] = given->at[--given->n];
	if (given->n > 0)
		return;
	bud_map_remove(&grants->by_to, bud_span(given->to));
	free(given->at);
	free(given->to);
	free(given);
}

void bud_grants_remove(struct bud_grants *grants, struct bud_span id)
{
	struct bud_grant *grant = bud_map_remove(&grants->by_id, id);

	if (!grant)
		return;
	unlist(grants, grant);
	bud_grant_destroy(grant);
}

void bud_grants_put(struct bud_grants *grants, struct bud_grant *taken)
{
	struct given *given;

	bud_grants_remove(grants, bud_span(taken->id));
	bud_map_put(&grants->by_id, bud_span(taken->id), taken);
	given = bud_map_get(&grants->by_to, bud_span(taken->to));
	if (!given) {
		given = bud_new(struct given);
		given->to = bud_strdup(taken->to);
		bud_map_put(&grants->by_to, bud_span(given->to), given);
	}
	if ((given->n & (given->n - 1)) == 0)
		given->at = bud_realloc(
			given->at, (given->n ? 2 * given->n : 1) * sizeof(struct bud_grant *));
	given->at[given->n++] = taken;
}

void bud_grants_finish(struct bud_grants *grants)
{
	struct bud_grant *grant;
	struct given *given;
	size_t position = 0;

	while ((given = bud_map_next(&grants->by_to, &position))) {
		free(given->at);
		free(given->to);
		free(given);
	}
	position = 0;
	while ((grant = bud_map_next(&grants->by_id, &position)))
		bud_grant_destroy(grant);
	bud_map_finish(&grants->by_to);
	bud_map_finish(&grants->by_id);
}

const struct bud_grant *bud_grants_next_to(
	const struct bud_grants *grants, struct bud_span to, size_t *position)
{
	const struct given *given = bud_map_get(&grants->by_to, to);

	return given && *position < given->n ? given->at[(*position)++] : NULL;
}

static int by_serial(const void *a, const void *b)
{
	uint64_t left = (*(const struct bud_grant *const *)a)->serial;
	uint64_t right = (*(const struct bud_grant *const *)b)->serial;

	return left < right ? -1 : left > right;
}

const struct bud_grant **bud_grants_list(
	const struct bud_grants *grants, struct bud_span owner, uint64_t after, size_t *out_n)
{
	const struct bud_grant **list = NULL;
	const struct bud_grant *grant;
	size_t position = 0;
	size_t n = 0;

	while ((grant = bud_map_next(&grants->by_id, &position))) {
		if (grant->serial <= after ||
			!(bud_span_is(owner, grant->owner) || bud_span_is(owner, grant->to)))
			continue;
		if ((n & (n - 1)) == 0)
			list = bud_realloc(list, (n ? 2 * n : 1) * sizeof(*list));
		list[n++] = grant;
	}
	if (n > 1)
		qsort(list, n, sizeof(*list), by_serial);
	*out_n = n;
	return list;
}

size_t bud_grants_count(const struct bud_grants *grants, struct bud_span owner, size_t max)
{
	const struct bud_grant *grant;
	size_t position = 0;
	size_t n = 0;

	while (n < max && (grant = bud_map_next(&grants->by_id, &position)))
		n += bud_span_is(owner, grant->owner);
	return n;
}

const struct bud_grant *bud_grants_next_expired(
	const struct bud_grants *grants, int64_t before_ms, size_t *position)
{
	const struct bud_grant *grant;

	while ((grant = bud_map_next(&grants->by_id, position)))
		if (grant->until_ms != 0 && grant->until_ms < before_ms)
			return grant;
	return NULL;
}
