/* Base64 must follow RFC 4648 section 4 both ways, and refuse every text that another decoder might
 * read differently: spaces, the URL alphabet, missing or extra padding, bits left over. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/random.h"
#include "crypto/base64.h"

static void check_pair(const char *bytes, const char *text)
{
	bud_auto(buffer) struct bud_buffer out = {0};
	char decoded[16];
	size_t len = 99;

	bud_base64_write(bud_span(bytes), &out);
	assert_string_equal(out.at, text);
	assert_int_equal(bud_base64_decode(
				 bud_span(text), BUD_BASE64_PADDED, decoded, sizeof(decoded), &len),
		0);
	assert_int_equal(len, strlen(bytes));
	assert_memory_equal(decoded, bytes, len);
}

static void test_rfc_vectors(void **state)
{
	(void)state;
	check_pair("", "");
	check_pair("f", "Zg==");
	check_pair("fo", "Zm8=");
	check_pair("foo", "Zm9v");
	check_pair("foob", "Zm9vYg==");
	check_pair("fooba", "Zm9vYmE=");
	check_pair("foobar", "Zm9vYmFy");
}

static void test_whole_alphabet(void **state)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char bytes[48];
	char text[64];
	size_t len = 0;

	(void)state;
	assert_int_equal(bud_base64_decode(
				 bud_span(alphabet), BUD_BASE64_PADDED, bytes, sizeof(bytes), &len),
		0);
	assert_int_equal(len, 48);
	for (size_t i = 0; i < 48; i += 3) {
		uint32_t three =
			(uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
		for (size_t k = 0; k < 4; k++)
			assert_int_equal(three >> (18 - 6 * k) & 63, i / 3 * 4 + k);
	}
	assert_int_equal(bud_base64_encode(bytes, 48, text), 64);
	assert_memory_equal(text, alphabet, 64);
}

static void test_every_other_character_is_refused(void **state)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char out[8];
	size_t len;

	(void)state;
	for (int c = 0; c < 256; c++) {
		char text[4] = {'A', (char)c, 'A', 'A'};
		int r = bud_base64_decode(
			(struct bud_span){text, 4}, BUD_BASE64_UNPADDED, out, sizeof(out), &len);
		assert_int_equal(r, c && strchr(alphabet, c) ? 0 : -EINVAL);
	}
}

/* RFC 4648 section 5, as JOSE has it: no padding, and of the two alphabets only this one. */
static void test_url_alphabet(void **state)
{
	unsigned char out[8];
	size_t len = 9;

	(void)state;
	assert_int_equal(bud_base64url_decode(bud_span("-_-_"), out, sizeof(out), &len), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(out, "\xfb\xff\xbf", 3);
	assert_int_equal(bud_base64url_decode(bud_span("Zg"), out, sizeof(out), &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(bud_base64url_decode(bud_span(""), out, sizeof(out), &len), 0);
	assert_int_equal(len, 0);
	for (int c = 0; c < 256; c++) {
		char text[4] = {'A', (char)c, 'A', 'A'};
		bool is_known = c == '-' || c == '_' || (c >= '0' && c <= '9') ||
				(c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		assert_int_equal(
			bud_base64url_decode((struct bud_span){text, 4}, out, sizeof(out), &len),
			is_known ? 0 : -EINVAL);
	}
	assert_int_equal(bud_base64url_decode(bud_span("Zg=="), out, sizeof(out), &len), -EINVAL);
	assert_int_equal(bud_base64url_decode(bud_span("Z"), out, sizeof(out), &len), -EINVAL);
	assert_int_equal(bud_base64url_decode(bud_span("Zh"), out, sizeof(out), &len), -EINVAL);
	assert_int_equal(bud_base64url_decode(bud_span("AAAA"), out, 2, &len), -ENOSPC);
}

static void test_malformed(void **state)
{
	static const char *const malformed[] = {"Z", "Zg", "Zg=", "Zg===", "Zg=a",
		"Z===", "====", "=", "Zh==", "Zm9=", "Zm8", "Zm9v=", "Zm9v====", "Zm9v\n", " Zm9v",
		"Zm9-", "Zm9_"};
	char out[16];
	size_t len = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++)
		assert_int_equal(bud_base64_decode(bud_span(malformed[i]), BUD_BASE64_PADDED, out,
					 sizeof(out), &len),
			-EINVAL);
	assert_int_equal(len, 77);
}

static void test_padding_may_be_left_out_where_asked(void **state)
{
	static const char *const right[] = {"Zg", "Zg==", "Zm8", "Zm8=", "Zm9v"};
	static const char *const wrong[] = {"Z", "Zg=", "Zh", "Zm9v=", "Zm9vZ"};
	char out[16];
	size_t len;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(bud_base64_decode(bud_span(right[i]), BUD_BASE64_UNPADDED, out,
					 sizeof(out), &len),
			0);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(bud_base64_decode(bud_span(wrong[i]), BUD_BASE64_UNPADDED, out,
					 sizeof(out), &len),
			-EINVAL);
}

static void test_room(void **state)
{
	char out[3];
	size_t len;

	(void)state;
	assert_int_equal(bud_base64_decode(bud_span("Zm9v"), BUD_BASE64_PADDED, out, 3, &len), 0);
	assert_int_equal(
		bud_base64_decode(bud_span("Zm9v"), BUD_BASE64_PADDED, out, 2, &len), -ENOSPC);
	assert_int_equal(bud_base64_decode(bud_span("Zm8="), BUD_BASE64_PADDED, out, 2, &len), 0);
	assert_int_equal(
		bud_base64_decode(bud_span("Zg=="), BUD_BASE64_PADDED, out, 0, &len), -ENOSPC);
}

static void test_random_bytes_come_back(void **state)
{
	unsigned char bytes[100];
	unsigned char back[100];
	char text[BUD_BASE64_LEN(100)];
	size_t back_len;

	(void)state;
	for (size_t len = 0; len <= 100; len++) {
		bud_random_bytes(bytes, len);
		size_t text_len = bud_base64_encode(bytes, len, text);
		assert_int_equal(text_len, BUD_BASE64_LEN(len));
		assert_int_equal(bud_base64_decode((struct bud_span){text, text_len},
					 BUD_BASE64_PADDED, back, len, &back_len),
			0);
		assert_int_equal(back_len, len);
		assert_memory_equal(back, bytes, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_vectors),
		cmocka_unit_test(test_whole_alphabet),
		cmocka_unit_test(test_every_other_character_is_refused),
		cmocka_unit_test(test_url_alphabet),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_padding_may_be_left_out_where_asked),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_random_bytes_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
