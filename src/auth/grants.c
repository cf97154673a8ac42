/* The table of grants. Questions look up who got them; lists, which are rare, walk all. */
#include "auth/grants.h"

#include <stdlib.h>

/* Grants to one. */
struct list {
	char *name; /* of who gave them, or got them */
	size_t n;
	struct bud_grant **at;
};

/* All to one, and among them those of each who gave some. */
struct given {
	struct list all;
	struct bud_map by_owner; /* struct list */
};

static void add(struct list *list, struct bud_grant *grant)
{
	if ((list->n & (list->n - 1)) == 0)
		list->at = bud_realloc(
			list->at, (list->n ? 2 * list->n : 1) * sizeof(struct bud_grant *));
	list->at[list->n++] = grant;
}

static void take_out(struct list *list, const struct bud_grant *grant)
{
	size_t i = 0;

	while (list->at[i] != grant)
		i++;
	list->at[i] = list->at[--list->n];
}

static void finish_list(struct list *list)
{
	free(list->at);
	free(list->name);
}

static void destroy_list(struct list *list)
{
	finish_list(list);
	free(list);
}

static void destroy_given(struct given *given)
{
	struct list *list;
	size_t position = 0;

	while ((list = bud_map_next(&given->by_owner, &position)))
		destroy_list(list);
	bud_map_finish(&given->by_owner);
	finish_list(&given->all);
	free(given);
}

static void unlist(struct bud_grants *grants, const struct bud_grant *grant)
{
	struct given *given = bud_map_get(&grants->by_to, bud_span(grant->to));
	struct list *list = bud_map_get(&given->by_owner, bud_span(grant->owner));

	take_out(&given->all, grant);
	take_out(list, grant);
	if (list->n == 0) {
		bud_map_remove(&given->by_owner, bud_span(list->name));
		destroy_list(list);
	}
	if (given->all.n > 0)
		return;
	bud_map_remove(&grants->by_to, bud_span(given->all.name));
	destroy_given(given);
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
	struct list *list;

	bud_grants_remove(grants, bud_span(taken->id));
	bud_map_put(&grants->by_id, bud_span(taken->id), taken);
	given = bud_map_get(&grants->by_to, bud_span(taken->to));
	if (!given) {
		given = bud_new(struct given);
		given->all.name = bud_strdup(taken->to);
		bud_map_put(&grants->by_to, bud_span(given->all.name), given);
	}
	list = bud_map_get(&given->by_owner, bud_span(taken->owner));
	if (!list) {
		list = bud_new(struct list);
		list->name = bud_strdup(taken->owner);
		bud_map_put(&given->by_owner, bud_span(list->name), list);
	}
	add(&given->all, taken);
	add(list, taken);
}

void bud_grants_finish(struct bud_grants *grants)
{
	struct bud_grant *grant;
	struct given *given;
	size_t position = 0;

	while ((given = bud_map_next(&grants->by_to, &position)))
		destroy_given(given);
	position = 0;
	while ((grant = bud_map_next(&grants->by_id, &position)))
		bud_grant_destroy(grant);
	bud_map_finish(&grants->by_to);
	bud_map_finish(&grants->by_id);
}

static const struct bud_grant *next(const struct list *list, size_t *position)
{
	return list && *position < list->n ? list->at[(*position)++] : NULL;
}

const struct bud_grant *bud_grants_next_to(
	const struct bud_grants *grants, struct bud_span to, size_t *position)
{
	const struct given *given = bud_map_get(&grants->by_to, to);

	return given ? next(&given->all, position) : NULL;
}

const struct bud_grant *bud_grants_next_between(const struct bud_grants *grants,
	struct bud_span owner, struct bud_span to, size_t *position)
{
	const struct given *given = bud_map_get(&grants->by_to, to);

	return given ? next(bud_map_get(&given->by_owner, owner), position) : NULL;
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
