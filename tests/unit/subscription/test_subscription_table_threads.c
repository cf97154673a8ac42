/* The table between threads: while a writer changes, removes and reloads, each reader sees whole
 * records that match, versions that only rise, and every subscription that stays, whatever its
 * dialect and whoever shares its filter; nobody starves. Run it under the thread sanitizer, too. */
#include "subscription/make.h"

#include <pthread.h>

#include "core/clock.h"
#include "subscription/table.h"

#define READERS    3
#define CHANGING   90
#define CHUNK      7
#define TURNS      20
#define CHANGES    150 /* per turn */
#define RUN_MS_MAX 60000

/* One for each dialect and way of being found; all match all events of this test. One with each
 * stays, and many more with the same filter come and go, so that whatever equal filters share is
 * made, grown, shrunk and freed beside the readers. */
static const char *const wishes[] = {
	"",
	",'types':['t','u']",
	",'source':'https://h/a/x/y'",
	",'filters':[{'exact':{'type':'t','subject':'s'}}]",
	",'filters':[{'prefix':{'source':'https://h/a'}},{'exact':{'resource':'r'}}]",
	",'filters':[{'suffix':{'source':'/y'}}]",
	",'filters':[{'all':[{'exact':{'type':'t'}},{'prefix':{'subject':'s'}}]}]",
	",'filters':[{'any':[{'exact':{'subject':'n'}},{'exact':{'subject':'s'}}]}]",
	",'filters':[{'not':{'exact':{'subject':'n'}}}]",
	",'filters':[{'altinn':{'resource':'r','unit':'s'}}]",
	",'filters':[{'altinn':{'type':'t','source':'https://h/a/'}}]",
	",'filters':[{'sql':'subject = \\'s\\' AND source LIKE \\'https://h/%\\''}]",
	",'filters':[{'sql':'NOT (subject = CONCAT(\\'n\\', type))'}]",
};

#define WISHES (sizeof(wishes) / sizeof(*wishes))

/* Those that stay stand among the others: no serial is both. */
static uint64_t serial_of_stay(size_t i)
{
	return 1 + 10 * i;
}

static uint64_t serial_of_changing(size_t i)
{
	return 2 + i + i / 9;
}

static struct bud_subscription *make_stay(size_t i)
{
	char id[16];

	snprintf(id, sizeof(id), "stays%zu", i);
	return make_subscription(id, serial_of_stay(i), wishes[i]);
}

struct reader {
	pthread_t thread;
	struct bud_table *table;
	size_t number;
	const bool *is_over;
	size_t matches;
	uint64_t version;
};

/* One event chunk by chunk; the table may change between two chunks. Counts those that stay. */
static size_t count_stays(struct reader *reader, const struct bud_event *event)
{
	const struct bud_subscription *found[CHUNK];
	struct bud_match match = {.event = event, .now_ms = NOW_MS, .found = found, .max = CHUNK};
	size_t stays = 0;

	do {
		bud_table_lock(reader->table, reader->number);
		size_t n = bud_table_match(reader->table, &match);
		assert(n == CHUNK || !match.more);
		for (size_t i = 0; i < n; i++) {
			assert(found[i]->serial > match.after_serial && found[i]->revision > 0);
			match.after_serial = found[i]->serial;
			assert(strcmp(found[i]->sink, "https://example.com/hook") == 0);
			assert(bud_subscription_match(found[i], event, NOW_MS));
			stays += strncmp(found[i]->id, "stays", 5) == 0;
		}
		struct bud_table_version now = bud_table_version(reader->table);
		assert(now.ms >= reader->version && now.ms == now.seq);
		reader->version = now.ms;
		bud_table_unlock(reader->table, reader->number);
	} while (match.more);
	return stays;
}

static void *read_table(void *argument)
{
	struct reader *reader = argument;
	struct bud_event *events[3];

	for (size_t i = 0; i < 3; i++)
		events[i] = make_event("t", "https://h/a/x/y", ",'subject':'s','resource':'r'");
	bud_event_set_main_subject(events[1], bud_span("m"));
	events[2]->is_main_unknown = true;
	while (!__atomic_load_n(reader->is_over, __ATOMIC_ACQUIRE) || reader->matches < 3)
		assert(count_stays(reader, events[reader->matches++ % 3]) == WISHES);
	for (size_t i = 0; i < 3; i++)
		bud_event_unref(events[i]);
	return NULL;
}

/* Each wish in turn, at times one that nothing matches, and every third time none any more. */
static struct bud_table_change make_change(size_t i)
{
	static char ids[CHANGING][8];
	char *id = ids[i % CHANGING];
	uint64_t serial = serial_of_changing(i % CHANGING);
	const char *wish = wishes[i / 7 % WISHES];

	snprintf(id, sizeof(ids[0]), "s%zu", i % CHANGING);
	if (i % 3 == 2)
		return (struct bud_table_change){.id = id, .serial = serial};
	if (i % 11 == 0)
		wish = ",'filters':[{'exact':{'type':'t','subject':'n'}}]";
	return (struct bud_table_change){.put = make_subscription(id, serial, wish)};
}

static void put_stays(struct bud_table *table)
{
	for (size_t i = 0; i < WISHES; i++)
		bud_table_put(table, make_stay(i));
}

static void reload(struct bud_table *table, uint64_t version)
{
	struct bud_table *next = bud_table_create_next(table);

	put_stays(next);
	bud_table_set_version(next, (struct bud_table_version){version, version});
	bud_table_replace(table, next);
}

static void write_table(struct bud_table *table)
{
	struct bud_table_change changes[CHANGES];
	size_t i = 0;

	for (uint64_t turn = 1; turn <= TURNS; turn++) {
		for (size_t j = 0; j < CHANGES; j++)
			changes[j] = make_change(i++);
		bud_table_apply(table, changes, CHANGES, (struct bud_table_version){turn, turn});
		put_stays(table);
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
	put_stays(table);
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
