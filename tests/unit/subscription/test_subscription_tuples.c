/* Tuples: an event has the key of what it has, and no other; when room runs out, what is known of
 * an alternative still finds a tuple that is part of it; what is given up can be used again. */
#include "subscription/make.h"

#include "core/random.h"
#include "subscription/tuples.h"

#define EXACT(name, value)                                                                         \
	{                                                                                          \
		BUD_LITERAL_EXACT, {name, sizeof(name) - 1},                                       \
		{                                                                                  \
			value, sizeof(value) - 1                                                   \
		}                                                                                  \
	}
#define PREFIX(name, value)                                                                        \
	{                                                                                          \
		BUD_LITERAL_PREFIX, {name, sizeof(name) - 1},                                      \
		{                                                                                  \
			value, sizeof(value) - 1                                                   \
		}                                                                                  \
	}
#define BASE(value)                                                                                \
	{                                                                                          \
		BUD_LITERAL_BASE, {"source", 6},                                                   \
		{                                                                                  \
			value, sizeof(value) - 1                                                   \
		}                                                                                  \
	}

/* Whether an event that has these members finds what is filed under the literals. */
static bool is_found(
	const struct bud_literal *literals, size_t n, const char *source, const char *members)
{
	struct bud_tuples tuples;
	struct bud_reading reading;
	const struct bud_tuple *tuple;
	uint64_t keys[BUD_TUPLES_MAX];
	struct bud_event *event = make_event("t", source, members);
	uint64_t key;
	size_t n_keys;

	bud_tuples_init(&tuples);
	bud_tuples_read_or_add(&tuples, literals, n, &reading);
	tuple = bud_tuples_file(&tuples, &reading);
	assert_non_null(tuple);
	assert_true(bud_tuple_fits(tuple, &reading));
	key = bud_tuples_key(&tuples, tuple, &reading);
	bud_tuples_read_event(&tuples, event, &reading);
	n_keys = bud_tuples_keys(&tuples, &reading, 0, keys);
	assert_in_range(n_keys, 0, 1);
	bud_tuples_finish(&tuples);
	bud_event_unref(event);
	return n_keys == 1 && keys[0] == key;
}

static void an_event_has_the_keys_of_what_it_has(void **state)
{
	static const struct {
		struct bud_literal literals[3];
		size_t n;
		const char *source;
		const char *members;
		bool is_found;
	} cases[] = {
		{{EXACT("type", "t")}, 1, "/x", "", true},
		{{EXACT("type", "u")}, 1, "/x", "", false},
		{{EXACT("source", "t")}, 1, "t", "", true},
		{{EXACT("subject", "t")}, 1, "/x", "", false},
		{{EXACT("subject", "t")}, 1, "/x", ",'subject':'t'", true},
		{{EXACT("x", "1"), EXACT("y", "2"), EXACT("type", "t")}, 3, "/x",
			",'x':'1','y':'2'", true},
		{{EXACT("x", "1"), EXACT("y", "2"), EXACT("type", "t")}, 3, "/x",
			",'x':'2','y':'1'", false},
		{{PREFIX("x", "abc"), EXACT("type", "t")}, 2, "/x", ",'x':'abcd'", true},
		{{PREFIX("x", "abc"), EXACT("type", "t")}, 2, "/x", ",'x':'abc'", true},
		{{PREFIX("x", "abc"), EXACT("type", "t")}, 2, "/x", ",'x':'abd'", false},
		{{PREFIX("x", "abc"), EXACT("type", "t")}, 2, "/x", ",'x':'ab'", false},
		/* As a URI, not as text. */
		{{BASE("https://h/a/b")}, 1, "https://h/a/", "", true},
		{{BASE("https://h/a/b")}, 1, "HTTPS://u@H:443/a/c?q", "", true},
		{{BASE("https://h/a/b")}, 1, "https://h/b/", "", false},
		{{BASE("https://h:8443/a/")}, 1, "https://h/a/", "", false},
		{{BASE("http://h:80")}, 1, "http://h?q", "", true},
		{{BASE("http://h:80")}, 1, "/h", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (is_found(cases[i].literals, cases[i].n, cases[i].source, cases[i].members) !=
			cases[i].is_found)
			fail_msg("case %zu", i);
}

/* Random sets of literals over more attributes and lengths than there is room for. */
static size_t make_literals(struct bud_literal literals[BUD_COVER_LITERALS_MAX], char *text)
{
	static const char *const names[] = {
		"type", "source", "subject", "resource", "a", "b", "c", "d", "e", "f"};
	size_t n = 0;

	for (size_t i = 0; i < 10; i++) {
		bool is_exact = bud_random_below(2);
		if (bud_random_below(3))
			continue;
		literals[n++] =
			(struct bud_literal){is_exact ? BUD_LITERAL_EXACT : BUD_LITERAL_PREFIX,
				bud_span(names[i]), {text, 1 + bud_random_below(1500)}};
	}
	return n;
}

static bool has_place(const struct bud_tuples *tuples, const struct bud_literal *literals, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < BUD_TUPLE_ATTRIBUTES; j++)
			if (tuples->attributes[j].name &&
				bud_span_is(literals[i].name, tuples->attributes[j].name))
				return true;
	return false;
}

static void when_room_runs_out_a_part_will_do(void **state)
{
	char text[1600];
	struct bud_literal literals[BUD_COVER_LITERALS_MAX];
	struct bud_reading reading;
	struct bud_tuples tuples;
	size_t without = 0;

	(void)state;
	memset(text, 'x', sizeof(text));
	bud_tuples_init(&tuples);
	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < 3000; i++) {
			size_t n = make_literals(literals, text);
			const struct bud_tuple *tuple;
			bud_tuples_read_or_add(&tuples, literals, n, &reading);
			tuple = bud_tuples_file(&tuples, &reading);
			assert_true(!tuple || bud_tuple_fits(tuple, &reading));
			without += !tuple && has_place(&tuples, literals, n);
			assert_in_range(tuples.n, 0, BUD_TUPLES_MAX);
		}
		assert_true(tuples.n > BUD_TUPLES_MAX / 2);
		while (tuples.n > 0)
			bud_tuples_drop(&tuples, &tuples.at[bud_random_below(tuples.n)]);
		for (size_t i = 0; i < BUD_TUPLE_PREFIXES; i++)
			assert_int_equal(tuples.attributes[i].tuples, 0);
	}
	print_message("%zu of 9000 found no tuple\n", without);
	assert_in_range(without, 0, 90);
	bud_tuples_finish(&tuples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_has_the_keys_of_what_it_has),
		cmocka_unit_test(when_room_runs_out_a_part_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
