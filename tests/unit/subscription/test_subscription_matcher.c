/* The matcher: for random subscriptions that come, change and go, and random events, it finds
 * exactly those that bud_subscription_match() finds one by one, in order of serial, also for events
 * that have a main subject or may have any, and also when they ask for more combinations of
 * attributes than there is room for. Equal filters are one. Prints how long a match takes among
 * many. */
#include "subscription/make.h"

#include "core/clock.h"
#include "core/random.h"
#include "subscription/table.h"

#define SUBSCRIPTIONS 400
#define ROUNDS        40
#define EVENTS        25

static const char *const types[] = {"a", "ab", "b", "a.b"};
static const char *const sources[] = {
	"/x", "/x/y", "/y", "https://h/a/b", "HTTPS://H:443/a/c", "https://h/b"};
static const char *const others[] = {"resource", "p", "q", "r", "s", "t", "u", "v"};
static const char *const values[] = {"", "1", "12", "123", "1234567890", "12345678901234567890"};
static const char *const subjects[] = {"s", "t", "st"};

#define PICK(list) list[bud_random_below(sizeof(list) / sizeof(*list))]

/* Pairs of some of the other attributes. */
static void add_pairs(struct bud_buffer *out, size_t at_least)
{
	size_t n_others = sizeof(others) / sizeof(*others);
	size_t from = bud_random_below(n_others);
	size_t n = at_least + bud_random_below(3);

	for (size_t i = 0; i < n; i++)
		bud_buffer_format(out, "%s'%s':'%s'", i ? "," : "",
			others[(from + i * 3) % n_others], values[1 + bud_random_below(5)]);
}

static void add_expression(struct bud_buffer *out)
{
	const char *type = PICK(types);
	const char *other = PICK(others);

	bud_buffer_text(out, "{'sql':'");
	switch (bud_random_below(5)) {
	case 0:
		bud_buffer_format(out, "type = \\'%s\\' AND EXISTS %s", type, other);
		break;
	case 1:
		bud_buffer_format(out, "\\'%s\\' = type OR INT(%s) > 5", type, other);
		break;
	case 2:
		bud_buffer_format(
			out, "type IN (\\'%s\\', \\'b\\') AND %s LIKE \\'12%%\\'", type, other);
		break;
	case 3:
		bud_buffer_format(out, "NOT (type = \\'%s\\') AND %s = 12", type, other);
		break;
	default:
		bud_buffer_format(out, "type LIKE \\'%s%%\\' AND LENGTH(%s) < 4", type, other);
	}
	bud_buffer_text(out, "'}");
}

static unsigned below_not; /* where no unit may be asked for */

static void add_test(struct bud_buffer *out)
{
	static const char *const dialects[] = {"exact", "exact", "prefix", "suffix"};
	const char *dialect = PICK(dialects);

	switch (bud_random_below(8)) {
	case 0:
		bud_buffer_format(out, "{'%s':{'type':'%s'}}", dialect, PICK(types));
		break;
	case 1:
		bud_buffer_format(out, "{'%s':{'source':'%s'}}", dialect, PICK(sources));
		break;
	case 2:
		bud_buffer_format(out, "{'%s':{'subject':'%s'}}", dialect, PICK(subjects));
		break;
	case 3:
		bud_buffer_format(out, "{'altinn':{'%s':'%s','type':'%s'}}",
			below_not ? "subject" : "unit", PICK(subjects), PICK(types));
		break;
	case 4:
		bud_buffer_format(out, "{'altinn':{'source':'%s','resource':'%s'}}",
			sources[3 + bud_random_below(3)], values[1 + bud_random_below(5)]);
		break;
	case 6:
		add_expression(out);
		break;
	case 5:
		bud_buffer_format(out, "{'%s':{'source':'%s','subject':'%s'}}", dialect,
			PICK(sources), PICK(subjects));
		break;
	default:
		bud_buffer_format(out, "{'%s':{", dialect);
		add_pairs(out, 1);
		bud_buffer_text(out, "}}");
	}
}

static void add_filter(struct bud_buffer *out, unsigned depth)
{
	static const char *const groups[] = {"all", "any"};
	unsigned kind = depth ? (unsigned)bud_random_below(4) : 0;

	if (kind < 2) {
		add_test(out);
		return;
	}
	if (kind == 2)
		bud_buffer_text(out, "{'not':");
	else
		bud_buffer_format(out, "{'%s':[", PICK(groups));
	below_not += kind == 2;
	add_filter(out, depth - 1);
	below_not -= kind == 2;
	if (kind == 3 && bud_random_below(3)) {
		bud_buffer_byte(out, ',');
		add_filter(out, depth - 1);
	}
	bud_buffer_text(out, kind == 2 ? "}" : "]}");
}

static struct bud_subscription *make_random(uint64_t serial)
{
	struct bud_buffer members = {0};
	struct bud_subscription *made;
	char id[24];

	bud_buffer_text(&members, "");
	if (bud_random_below(3) == 0)
		bud_buffer_format(&members, ",'types':['%s','%s']", PICK(types), PICK(types));
	if (bud_random_below(4) == 0)
		bud_buffer_format(&members, ",'source':'%s'", PICK(sources));
	if (bud_random_below(8) == 0)
		bud_buffer_text(&members, ",'expires':'2024-01-01T00:00:00Z'");
	if (bud_random_below(4)) {
		bud_buffer_text(&members, ",'filters':[");
		add_filter(&members, 3);
		if (bud_random_below(3) == 0) {
			bud_buffer_byte(&members, ',');
			add_filter(&members, 2);
		}
		bud_buffer_byte(&members, ']');
	}
	snprintf(id, sizeof(id), "s%u", (unsigned)serial);
	made = make_subscription(id, serial, members.at ? members.at : "");
	bud_buffer_finish(&members);
	return made;
}

static void change_some(struct bud_table *table, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t serial = bud_random_below(SUBSCRIPTIONS) + 1;
		char id[24];
		snprintf(id, sizeof(id), "s%u", (unsigned)serial);
		if (bud_random_below(3))
			bud_table_put(table, make_random(serial));
		else
			bud_table_remove(table, id, serial);
	}
}

static void check_event(const struct bud_table *table, const struct bud_event *event)
{
	const struct bud_subscription *found[SUBSCRIPTIONS];
	struct bud_match match = {.event = event,
		.now_ms = bud_random_below(2) ? NOW_MS : NOW_MS + 10000000000,
		.after_serial = bud_random_below(2) ? 0 : bud_random_below(SUBSCRIPTIONS),
		.found = found,
		.max = 1 + bud_random_below(SUBSCRIPTIONS)};
	size_t n = bud_table_match(table, &match);
	const struct bud_subscription *one = bud_table_next(table, match.after_serial);
	size_t seen = 0;

	for (; one; one = bud_table_next(table, one->serial)) {
		if (!bud_subscription_match(one, event, match.now_ms))
			continue;
		if (seen < n)
			assert_ptr_equal(found[seen], one);
		seen++;
	}
	assert_int_equal(n, seen < match.max ? seen : match.max);
	assert_int_equal(match.more, seen > match.max);
}

static void finds_what_brute_force_finds(void **state)
{
	struct bud_table *table = bud_table_create(1);

	(void)state;
	for (size_t round = 0; round < ROUNDS; round++) {
		change_some(table, 200);
		for (size_t i = 0; i < EVENTS; i++) {
			struct bud_buffer members = {0};
			struct bud_event *event;
			bud_buffer_text(&members, "");
			if (bud_random_below(3))
				bud_buffer_format(&members, ",'subject':'%s'", PICK(subjects));
			if (bud_random_below(3)) {
				bud_buffer_text(&members, ",");
				add_pairs(&members, 1);
			}
			event = make_event(PICK(types), PICK(sources), members.at);
			bud_buffer_finish(&members);
			if (bud_random_below(3) == 0)
				bud_event_set_main_subject(event, bud_span(PICK(subjects)));
			else
				event->is_main_unknown = bud_random_below(4) == 0;
			check_event(table, event);
			bud_event_unref(event);
		}
	}
	bud_table_destroy(table);
}

/* One on every set of some attributes, exact or by prefix: far more than 64 tuples. */
static void finds_all_when_tuples_run_out(void **state)
{
	enum { N = 1024 };
	struct bud_table *table = bud_table_create(1);
	const struct bud_subscription *found[N];
	struct bud_event *event = make_event("ab", "/x",
		",'p':'12345678901234567890','q':'12345678901234567890',"
		"'r':'12345678901234567890','s':'12345678901234567890',"
		"'t':'12345678901234567890'");
	struct bud_match match = {.event = event, .now_ms = NOW_MS, .found = found, .max = N};

	(void)state;
	for (uint64_t serial = 1; serial < N; serial++) {
		struct bud_buffer members = {0};
		char id[24];
		bud_buffer_text(&members, ",'filters':[");
		for (size_t i = 0; i < 10; i++) {
			if (!(serial >> i & 1))
				continue;
			bud_buffer_format(&members, "%s{'%s':{'%s':'%.*s'}}",
				members.at[members.len - 1] == '[' ? "" : ",",
				i < 5 ? "exact" : "prefix", others[1 + i % 5],
				i < 5 ? 20 : (int)(i + serial % 8), values[5]);
		}
		bud_buffer_text(&members, "]");
		snprintf(id, sizeof(id), "s%u", (unsigned)serial);
		bud_table_put(table, make_subscription(id, serial, members.at));
		bud_buffer_finish(&members);
	}
	assert_int_equal(bud_table_match(table, &match), N - 1);
	for (uint64_t serial = 1; serial < N; serial += 2) {
		char id[24];
		snprintf(id, sizeof(id), "s%u", (unsigned)serial);
		bud_table_remove(table, id, serial);
	}
	assert_int_equal(bud_table_match(table, &match), N / 2 - 1);
	for (size_t i = 0; i < N / 2 - 1; i++)
		assert_int_equal(found[i]->serial, 2 * (i + 1));
	bud_event_unref(event);
	bud_table_destroy(table);
}

static void equal_filters_are_one(void **state)
{
	static const char *const members[] = {
		",'filters':[{'exact':{'type':'a','source':'/x'}}]",
		",'filters':[{'all':[{'exact':{'source':'/x'}},{'exact':{'type':'a'}}]}]",
		",'source':'/x','types':['a']",
		",'source':'/x','filters':[{'any':[{'exact':{'type':'a'}}]}]",
		",'source':'/x','types':['b']",
	};
	struct bud_table *table = bud_table_create(1);
	const struct bud_subscription *found[5];
	const struct bud_subscription *held;
	char id[2] = "a";

	(void)state;
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < 5; i++) {
			id[0] = (char)('a' + i);
			bud_table_put(table, make_subscription(id, i + 1, members[i]));
			assert_int_equal(bud_table_find(table, id, &found[i]), BUD_TABLE_LIVE);
			assert_int_equal(found[i]->filter == found[0]->filter, i < 4);
		}
	}
	/* Who holds a record that is gone holds its filter. */
	held = found[3];
	bud_subscription_hold(held);
	for (size_t i = 0; i < 5; i++) {
		id[0] = (char)('a' + i);
		bud_table_remove(table, id, i + 1);
	}
	bud_table_destroy(table);
	struct bud_event *event = make_event("a", "/x", "");
	assert_true(bud_subscription_match(held, event, NOW_MS));
	bud_event_unref(event);
	bud_subscription_destroy((struct bud_subscription *)(uintptr_t)held);
}

static void measures_a_match_among_many(void **state)
{
	enum { N = 10000, TIMES = 2000 };
	struct bud_table *table = bud_table_create(1);
	struct bud_event *event = make_event("type.7", "/x", ",'subject':'/party/7'");
	const struct bud_subscription *found[8];
	struct bud_match match = {.event = event, .now_ms = NOW_MS, .found = found, .max = 8};
	int64_t us;

	(void)state;
	for (uint64_t i = 1; i <= N; i++) {
		char id[24];
		char members[120];
		snprintf(id, sizeof(id), "s%u", (unsigned)i);
		snprintf(members, sizeof(members),
			",'types':['type.%u'],'filters':[{'exact':{'subject':'/party/%u'}}]",
			(unsigned)(i % 10), (unsigned)i);
		bud_table_put(table, make_subscription(id, i, members));
	}
	us = bud_clock_mono_us();
	for (size_t i = 0; i < TIMES; i++) {
		bud_table_lock(table, 0);
		assert_true(bud_table_match(table, &match) == 1);
		bud_table_unlock(table, 0);
	}
	us = bud_clock_mono_us() - us;
	print_message("%.0f ns per match among %d\n", (double)us * 1000 / TIMES, N);
	bud_event_unref(event);
	bud_table_destroy(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_brute_force_finds),
		cmocka_unit_test(finds_all_when_tuples_run_out),
		cmocka_unit_test(equal_filters_are_one),
		cmocka_unit_test(measures_a_match_among_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
