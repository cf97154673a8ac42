/* An instance token says who made it and what it opens, as it was made, until it expires; what we
 * signed for something else is none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "auth/instance_token.h"
#include "crypto/keyring.h"
#include "crypto/own_token.h"
#include "crypto/signing_key.h"

#define NOW_MS 1700000000000

static struct bud_signing_key *key;
static struct bud_key_set set;

static int set_up(void **state)
{
	(void)state;
	key = bud_signing_key_generate();
	set = (struct bud_key_set){.keys_n = 1, .signers_n = 1, .keys = {key}};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bud_signing_key_destroy(key);
	return 0;
}

static void is_what_was_made(void **state)
{
	static char maker[] = "/org/\"ttd\"";
	static char instance[] = "50012/\xc3\xa5";
	struct bud_instance_token made = {
		.maker = maker, .instance = instance, .expires_s = NOW_MS / 1000 + 60};
	struct bud_instance_token other = made;
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_instance_token read = {0};
	struct bud_error error = {0};

	(void)state;
	assert_int_equal(bud_instance_token_write(&set, &made, NOW_MS, &text), 0);
	assert_true(bud_instance_token_is(bud_buffer_as_span(&text)));
	assert_int_equal(
		bud_instance_token_read(&set, bud_buffer_as_span(&text), NOW_MS, &read, &error), 0);
	assert_string_equal(read.maker, maker);
	assert_string_equal(read.instance, instance);
	assert_string_equal(read.id, made.id);
	assert_true(read.expires_s == made.expires_s);
	bud_instance_token_finish(&read);
	bud_buffer_clear(&text);
	assert_int_equal(bud_instance_token_write(&set, &other, NOW_MS, &text), 0);
	assert_string_not_equal(made.id, other.id);
}

static void ends(void **state)
{
	static char text_of[] = "a";
	struct bud_instance_token made = {
		.maker = text_of, .instance = text_of, .expires_s = NOW_MS / 1000 + 60};
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_instance_token read = {0};
	struct bud_error error = {0};

	(void)state;
	assert_int_equal(bud_instance_token_write(&set, &made, NOW_MS, &text), 0);
	assert_int_equal(bud_instance_token_read(
				 &set, bud_buffer_as_span(&text), NOW_MS + 59999, &read, &error),
		0);
	bud_instance_token_finish(&read);
	assert_int_equal(bud_instance_token_read(
				 &set, bud_buffer_as_span(&text), NOW_MS + 60000, &read, &error),
		-EINVAL);
	assert_non_null(strstr(error.text, "expired"));
}

/* Signed by us, of the type, but not whole. */
static void is_whole(void **state)
{
	static const char *const payloads[] = {
		"{}",
		"{\"maker\":\"a\",\"resourceinstance\":\"b\",\"exp\":9999999999}",
		"{\"jti\":\"short\",\"maker\":\"a\",\"resourceinstance\":\"b\",\"exp\":9999999999}",
		"{\"jti\":\"00112233445566778899aabbccddeeff\",\"maker\":\"a\","
		"\"resourceinstance\":\"b\",\"exp\":\"9999999999\"}",
		"{\"jti\":\"00112233445566778899aabbccddeeff\",\"maker\":1,"
		"\"resourceinstance\":\"b\",\"exp\":9999999999}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		bud_auto(buffer) struct bud_buffer text = {0};
		struct bud_instance_token read = {0};
		struct bud_error error = {0};
		assert_int_equal(
			bud_own_token_write(&set, "instance+jwt", bud_span(payloads[i]), &text), 0);
		assert_int_equal(bud_instance_token_read(
					 &set, bud_buffer_as_span(&text), NOW_MS, &read, &error),
			-EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_what_was_made),
		cmocka_unit_test(ends),
		cmocka_unit_test(is_whole),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
