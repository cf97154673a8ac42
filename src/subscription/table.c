/* The table: ids, owners, slots, revisions and locks. What matches an event is the matcher's. */
#include "subscription/table.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/hash.h"
#include "core/random.h"
#include "subscription/filter.h"
#include "subscription/index.h"
#include "subscription/matcher.h"
#include "subscription/owned.h"
#include "subscription/postings.h"
#include "subscription/subscription.h"

#define CACHE_LINE 128 /* two: the neighbour is fetched along */

/* What the writer may do before readers get their turn. */
#define CHUNK_RECORDS  64
#define CHUNK_POSTINGS 256

/* How often a reader looks again before it sleeps: about 200 µs. */
#define SPINS 5000u

/* Reloads leave that many revisions to the table they replace. */
#define REVISIONS_APART ((uint64_t)1 << 40)

/* An id that is live no more. */
struct tombstone {
	struct bud_index_link link;
	uint64_t serial;
	char id[];
};

struct content {
	struct bud_hash_key key;
	struct bud_index live; /* subscriptions by id */
	struct bud_index tombstones;
	struct bud_matcher matcher;
	struct bud_postings all;
	struct bud_owned owned;
	size_t n_live;
	uint32_t slots;
	uint32_t *free_slots;
	size_t n_free;
	size_t free_room;
	struct bud_table_version version;
};

struct cell {
	pthread_mutex_t lock;
	bool is_waiting;
} __attribute__((aligned(CACHE_LINE)));

struct bud_table {
	struct content content;
	uint64_t last_revision;
	pthread_mutex_t turn; /* the writer's, from its first lock to its last unlock */
	bool writer_wants;
	size_t readers;
	struct cell *cells;
};

struct bud_table *bud_table_create(size_t readers)
{
	struct bud_table *table = bud_new(struct bud_table);
	char seed[32];

	bud_random_bytes(seed, sizeof(seed));
	bud_hash_key_init(&table->content.key, (struct bud_span){seed, sizeof(seed)});
	bud_matcher_init(&table->content.matcher);
	pthread_mutex_init(&table->turn, NULL);
	table->readers = readers;
	table->cells = aligned_alloc(CACHE_LINE, (readers + 1) * sizeof(*table->cells));
	if (!table->cells)
		abort();
	for (size_t i = 0; i < readers; i++) {
		pthread_mutex_init(&table->cells[i].lock, NULL);
		table->cells[i].is_waiting = false;
	}
	return table;
}

struct bud_table *bud_table_create_next(const struct bud_table *table)
{
	struct bud_table *next = bud_table_create(0);

	next->last_revision = table->last_revision + REVISIONS_APART;
	return next;
}

static void finish_content(struct content *content)
{
	struct bud_index_link *link;
	size_t position = 0;

	while ((link = bud_index_take(&content->live, &position)))
		bud_subscription_destroy(bud_container(link, struct bud_subscription, link));
	position = 0;
	while ((link = bud_index_take(&content->tombstones, &position)))
		free(bud_container(link, struct tombstone, link));
	bud_index_finish(&content->live);
	bud_index_finish(&content->tombstones);
	bud_matcher_finish(&content->matcher);
	bud_postings_finish(&content->all);
	bud_owned_finish(&content->owned);
	free(content->free_slots);
}

void bud_table_destroy(struct bud_table *table)
{
	if (!table)
		return;
	finish_content(&table->content);
	for (size_t i = 0; i < table->readers; i++)
		pthread_mutex_destroy(&table->cells[i].lock);
	pthread_mutex_destroy(&table->turn);
	free(table->cells);
	free(table);
}

/* Locks. Mutexes are not fair: who lets go and asks again at once mostly gets it. So a reader that
 * comes while the writer is collecting locks waits for the writer's turn to end, and the writer
 * begins no other turn before readers that waited have had theirs. */

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* A writer's turn takes some ten microseconds; to be put to sleep and woken takes more of them. */
static bool spin(const struct bud_table *table, struct cell *cell)
{
	for (unsigned i = 0; i < SPINS; i++) {
		if (!__atomic_load_n(&table->writer_wants, __ATOMIC_ACQUIRE) &&
			pthread_mutex_trylock(&cell->lock) == 0)
			return true;
		relax();
	}
	return false;
}

void bud_table_lock(struct bud_table *table, size_t reader)
{
	struct cell *cell = &table->cells[reader];

	assert(reader < table->readers);
	if (!__atomic_load_n(&table->writer_wants, __ATOMIC_ACQUIRE) &&
		pthread_mutex_trylock(&cell->lock) == 0)
		return;
	__atomic_store_n(&cell->is_waiting, true, __ATOMIC_RELEASE);
	if (spin(table, cell)) {
		__atomic_store_n(&cell->is_waiting, false, __ATOMIC_RELEASE);
		return;
	}
	if (__atomic_load_n(&table->writer_wants, __ATOMIC_ACQUIRE)) {
		pthread_mutex_lock(&table->turn);
		pthread_mutex_unlock(&table->turn);
	}
	pthread_mutex_lock(&cell->lock);
	__atomic_store_n(&cell->is_waiting, false, __ATOMIC_RELEASE);
}

void bud_table_unlock(struct bud_table *table, size_t reader)
{
	pthread_mutex_unlock(&table->cells[reader].lock);
}

static void take_turn(struct bud_table *table)
{
	pthread_mutex_lock(&table->turn);
	__atomic_store_n(&table->writer_wants, true, __ATOMIC_RELEASE);
	for (size_t i = 0; i < table->readers; i++)
		pthread_mutex_lock(&table->cells[i].lock);
	__atomic_store_n(&table->writer_wants, false, __ATOMIC_RELEASE);
}

static void end_turn(struct bud_table *table)
{
	for (size_t i = 0; i < table->readers; i++)
		pthread_mutex_unlock(&table->cells[i].lock);
	pthread_mutex_unlock(&table->turn);
	for (size_t i = 0; i < table->readers; i++)
		while (__atomic_load_n(&table->cells[i].is_waiting, __ATOMIC_ACQUIRE))
			sched_yield();
}

/* Changes, within the writer's turn. */

/* Of an id or an owner. */
static uint64_t hash_text(const struct bud_table *table, const char *text)
{
	return bud_hash_64(&table->content.key, bud_span(text));
}

static struct bud_subscription *find_live(
	const struct bud_table *table, const char *id, uint64_t hash)
{
	struct bud_index_link *link = bud_index_first(&table->content.live, hash);

	for (; link; link = bud_index_next(link)) {
		struct bud_subscription *live = bud_container(link, struct bud_subscription, link);
		if (strcmp(live->id, id) == 0)
			return live;
	}
	return NULL;
}

static struct tombstone *find_tombstone(
	const struct bud_table *table, const char *id, uint64_t hash)
{
	struct bud_index_link *link = bud_index_first(&table->content.tombstones, hash);

	for (; link; link = bud_index_next(link)) {
		struct tombstone *tombstone = bud_container(link, struct tombstone, link);
		if (strcmp(tombstone->id, id) == 0)
			return tombstone;
	}
	return NULL;
}

static void remove_tombstone(struct bud_table *table, const char *id, uint64_t hash)
{
	struct tombstone *tombstone = find_tombstone(table, id, hash);

	if (!tombstone)
		return;
	bud_index_remove(&table->content.tombstones, &tombstone->link);
	free(tombstone);
}

static void put_tombstone(struct bud_table *table, const char *id, uint64_t hash, uint64_t serial)
{
	struct tombstone *tombstone = find_tombstone(table, id, hash);
	size_t bytes = strlen(id) + 1;

	if (!tombstone) {
		tombstone = bud_alloc_zero(sizeof(*tombstone) + bytes);
		memcpy(tombstone->id, id, bytes);
		bud_index_add(&table->content.tombstones, &tombstone->link, hash);
	}
	tombstone->serial = serial;
}

static uint32_t take_slot(struct content *content)
{
	return content->n_free ? content->free_slots[--content->n_free] : content->slots++;
}

static void give_slot(struct content *content, uint32_t slot)
{
	if (content->n_free == content->free_room) {
		content->free_room = content->free_room ? content->free_room * 2 : 64;
		content->free_slots = bud_realloc(
			content->free_slots, content->free_room * sizeof(*content->free_slots));
	}
	content->free_slots[content->n_free++] = slot;
}

/* Returns the record that was live, which nobody finds any more, or NULL. */
static struct bud_subscription *unfile(struct bud_table *table, const char *id, uint64_t hash)
{
	struct bud_subscription *old = find_live(table, id, hash);

	if (!old)
		return NULL;
	bud_index_remove(&table->content.live, &old->link);
	bud_matcher_remove(&table->content.matcher, old);
	(void)bud_postings_remove(&table->content.all, old);
	bud_owned_remove(&table->content.owned, hash_text(table, old->owner), old);
	table->content.n_live--;
	return old;
}

static struct bud_subscription *put(struct bud_table *table, struct bud_subscription *taken)
{
	uint64_t hash = hash_text(table, taken->id);
	struct bud_subscription *old = unfile(table, taken->id, hash);

	assert(taken->serial > 0);
	if (!old)
		remove_tombstone(table, taken->id, hash);
	taken->slot = old ? old->slot : take_slot(&table->content);
	taken->revision = ++table->last_revision;
	bud_index_add(&table->content.live, &taken->link, hash);
	bud_matcher_add(&table->content.matcher, taken);
	(void)bud_postings_add(&table->content.all, taken);
	bud_owned_add(&table->content.owned, hash_text(table, taken->owner), taken);
	table->content.n_live++;
	return old;
}

static struct bud_subscription *bury(struct bud_table *table, const char *id, uint64_t serial)
{
	uint64_t hash = hash_text(table, id);
	struct bud_subscription *old = unfile(table, id, hash);

	put_tombstone(table, id, hash, serial);
	if (old)
		give_slot(&table->content, old->slot);
	return old;
}

/* Applies as many as one turn may; returns how many. What they replaced goes to `old`. */
static size_t apply_chunk(struct bud_table *table, const struct bud_table_change *changes, size_t n,
	struct bud_subscription *old[CHUNK_RECORDS])
{
	size_t postings = 0;
	size_t i = 0;

	while (i < n && i < CHUNK_RECORDS && postings < CHUNK_POSTINGS) {
		const struct bud_table_change *change = &changes[i];
		if (change->put)
			old[i] = put(table, change->put);
		else
			old[i] = bury(table, change->id, change->serial);
		postings += change->put ? bud_filter_cover_n(change->put->filter) : 0;
		postings += old[i] ? bud_filter_cover_n(old[i]->filter) : 0;
		i++;
	}
	return i;
}

static void warm_one(const struct bud_table *table, const struct bud_table_change *change)
{
	const char *id = change->put ? change->put->id : change->id;
	uint64_t hash = hash_text(table, id);
	const struct bud_subscription *live = find_live(table, id, hash);

	if (live) {
		bud_matcher_warm(&table->content.matcher, live->filter);
		(void)bud_postings_seek(&table->content.all, live->serial);
		(void)bud_table_next_of(table, live->owner, live->serial);
	}
	if (change->put) {
		bud_matcher_warm(&table->content.matcher, change->put->filter);
		(void)bud_table_next_of(table, change->put->owner, change->put->serial);
	} else {
		(void)find_tombstone(table, id, hash);
	}
}

/* Reads what the changes will touch while readers go on: the writer alone changes the table. What
 * waits for memory is most of a change. A load in bulk has nobody to spare. */
static void warm(const struct bud_table *table, const struct bud_table_change *changes, size_t n)
{
	if (n > CHUNK_RECORDS)
		return;
	for (size_t i = 0; i < n; i++)
		warm_one(table, &changes[i]);
}

void bud_table_apply(struct bud_table *table, const struct bud_table_change *changes, size_t n,
	struct bud_table_version version)
{
	struct bud_subscription *old[CHUNK_RECORDS];
	size_t done;

	warm(table, changes, n);
	do {
		take_turn(table);
		done = apply_chunk(table, changes, n, old);
		n -= done;
		changes = n > 0 ? changes + done : NULL;
		if (n == 0)
			table->content.version = version;
		end_turn(table);
		for (size_t i = 0; i < done; i++)
			bud_subscription_destroy(old[i]);
	} while (n > 0);
}

void bud_table_put(struct bud_table *table, struct bud_subscription *taken)
{
	struct bud_table_change change = {.put = taken};

	bud_table_apply(table, &change, 1, table->content.version);
}

void bud_table_remove(struct bud_table *table, const char *id, uint64_t serial)
{
	struct bud_table_change change = {.id = id, .serial = serial};

	bud_table_apply(table, &change, 1, table->content.version);
}

void bud_table_set_version(struct bud_table *table, struct bud_table_version version)
{
	bud_table_apply(table, NULL, 0, version);
}

void bud_table_forget(struct bud_table *table, const char *id)
{
	take_turn(table);
	remove_tombstone(table, id, hash_text(table, id));
	end_turn(table);
}

void bud_table_replace(struct bud_table *table, struct bud_table *next)
{
	struct content old;

	assert(next->last_revision >= REVISIONS_APART); /* create_next() */
	take_turn(table);
	old = table->content;
	table->content = next->content;
	table->last_revision = next->last_revision;
	end_turn(table);
	next->content = old;
	bud_table_destroy(next);
}

/* What readers ask. */

struct bud_table_version bud_table_version(const struct bud_table *table)
{
	return table->content.version;
}

bool bud_table_has_units(const struct bud_table *table)
{
	return !bud_postings_are_empty(&table->content.matcher.units);
}

struct bud_table_load bud_table_weigh(
	const struct bud_table *table, const struct bud_subscription *subscription, size_t max)
{
	return bud_matcher_weigh(&table->content.matcher, subscription, max);
}

size_t bud_table_uncovered(const struct bud_table *table)
{
	return table->content.matcher.n_uncovered;
}

size_t bud_table_match(const struct bud_table *table, struct bud_match *match)
{
	return bud_matcher_match(&table->content.matcher, match);
}

enum bud_table_state bud_table_find(const struct bud_table *table, const char *id,
	const struct bud_subscription **out_subscription)
{
	uint64_t hash = hash_text(table, id);
	const struct bud_subscription *live = find_live(table, id, hash);

	if (!live)
		return find_tombstone(table, id, hash) ? BUD_TABLE_DELETED : BUD_TABLE_UNKNOWN;
	if (out_subscription)
		*out_subscription = live;
	return BUD_TABLE_LIVE;
}

const struct bud_subscription *bud_table_next(const struct bud_table *table, uint64_t after_serial)
{
	return bud_postings_seek(&table->content.all, after_serial).subscription;
}

const struct bud_subscription *bud_table_next_of(
	const struct bud_table *table, const char *owner, uint64_t after_serial)
{
	const struct bud_postings *postings =
		bud_owned_find(&table->content.owned, hash_text(table, owner), owner);

	return postings ? bud_postings_seek(postings, after_serial).subscription : NULL;
}

size_t bud_table_count(const struct bud_table *table)
{
	return table->content.n_live;
}

size_t bud_table_slots(const struct bud_table *table)
{
	return table->content.slots;
}
