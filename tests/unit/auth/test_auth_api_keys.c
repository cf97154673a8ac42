/* An API key must make its bearer who it says, for as long as it is in the set and has not expired;
 * and what is stored of it must not be enough to bear it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/api_keys.h"
#include "auth/scope_rules.h"

static struct bud_scope_rules rules;

static int start(void **state)
{
	(void)state;
	bud_scope_rules_set(&rules, BUD_NEED_PUBLISH, "events:publish");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	bud_scope_rules_finish(&rules);
	return 0;
}

static void make(struct bud_api_key *key, int64_t expires_ms, char text[BUD_API_KEY_BYTES])
{
	*key = (struct bud_api_key){.created_ms = 5, .expires_ms = expires_ms};
	bud_api_key_make(key, text);
	key->name = bud_strdup("/app/shop");
	key->note = bud_strdup("the \"shop\"");
	key->scopes = bud_alloc(sizeof(*key->scopes));
	key->scopes[key->scopes_n++] = bud_strdup("events:publish");
}

static int identify(const struct bud_api_keys *keys, const char *token, int64_t now_ms)
{
	struct bud_identity *identity = NULL;
	int r = bud_api_keys_identify(keys, bud_span(token), &rules, now_ms, &identity);

	bud_identity_unref(identity);
	return r;
}

static void test_bearer(void **state)
{
	struct bud_api_keys *keys = bud_api_keys_create();
	struct bud_identity *identity = NULL;
	char text[BUD_API_KEY_BYTES], other[BUD_API_KEY_BYTES];
	struct bud_api_key key, stranger;

	(void)state;
	make(&key, 1000, text);
	make(&stranger, 0, other);
	assert_int_equal(strlen(text), BUD_API_KEY_BYTES - 1);
	bud_api_keys_add(keys, &key);
	assert_int_equal(bud_api_keys_identify(keys, bud_span(text), &rules, 999, &identity), 0);
	assert_string_equal(identity->name, "/app/shop");
	assert_int_equal(identity->kind, BUD_AUTHENTICATED_KEY);
	assert_int_equal(identity->expires_ms, 1000);
	assert_true(bud_identity_may(identity, BUD_NEED_PUBLISH));
	assert_false(bud_identity_may(identity, BUD_NEED_SUBSCRIBE));
	bud_identity_unref(identity);
	assert_int_equal(identify(keys, text, 1000), -EINVAL);
	assert_int_equal(identify(keys, other, 0), -EINVAL);
	bud_api_key_finish(&stranger);
	bud_api_keys_unref(keys);
}

static void test_each_changed_character(void **state)
{
	struct bud_api_keys *keys = bud_api_keys_create();
	char text[BUD_API_KEY_BYTES];
	struct bud_api_key key;

	(void)state;
	make(&key, 0, text);
	bud_api_keys_add(keys, &key);
	assert_int_equal(identify(keys, text, 0), 0);
	for (size_t i = strlen(BUD_API_KEY_PREFIX); i < strlen(text); i++) {
		char was = text[i];
		text[i] = was == 'a' ? 'b' : 'a';
		assert_int_equal(identify(keys, text, 0), -EINVAL);
		text[i] = was;
	}
	text[strlen(text) - 1] = '\0';
	assert_int_equal(identify(keys, text, 0), -EINVAL);
	assert_int_equal(identify(keys, "bsk_", 0), -EINVAL);
	bud_api_keys_unref(keys);
}

static void test_stored_and_shown(void **state)
{
	bud_auto(buffer) struct bud_buffer stored = {0};
	bud_auto(buffer) struct bud_buffer shown = {0};
	bud_auto(buffer) struct bud_buffer again = {0};
	struct bud_api_keys *keys = bud_api_keys_create();
	char text[BUD_API_KEY_BYTES];
	struct bud_api_key key, loaded;

	(void)state;
	make(&key, 7000, text);
	bud_api_key_write(&key, false, &stored);
	bud_api_key_write(&key, true, &shown);
	assert_null(strstr(stored.at, text + BUD_API_KEY_ID_BYTES + 4));
	assert_non_null(strstr(stored.at, "sha256"));
	assert_null(strstr(shown.at, "sha256"));
	assert_int_equal(bud_api_key_parse(bud_buffer_as_span(&stored), &loaded), 0);
	bud_api_key_write(&loaded, false, &again);
	assert_string_equal(again.at, stored.at);
	bud_api_keys_add(keys, &loaded);
	assert_int_equal(identify(keys, text, 0), 0);
	bud_api_key_finish(&key);
	bud_api_keys_unref(keys);
}

static void test_what_is_no_record(void **state)
{
	static const char *const bad[] = {"", "{}", "[]",
		"{\"id\":\"0123456789abcdef\",\"name\":\"/a/b\",\"sha256\":\"00\"}",
		"{\"id\":\"0123456789ABCDEF\",\"name\":\"/a/b\",\"sha256\":\"" /* upper case */
		"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"id\":\"0123456789abcdef\",\"name\":\"a b\",\"sha256\":\""
		"0000000000000000000000000000000000000000000000000000000000000000\"}"};
	struct bud_api_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(bud_api_key_parse(bud_span(bad[i]), &key), -EINVAL);
}

static void test_sets(void **state)
{
	struct bud_api_keys *keys = bud_api_keys_create();
	struct bud_api_keys *others = bud_api_keys_create();
	char first[BUD_API_KEY_BYTES], second[BUD_API_KEY_BYTES];
	struct bud_api_key key, again;
	size_t position = 0;

	(void)state;
	assert_int_not_equal(bud_api_keys_serial(keys), bud_api_keys_serial(others));
	make(&key, 0, first);
	make(&again, 0, second);
	memcpy(again.id, key.id, sizeof(again.id));
	bud_api_keys_add(keys, &key);
	bud_api_keys_add(keys, &again);
	assert_int_equal(bud_api_keys_count(keys), 1);
	assert_non_null(bud_api_keys_next(keys, &position));
	assert_null(bud_api_keys_next(keys, &position));
	bud_api_keys_unref(bud_api_keys_ref(keys));
	bud_api_keys_unref(keys);
	bud_api_keys_unref(others);
	bud_api_keys_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bearer),
		cmocka_unit_test(test_each_changed_character),
		cmocka_unit_test(test_stored_and_shown),
		cmocka_unit_test(test_what_is_no_record),
		cmocka_unit_test(test_sets),
	};

	return cmocka_run_group_tests(tests, start, finish);
}
