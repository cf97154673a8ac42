/* Owned. An owner's name is read off the first of its subscriptions: there is no entry without one.
 */
#include "subscription/owned.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "subscription/subscription.h"

struct entry {
	struct bud_index_link link;
	struct bud_postings postings;
};

static struct entry *find(const struct bud_owned *owned, uint64_t hash, const char *owner)
{
	struct bud_index_link *link = bud_index_first(&owned->owners, hash);

	for (; link; link = bud_index_next(link)) {
		struct entry *entry = bud_container(link, struct entry, link);
		struct bud_postings_cursor first = bud_postings_seek(&entry->postings, 0);
		if (strcmp(first.subscription->owner, owner) == 0)
			return entry;
	}
	return NULL;
}

void bud_owned_add(
	struct bud_owned *owned, uint64_t hash, const struct bud_subscription *subscription)
{
	struct entry *entry = find(owned, hash, subscription->owner);

	if (!entry) {
		entry = bud_new(struct entry);
		bud_index_add(&owned->owners, &entry->link, hash);
	}
	(void)bud_postings_add(&entry->postings, subscription);
}

void bud_owned_remove(
	struct bud_owned *owned, uint64_t hash, const struct bud_subscription *subscription)
{
	struct entry *entry = find(owned, hash, subscription->owner);

	if (!entry)
		return;
	(void)bud_postings_remove(&entry->postings, subscription);
	if (!bud_postings_are_empty(&entry->postings))
		return;
	bud_index_remove(&owned->owners, &entry->link);
	free(entry);
}

const struct bud_postings *bud_owned_find(
	const struct bud_owned *owned, uint64_t hash, const char *owner)
{
	const struct entry *entry = find(owned, hash, owner);

	return entry ? &entry->postings : NULL;
}

void bud_owned_finish(struct bud_owned *owned)
{
	struct bud_index_link *link;
	size_t position = 0;

	while ((link = bud_index_take(&owned->owners, &position))) {
		struct entry *entry = bud_container(link, struct entry, link);
		bud_postings_finish(&entry->postings);
		free(entry);
	}
	bud_index_finish(&owned->owners);
}
