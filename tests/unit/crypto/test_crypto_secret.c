/* A secret must be 24 to 64 bytes behind `whsec_`; nothing else is taken for one, no error quotes
 * it, and it is gone from memory after finish. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/base64.h"
#include "crypto/secret.h"

static int parse_bytes(size_t len, struct bud_secret *out)
{
	bud_auto(buffer) struct bud_buffer text = {0};
	char bytes[80];

	memset(bytes, 0x5a, sizeof(bytes));
	bud_buffer_text(&text, "whsec_");
	bud_base64_write((struct bud_span){bytes, len}, &text);
	return bud_secret_parse(bud_buffer_as_span(&text), out, NULL);
}

static void test_the_decoded_bytes_are_the_key(void **state)
{
	static const unsigned char first[] = {0x31, 0xf2, 0x90, 0xf6};
	struct bud_secret secret;

	(void)state;
	assert_int_equal(
		bud_secret_parse(bud_span("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &secret, NULL),
		0);
	assert_int_equal(secret.len, 24);
	assert_memory_equal(secret.bytes, first, sizeof(first));
}

static void test_length(void **state)
{
	struct bud_secret secret = {.len = 1234};

	(void)state;
	for (size_t len = 0; len <= 80; len++) {
		int r = parse_bytes(len, &secret);
		assert_int_equal(r, len >= 24 && len <= 64 ? 0 : -EINVAL);
		if (r == 0)
			assert_int_equal(secret.len, len);
	}
	assert_int_equal(secret.len, 64); /* untouched by the failures after it */
}

static void test_padding_may_be_missing(void **state)
{
	struct bud_secret with;
	struct bud_secret without;

	(void)state;
	assert_int_equal(bud_secret_parse(bud_span("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA=="),
				 &with, NULL),
		0);
	assert_int_equal(bud_secret_parse(bud_span("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA"),
				 &without, NULL),
		0);
	assert_int_equal(with.len, 25);
	assert_memory_equal(&with, &without, sizeof(with));
}

static void test_refused(void **state)
{
	static const char *const refused[] = {"", "whsec_", "whsec",
		"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa"};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct bud_secret secret;
		struct bud_error error = {0};
		assert_int_equal(bud_secret_parse(bud_span(refused[i]), &secret, &error), -EINVAL);
		assert_non_null(strstr(error.text, "whsec_"));
		assert_null(strstr(error.text, "MfKQ"));
	}
}

static void test_generate_and_write(void **state)
{
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_secret one;
	struct bud_secret two;
	struct bud_secret back;

	(void)state;
	bud_secret_generate(&one);
	bud_secret_generate(&two);
	assert_int_equal(one.len, 32);
	assert_memory_not_equal(one.bytes, two.bytes, 32);
	bud_secret_write(&one, &text);
	assert_true(text.len < BUD_SECRET_TEXT_BYTES);
	assert_int_equal(bud_secret_parse(bud_buffer_as_span(&text), &back, NULL), 0);
	assert_memory_equal(&back, &one, sizeof(one));
}

static void test_the_longest_text_fits(void **state)
{
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_secret secret = {.len = BUD_SECRET_BYTES_MAX};

	(void)state;
	bud_secret_write(&secret, &text);
	assert_int_equal(text.len, BUD_SECRET_TEXT_BYTES - 1);
}

static void test_finish_cleanses(void **state)
{
	struct bud_secret zero = {0};
	struct bud_secret secret;

	(void)state;
	bud_secret_generate(&secret);
	bud_secret_finish(&secret);
	assert_memory_equal(&secret, &zero, sizeof(zero));
	bud_secret_finish(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_decoded_bytes_are_the_key),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_padding_may_be_missing),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_generate_and_write),
		cmocka_unit_test(test_the_longest_text_fits),
		cmocka_unit_test(test_finish_cleanses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
