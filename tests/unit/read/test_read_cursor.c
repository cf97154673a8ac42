/* A cursor comes back as the position it was written from, for its own value of its own attribute
 * and its own server; any other text is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "read/cursor.h"
#include "store/index_key.h"
#include "store/store.h"

static struct bud_shard shard;
static struct bud_index_key key;

static int set_up(void **state)
{
	(void)state;
	bud_hash_key_init(&shard.key, bud_span("seed"));
	bud_index_key_make(&shard, BUD_INDEX_SUBJECT, bud_span("/party/1"), &key);
	return 0;
}

static void test_round_trip(void **state)
{
	static const uint64_t positions[] = {
		0, 1, 255, 256, 1795000000000000, 9007199254740992, UINT64_MAX};
	char text[BUD_CURSOR_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
		uint64_t position = 7;
		bud_cursor_write(&shard, &key, positions[i], text);
		assert_int_equal(BUD_CURSOR_TEXT_BYTES - 1, strlen(text));
		assert_int_equal(strlen(text),
			strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789-_"));
		assert_int_equal(0, bud_cursor_parse(&shard, &key, bud_span(text), &position));
		assert_true(position == positions[i]);
	}
}

static void refuse(const struct bud_shard *at, const struct bud_index_key *of, const char *text)
{
	uint64_t position = 7;

	if (bud_cursor_parse(at, of, bud_span(text), &position) == 0)
		fail_msg("%s is taken", text);
	assert_int_equal(7, position);
}

static void test_each_character_counts(void **state)
{
	char text[BUD_CURSOR_TEXT_BYTES];

	(void)state;
	bud_cursor_write(&shard, &key, 1795000000000000, text);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		static const char others[] = "ABab01-_+/= .";
		char right = text[i];
		for (size_t k = 0; others[k]; k++) {
			text[i] = others[k];
			if (others[k] != right)
				refuse(&shard, &key, text);
		}
		text[i] = right;
	}
	refuse(&shard, &key, "");
	refuse(&shard, &key, "0");
	refuse(&shard, &key, text + 1);
}

static void test_of_something_else(void **state)
{
	struct bud_shard other = shard;
	struct bud_index_key value;
	struct bud_index_key kind = key;
	char text[BUD_CURSOR_TEXT_BYTES];

	(void)state;
	bud_cursor_write(&shard, &key, 5, text);
	bud_index_key_make(&shard, BUD_INDEX_SUBJECT, bud_span("/party/2"), &value);
	refuse(&shard, &value, text);
	kind.kind = BUD_INDEX_RESOURCE;
	refuse(&shard, &kind, text);
	bud_hash_key_init(&other.key, bud_span("other"));
	refuse(&other, &key, text);
}

/* A whole one says its key itself, and is as hard to make. */
static void test_whole(void **state)
{
	struct bud_index_key found;
	uint64_t position = 7;
	char text[BUD_CURSOR_WHOLE_BYTES];

	(void)state;
	bud_cursor_write_whole(&shard, &key, 1795000000000000, text);
	assert_int_equal(sizeof(text) - 1, strlen(text));
	assert_int_equal(0, bud_cursor_parse_whole(&shard, bud_span(text), &found, &position));
	assert_true(position == 1795000000000000);
	assert_int_equal(key.kind, found.kind);
	assert_memory_equal(key.hash, found.hash, sizeof(key.hash));
	assert_int_equal(-EINVAL, bud_cursor_parse(&shard, &key, bud_span(text), &position));
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char right = text[i];
		text[i] = right == 'A' ? 'B' : 'A';
		assert_int_equal(
			-EINVAL, bud_cursor_parse_whole(&shard, bud_span(text), &found, &position));
		text[i] = right;
	}
	text[24] = '\0';
	assert_int_equal(
		-EINVAL, bud_cursor_parse_whole(&shard, bud_span(text), &found, &position));
	assert_int_equal(0, bud_cursor_parse(&shard, &key, bud_span(text), &position));
	assert_true(position == 1795000000000000);
}

static void test_forms(void **state)
{
	static const char *const others[] = {"", "0", "1b671a64-40d5-491e-99b0-da01ff1f3341",
		"CQAAAAAAAAAAAAAAAAAAAAAA", "AQkAAAAAAAAAAAAAAAAAAAAA", "AQ======================"};
	char text[BUD_CURSOR_TEXT_BYTES];
	char whole[BUD_CURSOR_WHOLE_BYTES];

	(void)state;
	bud_cursor_write(&shard, &key, 5, text);
	assert_true(bud_cursor_has_form(bud_span(text)));
	bud_cursor_write_whole(&shard, &key, 5, whole);
	assert_true(bud_cursor_has_form(bud_span(whole)));
	whole[sizeof(whole) - 3] = '!';
	assert_false(bud_cursor_has_form(bud_span(whole)));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(bud_cursor_has_form(bud_span(others[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_each_character_counts),
		cmocka_unit_test(test_of_something_else),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_forms),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
