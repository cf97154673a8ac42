/* SHA-256 must agree with FIPS 180-4's examples, and its hex text be lower-case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/digest.h"

static void check(const char *text, const char *hex)
{
	unsigned char digest[BUD_SHA256_BYTES];
	char out[2 * BUD_SHA256_BYTES + 1];

	bud_digest_sha256(bud_span(text), digest);
	bud_digest_hex(digest, sizeof(digest), out);
	assert_string_equal(out, hex);
}

static void test_sha256(void **state)
{
	(void)state;
	check("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_hex_of_nothing(void **state)
{
	char out[1] = {'x'};

	(void)state;
	bud_digest_hex((const unsigned char *)"", 0, out);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_hex_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
