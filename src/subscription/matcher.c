/* The matcher.
 *
 *   event    type  source  subject  resource  ...          each hashed once
 *              \      |       |       /
 *   tuples   {resource}  {resource subject}  {resource subject, 24 bytes of source}  ...
 *              |              |                 at most 64; those the event cannot have are skipped
 *   keys     one 64-bit hash of each combination
 *              |              |
 *   groups   key table: 4096 segments that grow alone     key -> word
 *              |              |
 *   postings one subscription | a block of up to 128 | a list of blocks, in order of serial
 *              \              |       and beside them: unfiltered, uncovered, units
 *   walks    merged by serial; each subscription's filter is run whole, equal ones once
 *
 * A subscription is filed once for each alternative of its filter's cover (filter.h), at most 32
 * for filters. So a hit costs three accesses to memory that wait for one another: the entry, the
 * subscription, its filter; those of all tuples are under way at the same time. A cover need not be
 * exact, and two keys that are equal by chance share a group: what is found is asked anyway. */
#include "subscription/matcher.h"

#include <assert.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "event/event.h"
#include "event/notice.h"
#include "subscription/filter.h"
#include "subscription/subscription.h"

/* Keys of an event: one per tuple, and one more for those with a subject, for its main subject. */
#define KEYS_MAX  (2 * BUD_TUPLES_MAX)
#define LISTS     3
#define WALKS_MAX (KEYS_MAX + LISTS)

#define VERDICTS  16u /* kept of filters that were run */
#define LINE      64u
#define LINES_FAR 3u /* of a filter that are fetched ahead */

void bud_matcher_init(struct bud_matcher *matcher)
{
	*matcher = (struct bud_matcher){0};
	bud_tuples_init(&matcher->tuples);
}

void bud_matcher_finish(struct bud_matcher *matcher)
{
	size_t position = 0;
	uintptr_t *word;

	while ((word = bud_key_table_next(&matcher->groups, &position))) {
		struct bud_postings postings = {*word};
		bud_postings_finish(&postings);
	}
	bud_key_table_finish(&matcher->groups);
	bud_key_table_finish(&matcher->filters);
	bud_postings_finish(&matcher->unfiltered);
	bud_postings_finish(&matcher->uncovered);
	bud_postings_finish(&matcher->units);
	bud_tuples_finish(&matcher->tuples);
}

/* Filing. */

static uint64_t hash_filter(const struct bud_matcher *matcher, const struct bud_filter *filter)
{
	return bud_hash_64(&matcher->tuples.key, bud_filter_bytes(filter));
}

/* Two filters with one hash that differ: the later one stays alone. */
static void share_filter(struct bud_matcher *matcher, struct bud_subscription *subscription)
{
	struct bud_filter *own = subscription->filter;
	struct bud_filter *shared;
	uintptr_t *word;

	if (!own)
		return;
	word = bud_key_table_add(&matcher->filters, hash_filter(matcher, own));
	if (*word == 0)
		*word = (uintptr_t)own;
	shared = (struct bud_filter *)*word;
	if (shared != own && !bud_filter_equals(shared, own))
		return;
	++*bud_filter_uses(shared);
	if (shared == own)
		return;
	bud_filter_hold(shared);
	subscription->filter = shared;
	bud_filter_destroy(own);
}

static void unshare_filter(struct bud_matcher *matcher, struct bud_filter *filter)
{
	if (!filter || *bud_filter_uses(filter) == 0 || --*bud_filter_uses(filter) > 0)
		return;
	bud_key_table_remove(&matcher->filters,
		bud_key_table_find(&matcher->filters, hash_filter(matcher, filter)));
}

static void add_uncovered(struct bud_matcher *matcher, const struct bud_subscription *subscription)
{
	if (bud_postings_add(&matcher->uncovered, subscription))
		matcher->n_uncovered++;
}

static void file_in(struct bud_matcher *matcher, const struct bud_reading *reading,
	const struct bud_subscription *subscription)
{
	struct bud_tuple *tuple = bud_tuples_file(&matcher->tuples, reading);
	struct bud_postings postings;
	uintptr_t *word;

	if (!tuple) {
		add_uncovered(matcher, subscription);
		return;
	}
	word = bud_key_table_add(
		&matcher->groups, bud_tuples_key(&matcher->tuples, tuple, reading));
	postings.word = *word;
	if (!bud_postings_add(&postings, subscription)) /* two alternatives with one key */
		bud_tuples_drop(&matcher->tuples, tuple);
	*word = postings.word;
}

/* Returns whether it was there. */
static bool take_out(
	struct bud_matcher *matcher, uint64_t key, const struct bud_subscription *subscription)
{
	uintptr_t *word = bud_key_table_find(&matcher->groups, key);
	struct bud_postings postings = {word ? *word : 0};

	if (!word || !bud_postings_remove(&postings, subscription))
		return false;
	if (bud_postings_are_empty(&postings))
		bud_key_table_remove(&matcher->groups, word);
	else
		*word = postings.word;
	return true;
}

/* Which tuple it was filed under depends on what was there then: it is looked for in all. */
static void take_out_all(struct bud_matcher *matcher, const struct bud_reading *reading,
	const struct bud_subscription *subscription)
{
	struct bud_tuples *tuples = &matcher->tuples;

	for (size_t i = 0; i < tuples->n;) {
		struct bud_tuple *tuple = &tuples->at[i];
		size_t n = tuples->n;
		if (bud_tuple_fits(tuple, reading) &&
			take_out(matcher, bud_tuples_key(tuples, tuple, reading), subscription))
			bud_tuples_drop(tuples, tuple);
		if (tuples->n == n)
			i++;
	}
}

void bud_matcher_add(struct bud_matcher *matcher, struct bud_subscription *subscription)
{
	struct bud_literal literals[BUD_COVER_LITERALS_MAX];
	struct bud_reading reading;
	size_t position = 0;
	size_t n;

	share_filter(matcher, subscription);
	if (bud_filter_has_unit(subscription->filter))
		(void)bud_postings_add(&matcher->units, subscription);
	if (!subscription->filter)
		(void)bud_postings_add(&matcher->unfiltered, subscription);
	else if (bud_filter_cover_n(subscription->filter) == 0)
		add_uncovered(matcher, subscription);
	else
		while ((n = bud_filter_cover_next(subscription->filter, &position, literals))) {
			bud_tuples_read_or_add(&matcher->tuples, literals, n, &reading);
			file_in(matcher, &reading, subscription);
		}
}

void bud_matcher_remove(struct bud_matcher *matcher, const struct bud_subscription *subscription)
{
	struct bud_literal literals[BUD_COVER_LITERALS_MAX];
	struct bud_filter *filter = subscription->filter;
	struct bud_reading reading;
	size_t position = 0;
	size_t n;

	if (bud_filter_has_unit(filter))
		(void)bud_postings_remove(&matcher->units, subscription);
	if (!filter)
		(void)bud_postings_remove(&matcher->unfiltered, subscription);
	else
		while ((n = bud_filter_cover_next(filter, &position, literals))) {
			bud_tuples_read_known(&matcher->tuples, literals, n, &reading);
			take_out_all(matcher, &reading, subscription);
		}
	if (bud_postings_remove(&matcher->uncovered, subscription))
		matcher->n_uncovered--;
	unshare_filter(matcher, filter);
}

static void warm_alternative(const struct bud_matcher *matcher, const struct bud_reading *reading)
{
	uint64_t keys[BUD_TUPLES_MAX];
	size_t n = bud_tuples_keys(&matcher->tuples, reading, 0, keys);

	for (size_t i = 0; i < n; i++) {
		const uintptr_t *word = bud_key_table_find(&matcher->groups, keys[i]);
		if (word)
			bud_postings_prefetch(&(struct bud_postings){*word});
	}
}

void bud_matcher_warm(const struct bud_matcher *matcher, const struct bud_filter *filter)
{
	struct bud_literal literals[BUD_COVER_LITERALS_MAX];
	struct bud_reading reading;
	size_t position = 0;
	size_t n;

	if (!filter)
		return;
	(void)bud_key_table_find(&matcher->filters, hash_filter(matcher, filter));
	while ((n = bud_filter_cover_next(filter, &position, literals))) {
		bud_tuples_read_known(&matcher->tuples, literals, n, &reading);
		warm_alternative(matcher, &reading);
	}
}

/* Weighing. */

/* Whether a subscription's filter asks more than its keys say, and something else than `filter`. */
static bool is_residual(const struct bud_subscription *other, const struct bud_filter *filter)
{
	return other->filter != filter && !bud_filter_is_covered(other->filter) &&
	       !bud_filter_equals(other->filter, filter);
}

static size_t count_uncovered(
	const struct bud_matcher *matcher, const struct bud_subscription *subscription, size_t max)
{
	struct bud_postings_cursor cursor = bud_postings_seek(&matcher->uncovered, 0);
	size_t n = 0;

	for (; cursor.subscription && n < max; bud_postings_advance(&cursor)) {
		const struct bud_subscription *other = cursor.subscription;
		n += is_residual(other, subscription->filter) &&
		     strcmp(other->owner, subscription->owner) == 0 &&
		     strcmp(other->id, subscription->id) != 0;
	}
	return n;
}

static size_t count_residuals(const struct bud_matcher *matcher, uint64_t key,
	const struct bud_subscription *subscription, size_t max)
{
	const uintptr_t *word = bud_key_table_find(&matcher->groups, key);
	struct bud_postings postings = {word ? *word : 0};
	struct bud_postings_cursor cursor = bud_postings_seek(&postings, 0);
	size_t n = 0;

	for (; cursor.subscription && n < max; bud_postings_advance(&cursor))
		n += !cursor.is_same && is_residual(cursor.subscription, subscription->filter) &&
		     strcmp(cursor.subscription->id, subscription->id) != 0;
	return n;
}

struct bud_table_load bud_matcher_weigh(
	const struct bud_matcher *matcher, const struct bud_subscription *subscription, size_t max)
{
	const struct bud_tuples *tuples = &matcher->tuples;
	const struct bud_filter *filter = subscription->filter;
	struct bud_literal literals[BUD_COVER_LITERALS_MAX];
	struct bud_table_load load = {0};
	struct bud_reading reading;
	size_t position = 0;
	size_t n;

	if (!filter || bud_filter_is_covered(filter))
		return load;
	if (bud_filter_cover_n(filter) == 0)
		load.uncovered = count_uncovered(matcher, subscription, max);
	while ((n = bud_filter_cover_next(filter, &position, literals))) {
		const struct bud_tuple *tuple;
		size_t residuals = 0;
		bud_tuples_read_known(tuples, literals, n, &reading);
		tuple = bud_tuples_find(tuples, &reading);
		if (tuple)
			residuals = count_residuals(matcher,
				bud_tuples_key(tuples, tuple, &reading), subscription, max);
		if (residuals > load.residuals)
			load.residuals = residuals;
	}
	return load;
}

/* Matching. */

struct walk {
	struct bud_postings_cursor cursor;
	bool verdict; /* of the filter it stood on last */
};

struct matching {
	const struct bud_matcher *matcher;
	struct bud_match *match;
	bool is_notice;
	size_t n;
	struct walk walks[WALKS_MAX];
	uint8_t heap[WALKS_MAX]; /* walks that have not ended, the lowest serial first */
	struct {
		const struct bud_filter *filter;
		bool verdict;
	} verdicts[VERDICTS];
};

static_assert(WALKS_MAX <= UINT8_MAX, "a walk's number is a byte");

/* The keys of the event; returns how many. */
static size_t find_keys(const struct matching *matching, uint64_t keys[KEYS_MAX])
{
	const struct bud_tuples *tuples = &matching->matcher->tuples;
	const struct bud_event *event = matching->match->event;
	struct bud_reading reading;
	size_t n;

	bud_tuples_read_event(tuples, event, &reading);
	n = bud_tuples_keys(tuples, &reading, 0, keys);
	if (event->main_subject && !bud_span_is(event->subject, event->main_subject) &&
		bud_tuples_read_subject(tuples, bud_span(event->main_subject), &reading))
		n += bud_tuples_keys(tuples, &reading, BUD_TUPLE_SUBJECT, keys + n);
	return n;
}

/* Postings with candidates; all that is asked of memory is asked at once. */
static size_t find_postings(
	const struct matching *matching, struct bud_postings postings[WALKS_MAX])
{
	const struct bud_matcher *matcher = matching->matcher;
	uint64_t keys[KEYS_MAX];
	size_t n_keys = find_keys(matching, keys);
	size_t n = 0;

	for (size_t i = 0; i < n_keys; i++)
		bud_key_table_prefetch(&matcher->groups, keys[i]);
	for (size_t i = 0; i < n_keys; i++) {
		const uintptr_t *word = bud_key_table_find(&matcher->groups, keys[i]);
		if (!word)
			continue;
		postings[n].word = *word;
		bud_postings_prefetch(&postings[n++]);
	}
	if (!bud_postings_are_empty(&matcher->unfiltered))
		postings[n++] = matcher->unfiltered;
	if (!bud_postings_are_empty(&matcher->uncovered))
		postings[n++] = matcher->uncovered;
	if (matching->match->event->is_main_unknown && !bud_postings_are_empty(&matcher->units))
		postings[n++] = matcher->units;
	return n;
}

static void prefetch_filter(const struct bud_filter *filter)
{
	for (size_t i = 0; filter && i < LINES_FAR; i++)
		__builtin_prefetch((const char *)filter + i * LINE);
}

static void start_walks(struct matching *matching)
{
	struct bud_postings postings[WALKS_MAX];
	size_t n = find_postings(matching, postings);

	for (size_t i = 0; i < n; i++) {
		struct walk *walk = &matching->walks[matching->n];
		walk->cursor = bud_postings_seek(&postings[i], matching->match->after_serial);
		if (!walk->cursor.subscription)
			continue;
		if (walk->cursor.next)
			__builtin_prefetch(walk->cursor.subscription);
		else /* a single one, whose serial was read */
			prefetch_filter(walk->cursor.subscription->filter);
		matching->n++;
	}
	for (size_t i = 0; i < matching->n; i++)
		if (matching->walks[i].cursor.next)
			prefetch_filter(matching->walks[i].cursor.subscription->filter);
}

static uint64_t serial_at(const struct matching *matching, size_t i)
{
	return matching->walks[matching->heap[i]].cursor.serial;
}

/* Puts the walk at `i` where its serial belongs below it. */
static void sink(struct matching *matching, size_t i)
{
	for (;;) {
		size_t least = i;
		uint8_t moved = matching->heap[i];
		for (size_t child = 2 * i + 1; child < 2 * i + 3 && child < matching->n; child++)
			if (serial_at(matching, child) < serial_at(matching, least))
				least = child;
		if (least == i)
			return;
		matching->heap[i] = matching->heap[least];
		matching->heap[least] = moved;
		i = least;
	}
}

static void make_heap(struct matching *matching)
{
	for (size_t i = 0; i < matching->n; i++)
		matching->heap[i] = (uint8_t)i;
	for (size_t i = matching->n / 2; i-- > 0;)
		sink(matching, i);
}

/* The first walk goes on. */
static void advance(struct matching *matching)
{
	struct walk *walk = &matching->walks[matching->heap[0]];

	bud_postings_advance(&walk->cursor);
	if (!walk->cursor.subscription)
		matching->heap[0] = matching->heap[--matching->n];
	sink(matching, 0);
}

/* Runs a filter, unless its verdict is known. */
static bool judge(struct matching *matching, const struct bud_filter *filter)
{
	size_t place = ((uintptr_t)filter >> 4 ^ (uintptr_t)filter >> 12) % VERDICTS;

	if (!filter)
		return !matching->is_notice;
	if (matching->verdicts[place].filter == filter)
		return matching->verdicts[place].verdict;
	matching->verdicts[place].filter = filter;
	matching->verdicts[place].verdict =
		(!matching->is_notice || bud_filter_names_notices(filter)) &&
		bud_filter_match(filter, matching->match->event);
	return matching->verdicts[place].verdict;
}

/* As bud_subscription_match(), for what the walk stands on. */
static bool is_wanted(struct matching *matching, struct walk *walk)
{
	const struct bud_subscription *subscription = walk->cursor.subscription;

	if (!walk->cursor.is_same)
		walk->verdict = judge(matching, subscription->filter);
	return walk->verdict && !(walk->cursor.may_expire && subscription->expires_ms &&
					subscription->expires_ms <= matching->match->now_ms);
}

size_t bud_matcher_match(const struct bud_matcher *matcher, struct bud_match *match)
{
	struct matching matching;
	const struct bud_subscription *last = NULL;
	bool last_verdict = false;
	size_t n = 0;

	matching.matcher = matcher;
	matching.match = match;
	matching.is_notice = bud_notice_is_ours(match->event->type);
	matching.n = 0;
	memset(matching.verdicts, 0, sizeof(matching.verdicts));
	start_walks(&matching);
	make_heap(&matching);
	match->more = false;
	for (; matching.n > 0; advance(&matching)) {
		struct walk *walk = &matching.walks[matching.heap[0]];
		if (walk->cursor.subscription == last) {
			walk->verdict = last_verdict; /* by two of its alternatives */
			continue;
		}
		bool wanted = is_wanted(&matching, walk);
		last = walk->cursor.subscription;
		last_verdict = walk->verdict;
		if (wanted && n == match->max) {
			match->more = true;
			break;
		}
		if (wanted)
			match->found[n++] = last;
	}
	return n;
}
