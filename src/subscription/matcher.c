/* The matcher. A subscription is filed under a key made of what an event must have exactly for it:
 * type, source, subject, or those of them that are fixed; the set of them is its shape. An event
 * has one key per shape, and one more for each with a subject when it has a main subject, so at
 * most twelve lists of candidates are merged by serial, and each candidate is checked completely: a
 * key that collides costs time, not correctness. Those that ask for a unit are one list more, for
 * events of which nobody knows the main subject now. */
#include "subscription/matcher.h"

#include <assert.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/random.h"
#include "event/event.h"
#include "subscription/filter.h"
#include "subscription/postings.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define SHAPES BUD_MATCHER_SHAPES
#define WALKS  (SHAPES + SHAPES / 2 + 1)

enum part {
	PART_TYPE,
	PART_SOURCE,
	PART_SUBJECT,
	PARTS,
};

static_assert(SHAPES == 1u << PARTS, "a shape per set of parts");

/* Subscriptions with the same key. */
struct group {
	struct bud_index_link link;
	struct bud_postings postings;
};

void bud_matcher_init(struct bud_matcher *matcher)
{
	char seed[32];

	*matcher = (struct bud_matcher){0};
	bud_random_bytes(seed, sizeof(seed));
	bud_hash_key_init(&matcher->key, (struct bud_span){seed, sizeof(seed)});
}

void bud_matcher_finish(struct bud_matcher *matcher)
{
	struct bud_index_link *link;
	size_t position = 0;

	while ((link = bud_index_take(&matcher->groups, &position))) {
		struct group *group = bud_container(link, struct group, link);
		bud_postings_finish(&group->postings);
		free(group);
	}
	bud_index_finish(&matcher->groups);
	bud_postings_finish(&matcher->units);
}

static uint64_t hash_part(const struct bud_matcher *matcher, struct bud_span part)
{
	return part.at ? bud_hash_64(&matcher->key, part) : 0;
}

/* The key of a shape from the hashes of its parts; those outside the shape do not count. */
static uint64_t make_key(unsigned shape, const uint64_t hashes[PARTS])
{
	static const uint64_t factors[PARTS] = {
		0x9e3779b97f4a7c15u, 0xc2b2ae3d27d4eb4fu, 0x165667b19e3779f9u};
	uint64_t key = (shape + 1) * 0xd6e8feb86659fd93u;

	for (unsigned part = 0; part < PARTS; part++)
		if (shape & 1u << part)
			key = ((key << 23 | key >> 41) ^ hashes[part]) * factors[part];
	return key ^ key >> 29;
}

static struct group *find_group(const struct bud_matcher *matcher, uint64_t key)
{
	struct bud_index_link *link = bud_index_first(&matcher->groups, key);

	return link ? bud_container(link, struct group, link) : NULL;
}

static void file_in(
	struct bud_matcher *matcher, uint64_t key, const struct bud_subscription *subscription)
{
	struct group *group = find_group(matcher, key);

	if (!group) {
		group = bud_new(struct group);
		bud_index_add(&matcher->groups, &group->link, key);
	}
	bud_postings_add(&group->postings, subscription);
}

static void take_out(
	struct bud_matcher *matcher, uint64_t key, const struct bud_subscription *subscription)
{
	struct group *group = find_group(matcher, key);

	if (!group)
		return; /* two types with one hash */
	bud_postings_remove(&group->postings, subscription);
	if (group->postings.n_blocks > 0)
		return;
	bud_index_remove(&matcher->groups, &group->link);
	free(group);
}

typedef void (*file_fn)(struct bud_matcher *, uint64_t, const struct bud_subscription *);

/* Calls `fn` with each key of the subscription, and returns the shape they have. */
static unsigned each_key(
	struct bud_matcher *matcher, const struct bud_subscription *subscription, file_fn fn)
{
	const struct bud_filter *filter = subscription->filter;
	struct bud_span source = bud_filter_needs(filter, "source");
	struct bud_span subject = bud_filter_needs(filter, "subject");
	struct bud_span type = bud_filter_needs(filter, "type");
	uint64_t hashes[PARTS];
	unsigned shape = 0;

	if (subscription->source)
		source = bud_span(subscription->source);
	hashes[PART_SOURCE] = hash_part(matcher, source);
	hashes[PART_SUBJECT] = hash_part(matcher, subject);
	shape |= source.at ? 1u << PART_SOURCE : 0;
	shape |= subject.at ? 1u << PART_SUBJECT : 0;
	shape |= subscription->n_types || type.at ? 1u << PART_TYPE : 0;
	for (size_t i = 0; i < subscription->n_types; i++) {
		hashes[PART_TYPE] = hash_part(matcher, bud_span(subscription->types[i]));
		fn(matcher, make_key(shape, hashes), subscription);
	}
	if (subscription->n_types == 0) {
		hashes[PART_TYPE] = hash_part(matcher, type);
		fn(matcher, make_key(shape, hashes), subscription);
	}
	return shape;
}

void bud_matcher_add(struct bud_matcher *matcher, const struct bud_subscription *subscription)
{
	matcher->filed[each_key(matcher, subscription, file_in)]++;
	if (bud_filter_has_unit(subscription->filter))
		bud_postings_add(&matcher->units, subscription);
}

void bud_matcher_remove(struct bud_matcher *matcher, const struct bud_subscription *subscription)
{
	matcher->filed[each_key(matcher, subscription, take_out)]--;
	if (bud_filter_has_unit(subscription->filter))
		bud_postings_remove(&matcher->units, subscription);
}

static bool has_subject(unsigned shape)
{
	return shape & 1u << PART_SUBJECT;
}

static size_t add_walk(const struct bud_matcher *matcher, const struct bud_match *match,
	uint64_t key, struct bud_postings_cursor *out)
{
	const struct group *group = find_group(matcher, key);

	if (!group)
		return 0;
	*out = bud_postings_seek(&group->postings, match->after_serial);
	return 1;
}

/* The candidates for the event, as up to WALKS walks; returns how many. */
static size_t find_candidates(const struct bud_matcher *matcher, const struct bud_match *match,
	struct bud_postings_cursor cursors[WALKS])
{
	const struct bud_event *event = match->event;
	uint64_t hashes[PARTS] = {hash_part(matcher, event->type),
		hash_part(matcher, event->source), hash_part(matcher, event->subject)};
	size_t n = 0;

	for (unsigned shape = 0; shape < SHAPES; shape++)
		if (matcher->filed[shape] > 0 && (!has_subject(shape) || event->subject.at))
			n += add_walk(matcher, match, make_key(shape, hashes), &cursors[n]);
	if (event->is_main_unknown)
		cursors[n++] = bud_postings_seek(&matcher->units, match->after_serial);
	if (!event->main_subject || bud_span_is(event->subject, event->main_subject))
		return n;
	hashes[PART_SUBJECT] = hash_part(matcher, bud_span(event->main_subject));
	for (unsigned shape = 0; shape < SHAPES; shape++)
		if (matcher->filed[shape] > 0 && has_subject(shape))
			n += add_walk(matcher, match, make_key(shape, hashes), &cursors[n]);
	return n;
}

/* The next candidate by serial, or NULL. */
static const struct bud_subscription *take_first(struct bud_postings_cursor *cursors, size_t n)
{
	const struct bud_subscription *first = NULL;
	struct bud_postings_cursor *from = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct bud_subscription *candidate = bud_postings_current(&cursors[i]);
		if (!candidate || (first && first->serial <= candidate->serial))
			continue;
		first = candidate;
		from = &cursors[i];
	}
	if (from)
		bud_postings_advance(from);
	return first;
}

size_t bud_matcher_match(const struct bud_matcher *matcher, struct bud_match *match)
{
	struct bud_postings_cursor cursors[WALKS];
	size_t n_cursors = find_candidates(matcher, match, cursors);
	const struct bud_subscription *candidate;
	const struct bud_subscription *last = NULL;
	size_t n = 0;

	match->more = false;
	while ((candidate = take_first(cursors, n_cursors))) {
		if (candidate == last)
			continue; /* by its subject and as one with a unit */
		last = candidate;
		if (!bud_subscription_match(candidate, match->event, match->now_ms))
			continue;
		if (n == match->max) {
			match->more = true;
			break;
		}
		match->found[n++] = candidate;
	}
	return n;
}
