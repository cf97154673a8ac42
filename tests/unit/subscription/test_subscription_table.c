/* The table: live, deleted and unknown are told apart; slots stay and are reused, revisions never;
 * a broadcast is walked in chunks by serial; a reload replaces everything; an idle subscription
 * costs at most 1 KiB. */
#include "subscription/make.h"

#include <malloc.h>

#include "subscription/table.h"

static enum bud_table_state find(const struct bud_table *table, const char *id)
{
	return bud_table_find(table, id, NULL);
}

static const struct bud_subscription *get(const struct bud_table *table, const char *id)
{
	const struct bud_subscription *found = NULL;

	assert_int_equal(bud_table_find(table, id, &found), BUD_TABLE_LIVE);
	assert_string_equal(found->id, id);
	return found;
}

static size_t count_matches(const struct bud_table *table, const char *type, int64_t now_ms)
{
	const struct bud_subscription *found[64];
	struct bud_event *event = make_event(type, "/x", "");
	struct bud_match match = {.event = event, .now_ms = now_ms, .found = found, .max = 64};
	size_t n = bud_table_match(table, &match);

	bud_event_unref(event);
	return n;
}

static void tells_live_deleted_and_unknown_apart(void **state)
{
	struct bud_table *table = bud_table_create(1);

	(void)state;
	bud_table_lock(table, 0);
	assert_int_equal(find(table, "a"), BUD_TABLE_UNKNOWN);
	bud_table_unlock(table, 0);
	bud_table_put(table, make_subscription("a", 1, ",'types':['t']"));
	assert_int_equal(find(table, "a"), BUD_TABLE_LIVE);
	assert_int_equal(count_matches(table, "t", NOW_MS), 1);
	bud_table_remove(table, "a", 1);
	bud_table_remove(table, "never-seen", 2);
	assert_int_equal(find(table, "a"), BUD_TABLE_DELETED);
	assert_int_equal(find(table, "never-seen"), BUD_TABLE_DELETED);
	assert_int_equal(count_matches(table, "t", NOW_MS), 0);
	assert_int_equal(bud_table_count(table), 0);
	bud_table_remove(table, "a", 1);
	bud_table_forget(table, "a");
	bud_table_forget(table, "unheard-of");
	assert_int_equal(find(table, "a"), BUD_TABLE_UNKNOWN);
	bud_table_put(table, make_subscription("never-seen", 3, ",'types':['t']"));
	assert_int_equal(find(table, "never-seen"), BUD_TABLE_LIVE);
	bud_table_forget(table, "never-seen"); /* not a tombstone */
	assert_int_equal(count_matches(table, "t", NOW_MS), 1);
	bud_table_destroy(table);
}

static void a_change_keeps_the_slot_and_takes_a_new_revision(void **state)
{
	struct bud_table *table = bud_table_create(1);
	uint64_t revision;
	uint32_t slot;

	(void)state;
	bud_table_put(table, make_subscription("a", 1, ",'types':['t','u']"));
	bud_table_put(table, make_subscription("b", 2, ""));
	slot = get(table, "a")->slot;
	revision = get(table, "a")->revision;
	assert_int_not_equal(slot, get(table, "b")->slot);
	assert_int_not_equal(revision, get(table, "b")->revision);
	bud_table_put(table, make_subscription("a", 1, ",'types':['v']"));
	assert_int_equal(get(table, "a")->slot, slot);
	assert_true(get(table, "a")->revision > get(table, "b")->revision);
	assert_int_equal(bud_table_count(table), 2);
	assert_int_equal(count_matches(table, "t", NOW_MS), 1);
	assert_int_equal(count_matches(table, "v", NOW_MS), 2);
	revision = get(table, "a")->revision;
	bud_table_remove(table, "a", 1);
	bud_table_put(table, make_subscription("c", 3, ""));
	assert_int_equal(get(table, "c")->slot, slot);
	assert_true(get(table, "c")->revision > revision);
	assert_int_equal(bud_table_slots(table), 2);
	bud_table_destroy(table);
}

static void applies_in_order_and_sets_the_version_last(void **state)
{
	enum { N = 1000 };
	struct bud_table *table = bud_table_create(3);
	struct bud_table_change changes[N];
	struct bud_table_version version;
	char id[16];

	(void)state;
	for (size_t i = 0; i < N; i++) {
		snprintf(id, sizeof(id), "s%zu", i / 2);
		changes[i] = (struct bud_table_change){
			.put = make_subscription(id, i / 2 + 1, i % 2 ? ",'types':['b']" : "")};
	}
	bud_table_apply(table, changes, N, (struct bud_table_version){7, 8});
	version = bud_table_version(table);
	assert_int_equal(version.ms, 7);
	assert_int_equal(version.seq, 8);
	assert_int_equal(bud_table_count(table), N / 2);
	assert_int_equal(count_matches(table, "a", NOW_MS), 0);
	assert_int_equal(count_matches(table, "b", NOW_MS), 64);
	bud_table_remove(table, "s0", 1);
	assert_int_equal(bud_table_version(table).ms, 7);
	bud_table_set_version(table, (struct bud_table_version){9, 0});
	assert_int_equal(bud_table_version(table).ms, 9);
	bud_table_destroy(table);
}

static void expired_ones_do_not_match(void **state)
{
	struct bud_table *table = bud_table_create(1);

	(void)state;
	bud_table_put(table, make_subscription("a", 1, ",'expires':'2030-01-01T00:00:00Z'"));
	assert_int_equal(count_matches(table, "t", 1893455999999), 1);
	assert_int_equal(count_matches(table, "t", 1893456000000), 0);
	assert_int_equal(find(table, "a"), BUD_TABLE_LIVE);
	bud_table_destroy(table);
}

/* 1000 matches over several shapes, put in with falling serials, 256 at a time. */
static void a_broadcast_is_walked_in_chunks_by_serial(void **state)
{
	static const char *const shapes[] = {"", ",'types':['x','t']", ",'source':'/x'",
		",'types':['t'],'source':'/x'", ",'types':['no']",
		",'filters':[{'exact':{'subject':'s'}}]", ",'filters':[{'exact':{'type':'t'}}]"};
	struct bud_table *table = bud_table_create(1);
	struct bud_event *event = make_event("t", "/x", ",'subject':'s'");
	const struct bud_subscription *found[256];
	struct bud_match match = {
		.event = event, .now_ms = NOW_MS, .found = found, .max = 256, .more = true};
	uint64_t last = 0;
	size_t total = 0;
	char id[16];

	(void)state;
	for (uint64_t serial = 1400; serial > 0; serial--) {
		snprintf(id, sizeof(id), "s%u", (unsigned)serial);
		bud_table_put(table, make_subscription(id, serial, shapes[serial % 7]));
	}
	while (match.more) {
		size_t n = bud_table_match(table, &match);
		assert_int_equal(n, match.more ? 256 : 1200 % 256);
		for (size_t i = 0; i < n; i++) {
			assert_true(found[i]->serial > last);
			last = found[i]->serial;
			assert_int_not_equal(last % 7, 4);
		}
		match.after_serial = last;
		total += n;
	}
	assert_int_equal(total, 1200);
	bud_event_unref(event);
	bud_table_destroy(table);
}

static void more_is_said_only_when_there_is_more(void **state)
{
	struct bud_table *table = bud_table_create(1);
	struct bud_event *event = make_event("t", "/x", "");
	const struct bud_subscription *found[2];
	struct bud_match match = {.event = event, .now_ms = NOW_MS, .found = found, .max = 2};

	(void)state;
	bud_table_put(table, make_subscription("a", 1, ""));
	bud_table_put(table, make_subscription("b", 2, ""));
	bud_table_put(table, make_subscription("c", 3, ",'types':['other']"));
	assert_int_equal(bud_table_match(table, &match), 2);
	assert_false(match.more);
	bud_table_put(table, make_subscription("d", 4, ""));
	assert_int_equal(bud_table_match(table, &match), 2);
	assert_true(match.more);
	bud_event_unref(event);
	bud_table_destroy(table);
}

static void walks_all_by_serial(void **state)
{
	struct bud_table *table = bud_table_create(1);
	const struct bud_subscription *next;

	(void)state;
	assert_null(bud_table_next(table, 0));
	bud_table_put(table, make_subscription("a", 5, ""));
	bud_table_put(table, make_subscription("b", 2, ""));
	bud_table_put(table, make_subscription("c", 9, ""));
	bud_table_remove(table, "a", 5);
	next = bud_table_next(table, 0);
	assert_string_equal(next->id, "b");
	next = bud_table_next(table, next->serial);
	assert_string_equal(next->id, "c");
	assert_null(bud_table_next(table, next->serial));
	bud_table_destroy(table);
}

#define OWNERS 5
#define IDS    60

static void put_of(struct bud_table *table, unsigned id, unsigned owner, uint64_t serial)
{
	char text[24];
	struct bud_subscription *made;

	snprintf(text, sizeof(text), "i%u", id);
	made = make_subscription(text, serial, "");
	free(made->owner);
	snprintf(text, sizeof(text), "/o/%u", owner);
	made->owner = bud_strdup(text);
	bud_table_put(table, made);
}

/* Whatever changed, an owner's walk is the walk over all without the others'. */
static void must_agree(const struct bud_table *table, const char *owner)
{
	const struct bud_subscription *of = bud_table_next_of(table, owner, 0);
	const struct bud_subscription *next = bud_table_next(table, 0);

	for (; next; next = bud_table_next(table, next->serial)) {
		if (strcmp(next->owner, owner) != 0)
			continue;
		assert_ptr_equal(of, next);
		of = bud_table_next_of(table, owner, of->serial);
	}
	assert_null(of);
}

static void walks_those_of_an_owner(void **state)
{
	struct bud_table *table = bud_table_create(1);
	unsigned random = 1;

	(void)state;
	for (uint64_t step = 1; step <= 2000; step++) {
		char text[24];
		unsigned id;
		random = random * 1103515245 + 12345;
		id = (random >> 16) % IDS;
		snprintf(text, sizeof(text), "i%u", id);
		if ((random >> 8) % 3 == 0)
			bud_table_remove(table, text, step);
		else
			put_of(table, id, (random >> 24) % OWNERS, step);
		snprintf(text, sizeof(text), "/o/%u", (unsigned)(step % (OWNERS + 1)));
		must_agree(table, text);
	}
	assert_true(bud_table_count(table) > IDS / 3);
	bud_table_replace(table, bud_table_create_next(table));
	assert_null(bud_table_next_of(table, "/o/1", 0));
	bud_table_destroy(table);
}

static void a_reload_replaces_everything(void **state)
{
	struct bud_table *table = bud_table_create(2);
	struct bud_table *next;
	uint64_t revision;

	(void)state;
	bud_table_put(table, make_subscription("a", 1, ",'types':['t']"));
	bud_table_put(table, make_subscription("b", 2, ",'types':['t']"));
	next = bud_table_create_next(table);
	bud_table_put(next, make_subscription("b", 2, ",'types':['u']"));
	bud_table_remove(next, "c", 3);
	bud_table_set_version(next, (struct bud_table_version){5, 1});
	bud_table_put(table, make_subscription("d", 4, "")); /* meanwhile */
	revision = get(table, "d")->revision;
	bud_table_replace(table, next);
	assert_int_equal(find(table, "a"), BUD_TABLE_UNKNOWN);
	assert_int_equal(find(table, "c"), BUD_TABLE_DELETED);
	assert_int_equal(count_matches(table, "t", NOW_MS), 0);
	assert_int_equal(count_matches(table, "u", NOW_MS), 1);
	assert_int_equal(bud_table_version(table).ms, 5);
	assert_true(get(table, "b")->revision > revision);
	revision = get(table, "b")->revision;
	next = bud_table_create_next(table);
	bud_table_put(next, make_subscription("b", 2, ""));
	bud_table_replace(table, next);
	assert_true(get(table, "b")->revision > revision);
	bud_table_lock(table, 1);
	bud_table_unlock(table, 1);
	bud_table_destroy(table);
}

static struct bud_table_load weigh(
	const struct bud_table *table, const char *id, const char *owner, const char *members)
{
	struct bud_subscription *made = make_subscription(id, 0, members);
	struct bud_table_load load;

	free(made->owner);
	made->owner = bud_strdup(owner);
	load = bud_table_weigh(table, made, 100);
	bud_subscription_destroy(made);
	return load;
}

/* Those that ask about every event count for their owner, those that share a key for all; equal
 * filters, the record itself and what a key says whole cost nothing more. */
static void weighs_what_a_filter_costs(void **state)
{
	enum { N = 8 };
	struct bud_table *table = bud_table_create(1);
	struct bud_table_load load;

	(void)state;
	for (uint64_t i = 0; i < 3 * N; i++) {
		char id[16];
		char members[100];
		snprintf(id, sizeof(id), "s%u", (unsigned)i);
		if (i % 3 == 0)
			snprintf(members, sizeof(members),
				",'filters':[{'not':{'exact':{'type':'t%u'}}}]", (unsigned)i);
		else if (i % 3 == 1)
			snprintf(members, sizeof(members),
				",'types':['t'],'filters':[{'suffix':{'subject':'%u'}}]",
				(unsigned)i);
		else
			snprintf(members, sizeof(members),
				",'types':['t'],'filters':[{'exact':{'subject':'%u'}}]",
				(unsigned)i);
		bud_table_put(table, make_subscription(id, i + 1, members));
	}
	assert_int_equal(bud_table_uncovered(table), N);
	load = weigh(table, "new", "local", ",'filters':[{'suffix':{'type':'x'}}]");
	assert_int_equal(load.uncovered, N);
	assert_int_equal(load.residuals, 0);
	load = weigh(table, "s0", "local", ",'filters':[{'suffix':{'type':'x'}}]");
	assert_int_equal(load.uncovered, N - 1);
	load = weigh(table, "new", "local", ",'filters':[{'not':{'exact':{'type':'t3'}}}]");
	assert_int_equal(load.uncovered, N - 1);
	load = weigh(table, "new", "else", ",'filters':[{'suffix':{'type':'x'}}]");
	assert_int_equal(load.uncovered, 0);
	load = weigh(table, "new", "local", "");
	assert_int_equal(load.uncovered, 0);
	load = weigh(table, "new", "else", ",'types':['u','t'],'filters':[{'suffix':{'id':'x'}}]");
	assert_int_equal(load.uncovered, 0);
	assert_int_equal(load.residuals, N);
	load = weigh(table, "new", "else", ",'types':['u'],'filters':[{'suffix':{'id':'x'}}]");
	assert_int_equal(load.residuals, 0);
	load = weigh(table, "new", "else", ",'types':['t']");
	assert_int_equal(load.residuals, 0);
	for (uint64_t i = 0; i < 3 * N; i++) {
		char id[16];
		snprintf(id, sizeof(id), "s%u", (unsigned)i);
		bud_table_remove(table, id, i + 1);
	}
	assert_int_equal(bud_table_uncovered(table), 0);
	bud_table_destroy(table);
}

static size_t heap_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* A sanitizer's allocator keeps no such books; then there is nothing to assert. */
static void an_idle_subscription_is_small(void **state)
{
	enum { N = 20000 };
	struct bud_table *table;
	size_t before = heap_in_use();
	char id[40];
	size_t bytes;

	(void)state;
	table = bud_table_create(4);
	for (uint64_t i = 1; i <= N; i++) {
		char members[200];
		snprintf(id, sizeof(id), "%032llx", (unsigned long long)i);
		snprintf(members, sizeof(members),
			",'types':['no.example.instance.completed'],"
			"'filters':[{'exact':{'subject':'/party/%llu'}}]",
			(unsigned long long)i);
		bud_table_put(table, make_subscription(id, i, members));
	}
	bytes = (heap_in_use() - before) / N;
	print_message("%zu bytes per idle subscription\n", bytes);
	assert_true(bytes <= 1024);
	bud_table_destroy(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_live_deleted_and_unknown_apart),
		cmocka_unit_test(a_change_keeps_the_slot_and_takes_a_new_revision),
		cmocka_unit_test(applies_in_order_and_sets_the_version_last),
		cmocka_unit_test(expired_ones_do_not_match),
		cmocka_unit_test(a_broadcast_is_walked_in_chunks_by_serial),
		cmocka_unit_test(more_is_said_only_when_there_is_more),
		cmocka_unit_test(walks_all_by_serial),
		cmocka_unit_test(walks_those_of_an_owner),
		cmocka_unit_test(a_reload_replaces_everything),
		cmocka_unit_test(weighs_what_a_filter_costs),
		cmocka_unit_test(an_idle_subscription_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
