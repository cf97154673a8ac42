/* The table between threads: while a writer changes, removes and reloads, each reader sees whole
 * records, versions that only rise, and every subscription that stays; nobody starves. Run it under
 * the thread sanitizer, too. */
#include "subscription/make.h"

#include <pthread.h>

#include "core/clock.h"
#include "subscription/table.h"

#define READERS    3
#define CHANGING   100 /* serials above the one that stays */
#define TURNS      20
#define RUN_MS_MAX 20000

struct reader {
	pthread_t thread;
	struct bud_table *table;
	size_t number;
	const bool *is_over;
	size_t matches;
};

static void *read_table(void *argument)
{
	struct reader *reader = argument;
	struct bud_event *event = make_event("t", "/x", "");
	const struct bud_subscription *found[CHANGING + 1];
	struct bud_match match = {
		.event = event, .now_ms = NOW_MS, .found = found, .max = CHANGING + 1};
	uint64_t version = 0;

	while (!__atomic_load_n(reader->is_over, __ATOMIC_ACQUIRE) || reader->matches == 0) {
		uint64_t last = 0;
		bud_table_lock(reader->table, reader->number);
		size_t n = bud_table_match(reader->table, &match);
		assert(n >= 1 && strcmp(found[0]->id, "stays") == 0);
		for (size_t i = 0; i < n; i++) {
			assert(found[i]->serial > last && found[i]->revision > 0);
			last = found[i]->serial;
			assert(strcmp(found[i]->sink, "https://example.com/hook") == 0);
		}
		struct bud_table_version now = bud_table_version(reader->table);
		assert(now.ms >= version && now.ms == now.seq);
		version = now.ms;
		bud_table_unlock(reader->table, reader->number);
		reader->matches++;
	}
	bud_event_unref(event);
	return NULL;
}

static struct bud_table_change make_change(size_t i)
{
	static char ids[CHANGING][8];
	char *id = ids[i % CHANGING];

	snprintf(id, sizeof(ids[0]), "s%zu", i % CHANGING);
	if (i % 3 == 2)
		return (struct bud_table_change){.id = id, .serial = i % CHANGING + 2};
	return (struct bud_table_change){
		.put = make_subscription(id, i % CHANGING + 2, i % 2 ? ",'types':['t']" : "")};
}

static void reload(struct bud_table *table, uint64_t version)
{
	struct bud_table *next = bud_table_create_next(table);

	bud_table_put(next, make_subscription("stays", 1, ""));
	bud_table_set_version(next, (struct bud_table_version){version, version});
	bud_table_replace(table, next);
}

static void write_table(struct bud_table *table)
{
	struct bud_table_change changes[150];
	size_t i = 0;

	for (uint64_t turn = 1; turn <= TURNS; turn++) {
		for (size_t j = 0; j < 150; j++)
			changes[j] = make_change(i++);
		bud_table_apply(table, changes, 150, (struct bud_table_version){turn, turn});
		bud_table_put(table, make_subscription("stays", 1, ",'types':['t']"));
		if (turn % 10 == 0)
			reload(table, turn);
	}
}

static void readers_and_writer_get_along(void **state)
{
	struct bud_table *table = bud_table_create(READERS);
	struct reader readers[READERS];
	bool is_over = false;
	int64_t start = bud_clock_mono_ms();

	(void)state;
	bud_table_put(table, make_subscription("stays", 1, ""));
	for (size_t i = 0; i < READERS; i++) {
		readers[i] = (struct reader){.table = table, .number = i, .is_over = &is_over};
		assert_int_equal(
			pthread_create(&readers[i].thread, NULL, read_table, &readers[i]), 0);
	}
	write_table(table);
	__atomic_store_n(&is_over, true, __ATOMIC_RELEASE);
	for (size_t i = 0; i < READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		print_message("reader %zu matched %zu times\n", i, readers[i].matches);
	}
	assert_true(bud_clock_mono_ms() - start < RUN_MS_MAX);
	bud_table_destroy(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(readers_and_writer_get_along)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
