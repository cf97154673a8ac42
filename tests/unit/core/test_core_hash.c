/* Hashes must be the same on every node with the same seed, for they are keys in Redis; differ with
 * another seed; and tell parts apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/hash.h"

static struct bud_hash_128 hash(const char *seed, const char *first, const char *second)
{
	struct bud_hash_key key;
	struct bud_span parts[2] = {bud_span(first), bud_span(second)};

	bud_hash_key_init(&key, bud_span(seed));
	return bud_hash_128(&key, parts, 2);
}

static bool is_same(struct bud_hash_128 a, struct bud_hash_128 b)
{
	return a.high == b.high && a.low == b.low;
}

static void test_parts(void **state)
{
	struct bud_hash_128 base = hash("seed", "ab", "c");

	(void)state;
	assert_true(is_same(base, hash("seed", "ab", "c")));
	assert_false(is_same(base, hash("seed", "a", "bc")));
	assert_false(is_same(base, hash("seed", "abc", "")));
	assert_false(is_same(base, hash("seed", "", "abc")));
	assert_false(is_same(base, hash("seee", "ab", "c")));
	assert_false(is_same(base, hash("", "ab", "c")));
}

/* Nodes of different builds share one Redis: the value may never change. */
static void test_the_value_is_fixed(void **state)
{
	struct bud_hash_128 known = hash("budstikke", "local", "event-1");
	struct bud_hash_key key;

	(void)state;
	bud_hash_key_init(&key, bud_span("budstikke"));
	assert_true(known.high == 0xf6037cfca62cd2f8ULL && known.low == 0x8c84c1e207272bd4ULL);
	assert_true(bud_hash_64(&key, bud_span("event-1")) == 0xb77b1af127b65261ULL);
}

static void test_long_parts(void **state)
{
	struct bud_hash_key key;
	char *text = malloc(2000);
	struct bud_hash_128 before;
	struct bud_span part = {text, 2000};

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 2000);
	bud_hash_key_init(&key, bud_span("seed"));
	before = bud_hash_128(&key, &part, 1);
	/* Around the size of the stack buffer, every byte must still count. */
	for (size_t i = 490; i < 530; i++) {
		text[i] = 'y';
		assert_false(is_same(before, bud_hash_128(&key, &part, 1)));
		text[i] = 'x';
	}
	for (part.len = 500; part.len < 520; part.len++) {
		struct bud_hash_128 shorter = bud_hash_128(&key, &part, 1);
		struct bud_span longer = {text, part.len + 1};
		assert_false(is_same(shorter, bud_hash_128(&key, &longer, 1)));
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_the_value_is_fixed),
		cmocka_unit_test(test_long_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
