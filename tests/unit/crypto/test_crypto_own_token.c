/* What was written is read, by every set whose signing keys have its key; whatever is altered, of
 * another type, by another key or by one that no longer signs is refused, and no part of it is
 * believed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "crypto/base64.h"
#include "crypto/keyring.h"
#include "crypto/own_token.h"
#include "crypto/signing_key.h"

#define TYPE "instance+jwt"

static struct bud_signing_key *keys[3];

static int set_up(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		keys[i] = bud_signing_key_generate();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		bud_signing_key_destroy(keys[i]);
	return 0;
}

static struct bud_key_set set_of(int first, int n, int signers)
{
	struct bud_key_set set = {.keys_n = (size_t)n, .signers_n = (size_t)signers};

	for (int i = 0; i < n; i++)
		set.keys[i] = keys[first + i];
	return set;
}

static void write(int key, const char *type, const char *payload, struct bud_buffer *out)
{
	struct bud_key_set set = set_of(key, 1, 1);

	bud_buffer_clear(out);
	assert_int_equal(bud_own_token_write(&set, type, bud_span(payload), out), 0);
}

static int read_it(const struct bud_key_set *set, struct bud_span token)
{
	struct bud_error error = {0};
	json_t *payload = NULL;
	int r = bud_own_token_read(set, TYPE, token, &payload, &error);

	if (r == 0)
		assert_int_equal(json_integer_value(json_object_get(payload, "a")), 1);
	else
		assert_true(payload == NULL && error.text[0] != '\0');
	json_decref(payload);
	return r;
}

static void reads_what_it_wrote(void **state)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_key_set own = set_of(0, 1, 1);
	struct bud_key_set all = set_of(0, 3, 2);
	struct bud_key_set none = {0};

	(void)state;
	write(0, TYPE, "{\"a\":1}", &token);
	assert_true(bud_own_token_is(bud_buffer_as_span(&token), TYPE));
	assert_int_equal(read_it(&own, bud_buffer_as_span(&token)), 0);
	assert_int_equal(read_it(&all, bud_buffer_as_span(&token)), 0);
	write(1, TYPE, "{\"a\":1}", &token);
	assert_int_equal(read_it(&all, bud_buffer_as_span(&token)), 0);
	/* Behind what is in the buffer already. */
	bud_buffer_clear(&token);
	bud_buffer_text(&token, "x ");
	assert_int_equal(bud_own_token_write(&own, TYPE, bud_span("{\"a\":1}"), &token), 0);
	assert_int_equal(read_it(&own, (struct bud_span){token.at + 2, token.len - 2}), 0);
	assert_int_equal(bud_own_token_write(&none, TYPE, bud_span("{}"), &token), -ENOKEY);
}

static void refuses_other_keys(void **state)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_key_set other = set_of(0, 2, 2);
	struct bud_key_set retired = set_of(1, 2, 1);
	struct bud_key_set none = {0};

	(void)state;
	write(2, TYPE, "{\"a\":1}", &token);
	assert_int_equal(read_it(&other, bud_buffer_as_span(&token)), -EINVAL);
	assert_int_equal(read_it(&retired, bud_buffer_as_span(&token)), -EINVAL);
	assert_int_equal(read_it(&none, bud_buffer_as_span(&token)), -EINVAL);
}

static void refuses_what_was_altered(void **state)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_key_set set = set_of(0, 1, 1);

	(void)state;
	write(0, TYPE, "{\"a\":1}", &token);
	for (size_t i = 0; i < token.len; i++) {
		char before = token.at[i];
		token.at[i] = before == 'A' ? 'B' : 'A';
		assert_int_equal(read_it(&set, bud_buffer_as_span(&token)), -EINVAL);
		token.at[i] = before;
	}
	for (size_t len = 0; len < token.len; len++)
		assert_int_equal(read_it(&set, (struct bud_span){token.at, len}), -EINVAL);
	assert_int_equal(read_it(&set, bud_buffer_as_span(&token)), 0);
	while (token.len <= BUD_OWN_TOKEN_BYTES_MAX)
		bud_buffer_byte(&token, 'A');
	assert_int_equal(read_it(&set, bud_buffer_as_span(&token)), -EINVAL);
}

static void refuses_other_types(void **state)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_key_set set = set_of(0, 1, 1);

	(void)state;
	write(0, "webhook-jwt", "{\"a\":1}", &token);
	assert_false(bud_own_token_is(bud_buffer_as_span(&token), TYPE));
	assert_int_equal(read_it(&set, bud_buffer_as_span(&token)), -EINVAL);
	assert_false(bud_own_token_is(bud_span(""), TYPE));
	assert_false(bud_own_token_is(bud_span("eyJhbGciOiJFZERTQSJ9.e30.AA"), TYPE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_wrote),
		cmocka_unit_test(refuses_other_keys),
		cmocka_unit_test(refuses_what_was_altered),
		cmocka_unit_test(refuses_other_types),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
