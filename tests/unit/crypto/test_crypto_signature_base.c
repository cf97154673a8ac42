/* The signature base must be RFC 9421's, byte for byte: its examples B.2.5 and B.2.6, with their
 * signatures; and a target must be spelled as its receiver would spell it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/alloc.h"
#include "crypto/base64.h"
#include "crypto/digest.h"
#include "crypto/signature_base.h"
#include "crypto/signing_key.h"

#define DATE "Tue, 20 Apr 2021 02:07:55 GMT"
#define TEXT(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static void write_base(const struct bud_component *components, size_t n, const char *params,
	struct bud_buffer *out)
{
	char inner[400];
	char *end = bud_signature_params_write(components, n, bud_span(params), inner);

	bud_signature_base_write(
		components, n, (struct bud_span){inner, (size_t)(end - inner)}, out);
}

static void check_base64(const unsigned char *bytes, size_t len, const char *expected)
{
	char text[BUD_BASE64_LEN(64) + 1];

	text[bud_base64_encode(bytes, len, text)] = '\0';
	assert_string_equal(text, expected);
}

static void test_b_2_5(void **state)
{
	static const struct bud_component components[] = {
		{"date", TEXT(DATE)},
		{"@authority", TEXT("example.com")},
		{"content-type", TEXT("application/json")},
	};
	bud_auto(buffer) struct bud_buffer base = {0};
	unsigned char key[64], mac[BUD_SHA256_BYTES];
	size_t len;

	(void)state;
	write_base(components, 3, ";created=1618884473;keyid=\"test-shared-secret\"", &base);
	assert_string_equal(base.at,
		"\"date\": " DATE "\n\"@authority\": example.com\n"
		"\"content-type\": application/json\n"
		"\"@signature-params\": (\"date\" \"@authority\" \"content-type\")"
		";created=1618884473;keyid=\"test-shared-secret\"");
	assert_int_equal(bud_base64_decode(bud_span("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XB"
						    "yzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="),
				 BUD_BASE64_PADDED, key, sizeof(key), &len),
		0);
	bud_digest_hmac_sha256(
		(struct bud_span){(const char *)key, len}, bud_buffer_as_span(&base), mac);
	check_base64(mac, sizeof(mac), "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=");
}

static void test_b_2_6(void **state)
{
	static const struct bud_component components[] = {
		{"date", TEXT(DATE)},
		{"@method", TEXT("POST")},
		{"@path", TEXT("/foo")},
		{"@authority", TEXT("example.com")},
		{"content-type", TEXT("application/json")},
		{"content-length", TEXT("18")},
	};
	bud_auto(buffer) struct bud_buffer base = {0};
	unsigned char signature[BUD_ED25519_SIGNATURE_BYTES];
	struct bud_signing_key *key;

	(void)state;
	write_base(components, 6, ";created=1618884473;keyid=\"test-key-ed25519\"", &base);
	assert_int_equal(
		bud_signing_key_parse(
			bud_span("whsk_n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU="), &key, NULL),
		0);
	bud_signing_key_sign(key, bud_buffer_as_span(&base), signature);
	bud_signing_key_destroy(key);
	check_base64(signature, sizeof(signature),
		"wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPp"
		"BKRCw==");
}

static void test_targets(void **state)
{
	static const struct {
		const char *uri, *normal, *authority, *path, *query;
	} targets[] = {
		{"https://example.com/hook?x=1", "https://example.com/hook?x=1", "example.com",
			"/hook", "?x=1"},
		{"https://example.com", "https://example.com/", "example.com", "/", "?"},
		{"HTTPS://Example.COM:443/A%2fB", "https://example.com/A%2fB", "example.com",
			"/A%2fB", "?"},
		{"http://h:80?", "http://h/?", "h", "/", "?"},
		{"http://h:443/", "http://h:443/", "h:443", "/", "?"},
		{"https://h:80/a?b?c#d", "https://h:80/a?b?c", "h:80", "/a", "?b?c"},
		{"https://user:pw@h:8443/#f", "https://h:8443/", "h:8443", "/", "?"},
		{"http://[FE80::1]:80/x", "http://[fe80::1]/x", "[fe80::1]", "/x", "?"},
		{"http://[::80]/x", "http://[::80]/x", "[::80]", "/x", "?"},
		{"http://h:/x", "http://h/x", "h", "/x", "?"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		bud_auto(buffer) struct bud_buffer out = {0};
		struct bud_target_parts parts;
		bud_buffer_text(&out, "before");
		bud_target_parts_write(bud_span(targets[i].uri), &out, &parts);
		assert_true(bud_span_is(parts.uri, targets[i].normal));
		assert_true(bud_span_is(parts.authority, targets[i].authority));
		assert_true(bud_span_is(parts.path, targets[i].path));
		assert_true(bud_span_is(parts.query, targets[i].query));
	}
}

/* Whatever the text is, nothing is read outside of it. */
static void test_what_is_no_target(void **state)
{
	static const char *const texts[] = {"", "h", "https", "https:", "https:/", "https://", ":",
		"https://@", "https://:443", "?", "#", "https:///p"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		bud_auto(buffer) struct bud_buffer out = {0};
		struct bud_target_parts parts;
		bud_target_parts_write(bud_span(texts[i]), &out, &parts);
		assert_true(parts.path.len > 0 && parts.query.len > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_b_2_5),
		cmocka_unit_test(test_b_2_6),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_what_is_no_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
