/* An index key depends on the attribute and its whole value and on nothing else, and its name does
 * not show the value; an event is in the indexes of the attributes that it has and that are on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "event/envelope.h"
#include "store/index_key.h"
#include "store/store.h"

static struct bud_shard shard;

static int set_up(void **state)
{
	(void)state;
	bud_hash_key_init(&shard.key, bud_span("seed"));
	return 0;
}

static void name(enum bud_index_kind kind, const char *value, char *out)
{
	struct bud_index_key key;

	bud_index_key_make(&shard, kind, bud_span(value), &key);
	bud_index_key_write(&key, out);
}

static void test_names(void **state)
{
	static const char *const begins[] = {"bud:{s0}:by:resource:", "bud:{s0}:by:subject:",
		"bud:{s0}:by:alternativesubject:", "bud:{s0}:by:resourceinstance:"};
	char first[BUD_INDEX_KEY_TEXT_BYTES];
	char again[BUD_INDEX_KEY_TEXT_BYTES];

	(void)state;
	for (enum bud_index_kind kind = 0; kind < BUD_INDEX_KINDS; kind++) {
		size_t len = strlen(begins[kind]);
		name(kind, "/person/01017012345", first);
		assert_memory_equal(begins[kind], first, len);
		assert_int_equal(len + 32, strlen(first));
		assert_int_equal(32, strspn(first + len, "0123456789abcdef"));
		assert_null(strstr(first, "0101701"));
		name(kind, "/person/01017012345", again);
		assert_string_equal(first, again);
		name(kind, "/person/01017012346", again);
		assert_string_not_equal(first, again);
	}
	name(BUD_INDEX_RESOURCE, "a", first);
	name(BUD_INDEX_SUBJECT, "a", again);
	assert_string_not_equal(strrchr(first, ':'), strrchr(again, ':'));
}

static size_t keys_of(unsigned kinds, const char *json, struct bud_index_key *keys)
{
	struct bud_envelope envelope;
	size_t n;

	bud_envelope_init(&envelope);
	assert_int_equal(0, bud_envelope_scan(&envelope, bud_span(json), NULL));
	n = bud_index_keys_of(&shard, kinds, &envelope, keys);
	bud_envelope_finish(&envelope);
	return n;
}

#define EVENT(more)                                                                                \
	"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"" more "}"

static void test_of_an_event(void **state)
{
	static const char all[] = EVENT(",\"subject\":\"a\\u0062\",\"resource\":\"urn:r\","
					"\"resourceinstance\":\"i\",\"alternativesubject\":\"x\"");
	struct bud_index_key keys[BUD_INDEX_KINDS];
	struct bud_index_key want;

	(void)state;
	assert_int_equal(4, keys_of(BUD_INDEX_ALL, all, keys));
	for (enum bud_index_kind kind = 0; kind < BUD_INDEX_KINDS; kind++)
		assert_int_equal(kind, keys[kind].kind);
	bud_index_key_make(&shard, BUD_INDEX_SUBJECT, bud_span("ab"), &want);
	assert_memory_equal(want.hash, keys[BUD_INDEX_SUBJECT].hash, sizeof(want.hash));
	assert_int_equal(0, keys_of(0, all, keys));
	assert_int_equal(1, keys_of(1u << BUD_INDEX_SUBJECT, all, keys));
	assert_int_equal(BUD_INDEX_SUBJECT, keys[0].kind);
	assert_int_equal(0, keys_of(BUD_INDEX_ALL, EVENT(""), keys));
	assert_int_equal(1, keys_of(BUD_INDEX_ALL, EVENT(",\"resource\":\"urn:r\""), keys));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_of_an_event),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
