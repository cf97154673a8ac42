/* An index by linear hashing: bucket after bucket is split in two, in the order of their numbers.
 * Segment 0 has the first 64 buckets, each further one as many as all before it. */
#include "subscription/index.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/alloc.h"

#define FIRST_SEGMENT 64u

static unsigned log2_of(size_t n)
{
	return 63u - (unsigned)__builtin_clzll(n);
}

static size_t segment_room(unsigned segment)
{
	return segment ? (size_t)FIRST_SEGMENT << (segment - 1) : FIRST_SEGMENT;
}

static struct bud_index_link **bucket_at(const struct bud_index *index, size_t bucket)
{
	unsigned segment = bucket < FIRST_SEGMENT ? 0 : log2_of(bucket / FIRST_SEGMENT) + 1;

	return &index->segments[segment][segment ? bucket - segment_room(segment) : bucket];
}

/* The mask that tells `buckets` buckets apart. */
static size_t mask_for(size_t buckets)
{
	return buckets > 1 ? ((size_t)2 << log2_of(buckets - 1)) - 1 : 0;
}

static struct bud_index_link **home_of(const struct bud_index *index, uint64_t hash)
{
	size_t mask = mask_for(index->buckets);
	size_t bucket = hash & mask;

	return bucket_at(index, bucket < index->buckets ? bucket : hash & (mask >> 1));
}

/* Adds a bucket and moves there what belongs to it. */
static void split(struct bud_index *index)
{
	size_t added = index->buckets;
	size_t mask = mask_for(added + 1);
	struct bud_index_link **from = bucket_at(index, added & (mask >> 1));
	struct bud_index_link **to;

	if ((added & (added - 1)) == 0) {
		unsigned segment = log2_of(added / FIRST_SEGMENT) + 1;
		index->segments[segment] =
			bud_alloc_zero(segment_room(segment) * sizeof(struct bud_index_link *));
	}
	to = bucket_at(index, added);
	while (*from) {
		struct bud_index_link *link = *from;
		if ((link->hash & mask) != added) {
			from = &link->next;
			continue;
		}
		*from = link->next;
		link->next = *to;
		*to = link;
	}
	index->buckets++;
}

void bud_index_add(struct bud_index *index, struct bud_index_link *link, uint64_t hash)
{
	struct bud_index_link **home;

	if (index->buckets == 0) {
		index->segments[0] =
			bud_alloc_zero(FIRST_SEGMENT * sizeof(struct bud_index_link *));
		index->buckets = FIRST_SEGMENT;
	}
	if (index->n++ >= index->buckets)
		split(index);
	home = home_of(index, hash);
	link->hash = hash;
	link->next = *home;
	*home = link;
}

void bud_index_remove(struct bud_index *index, struct bud_index_link *link)
{
	struct bud_index_link **at = home_of(index, link->hash);

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	index->n--;
}

static struct bud_index_link *with_hash(struct bud_index_link *link, uint64_t hash)
{
	while (link && link->hash != hash)
		link = link->next;
	return link;
}

struct bud_index_link *bud_index_first(const struct bud_index *index, uint64_t hash)
{
	return index->buckets ? with_hash(*home_of(index, hash), hash) : NULL;
}

struct bud_index_link *bud_index_next(const struct bud_index_link *link)
{
	return with_hash(link->next, link->hash);
}

struct bud_index_link *bud_index_take(struct bud_index *index, size_t *position)
{
	for (; *position < index->buckets; ++*position) {
		struct bud_index_link **bucket = bucket_at(index, *position);
		struct bud_index_link *link = *bucket;
		if (!link)
			continue;
		*bucket = link->next;
		index->n--;
		return link;
	}
	return NULL;
}

void bud_index_finish(struct bud_index *index)
{
	for (size_t i = 0; i < BUD_INDEX_SEGMENTS; i++)
		free(index->segments[i]);
	*index = (struct bud_index){0};
}
