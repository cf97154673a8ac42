/* A URL is taken only when every reader agrees where it leads: no userinfo, fragments, odd hosts
 * or ports of other services; addresses in any spelling are judged as what they are; header fields
 * keep to their grammar. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "certificates.h"
#include "config/network.h"
#include "core/error.h"
#include "core/limits.h"
#include "fetch/guard.h"
#include "fetch/target.h"

static struct bud_networks loopback;
static const struct bud_target_options strict = {0};
static const struct bud_target_options open_http = {.allow_http = true};
static const struct bud_target_options local = {.allow_http = true, .networks = &loopback};

static void assert_refused(
	const char *url, const struct bud_target_options *options, const char *because)
{
	struct bud_error error = {0};
	if (bud_url_check(bud_span(url), options, &error) == 0)
		fail_msg("%s is taken", url);
	if (!strstr(error.text, because))
		fail_msg("%s: \"%s\" does not say \"%s\"", url, error.text, because);
}

static void assert_taken(const char *url, const struct bud_target_options *options)
{
	struct bud_error error = {0};
	if (bud_url_check(bud_span(url), options, &error) != 0)
		fail_msg("%s: %s", url, error.text);
}

static void takes_usual_urls(void **state)
{
	(void)state;
	assert_taken("https://example.com", &strict);
	assert_taken("https://example.com/hook?a=b&c=%20d", &strict);
	assert_taken("HTTPS://Example.COM:8443/x", &strict);
	assert_taken("https://xn--blbr-qoae.no/x", &strict);
	assert_taken("https://8.8.8.8/x", &strict);
	assert_taken("https://[2606:4700:4700::1111]:443/", &strict);
	assert_taken("https://example.com./x", &strict);
	assert_taken("https://example.com/user@here", &strict);
	assert_taken("https://example.com:/x", &strict);
	assert_taken("http://example.com:80/x", &open_http);
	assert_taken("https://example.com?x", &strict);
}

static void refuses_other_schemes(void **state)
{
	(void)state;
	assert_refused("http://example.com/", &strict, "https://");
	const char *urls[] = {"ftp://example.com/", "file:///etc/passwd", "gopher://x/", "//x/",
		"example.com", "/x", "https:/example.com", "https:example.com", "https", "ws://x/",
		"unix:/x", "dict://x/", " https://x/", "httpsx://x/"};
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct bud_error error;
		if (bud_url_check(bud_span(urls[i]), &open_http, &error) == 0)
			fail_msg("%s is taken", urls[i]);
	}
}

static void refuses_what_readers_disagree_about(void **state)
{
	(void)state;
	assert_refused("https://user@example.com/", &strict, "user name");
	assert_refused("https://user:password@example.com/", &strict, "user name");
	assert_refused("https://:@example.com/", &strict, "user name");
	assert_refused("https://example.com@127.0.0.1/", &strict, "user name");
	assert_refused("https://example.com/#x", &strict, "#fragment");
	assert_refused("https://example.com#@127.0.0.1/", &strict, "#fragment");
	assert_refused("https://example.com\\@127.0.0.1/", &strict, "backslash");
	assert_refused("https:\\\\example.com/", &strict, "backslash");
	assert_refused("https://example.com/a b", &strict, "spaces");
	assert_refused("https://example.com/a\tb", &strict, "control");
	assert_refused("https://example.com/\r\nX: y", &strict, "control");
	assert_refused("https://example.com/\x7f", &strict, "control");
	assert_refused("https://bl\xc3\xa5\x62\xc3\xa6r.no/", &strict, "xn--");
	assert_refused("https://\xef\xbc\x91\x32\x37.0.0.1/", &strict, "xn--");
	assert_refused("https://example.com/\xc3\xa5", &strict, "percent-encode");
	assert_refused("https://%31%32%37.0.0.1/", &strict, "percent sign");
	assert_refused("https://exa%6dple.com/", &strict, "percent sign");
	assert_refused("https://[fe80::1%25eth0]/", &strict, "percent sign");
	struct bud_error error;
	struct bud_span with_nul = {"https://example.com\0.evil/", 25};
	assert_int_not_equal(bud_url_check(with_nul, &strict, &error), 0);
}

static void refuses_odd_hosts(void **state)
{
	(void)state;
	assert_refused("https://", &strict, "no host");
	assert_refused("https:///x", &strict, "no host");
	assert_refused("https://?x", &strict, "no host");
	const char *hosts[] = {".", "..", "a..b", ".a", "-a.no", "a-.no", "a_b.no", "a,b", "a;b",
		"1.2.3.4.5", "256.1.1.1", "0x7f.0.0.1.2", "a.123", "a.0x1f", "[::g]", "[::1", "::1",
		"[127.0.0.1]", "a!b", "a*b", "a'b", "[::1]x", "a:b", ":80"};
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		char url[100];
		struct bud_error error;
		snprintf(url, sizeof(url), "https://%s/", hosts[i]);
		if (bud_url_check(bud_span(url), &strict, &error) == 0)
			fail_msg("%s is taken", url);
	}
	char label[400] = "https://", name[400] = "https://";
	memset(label + 8, 'a', 64);
	assert_refused(strcat(label, ".no/"), &strict, "neither");
	for (int i = 0; i < 127; i++)
		strcat(name, "a.");
	assert_refused(strcat(name, "no/"), &strict, "neither");
}

static void refuses_addresses_in_every_spelling(void **state)
{
	(void)state;
	const char *hosts[] = {"127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f.1",
		"0x7f000001", "0x7F.0.0.1", "0177.0.0.1", "017700000001", "127.0.0.1.", "127.1.",
		"0", "0.0.0.0", "10.0.0.1", "169.254.169.254", "2852039166", "[::1]", "[::]",
		"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[fd00:ec2::254]",
		"[64:ff9b::7f00:1]", "localhost", "LOCALHOST", "localhost.", "a.localhost",
		"192.168.0.1"};
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		char url[100];
		snprintf(url, sizeof(url), "https://%s/x", hosts[i]);
		assert_refused(url, &strict, "not allowed");
	}
	assert_taken("http://127.0.0.1:8000/x", &local);
	assert_taken("http://2130706433:8000/x", &local);
	assert_taken("http://localhost:8000/x", &local);
	assert_refused("http://10.0.0.1:8000/x", &local, "not allowed");
	assert_refused("http://[::1]:8000/x", &local, "not allowed");
}

static void refuses_ports_of_other_services(void **state)
{
	(void)state;
	const char *denied[] = {"0", "1", "22", "25", "53", "79", "81", "110", "143", "389", "442",
		"444", "445", "465", "587", "993", "1023", "2375", "2379", "3306", "5432", "6379",
		"9200", "11211", "27017", "65536", "99999", "-1", "+443", "4 43", "0x1bb"};
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
		char url[100];
		struct bud_error error;
		snprintf(url, sizeof(url), "https://example.com:%s/", denied[i]);
		if (bud_url_check(bud_span(url), &strict, &error) == 0)
			fail_msg("%s is taken", url);
	}
	assert_taken("https://example.com:80/", &strict);
	assert_taken("https://example.com:1024/", &strict);
	assert_taken("https://example.com:8443/", &strict);
	assert_taken("https://example.com:65535/", &strict);
}

static void refuses_what_leads_back(void **state)
{
	(void)state;
	const uint16_t own_ports[BUD_OWN_PORTS_MAX] = {8440, 8441};
	const struct bud_target_options options = {
		.allow_http = true, .networks = &loopback, .own_ports = own_ports};
	assert_refused("http://127.0.0.1:8440/x", &options, "leads back");
	assert_refused("http://127.9.9.9:8441/", &options, "leads back");
	assert_refused("https://localhost:8440/", &options, "leads back");
	assert_taken("http://127.0.0.1:8442/", &options);
	assert_taken("http://127.0.0.1/", &options);
	assert_taken("http://8.8.8.8:8440/", &options);
	assert_taken("http://127.0.0.1:8440/x", &local);
}

static void refuses_what_is_too_long(void **state)
{
	(void)state;
	char url[BUD_SINK_BYTES_MAX + 2];
	memset(url, 'a', sizeof(url));
	memcpy(url, "https://example.com/", 20);
	url[BUD_SINK_BYTES_MAX] = '\0';
	assert_taken(url, &strict);
	url[BUD_SINK_BYTES_MAX] = 'a';
	url[BUD_SINK_BYTES_MAX + 1] = '\0';
	assert_refused(url, &strict, "bytes");
	assert_refused("", &strict, "bytes");
}

static void shows_the_canonical_form(void **state)
{
	(void)state;
	struct bud_error error;
	struct bud_target *target =
		bud_target_create(bud_span("HTTPS://Example.COM.:443/A/../b?C=d"), &strict, &error);
	assert_non_null(target);
	assert_string_equal(bud_target_host(target), "example.com");
	assert_string_equal(bud_target_url(target), "https://example.com:443/A/../b?C=d");
	bud_target_unref(target);
	target = bud_target_create(bud_span("http://0x7f.1.:8000"), &open_http, &error);
	assert_non_null(target);
	assert_string_equal(bud_target_host(target), "127.0.0.1");
	assert_ptr_equal(bud_target_ref(target), target);
	bud_target_unref(target);
	assert_string_equal(bud_target_url(target), "http://127.0.0.1:8000/");
	bud_target_unref(target);
}

static void keeps_header_fields_to_their_grammar(void **state)
{
	(void)state;
	struct bud_error error;
	struct bud_target *target =
		bud_target_create(bud_span("https://example.com/"), &strict, &error);
	assert_int_equal(bud_target_header_add(target, "X-Name: a value"), 0);
	assert_int_equal(bud_target_header_add(target, "a:b"), 0);
	assert_int_equal(bud_target_header_add(target, "ce-x: \"quoted\"\tand tab"), 0);
	const char *lines[] = {"", ":", "a", "a:", "a: ", "a:\t ", ": b", "a b: c", "a : b",
		"a: b\r\nc: d", "a: b\nc", "a: \x01", "a: \x7f", "a: \xc3\xa5", "a;", "a\xc3: b",
		"a@b: c", "(a): b"};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (bud_target_header_add(target, lines[i]) == 0)
			fail_msg("\"%s\" is taken", lines[i]);
	bud_target_unref(target);
}

/* The whole credential or its beginning, and no other field; what is too short could be any word.
 */
static void knows_its_credential_when_it_is_quoted(void **state)
{
	static const struct {
		const char *text;
		bool is_quoted;
	} cases[] = {
		{"", false},
		{"no", false},
		{"you sent Basic dXM6cHJpdmF0ZQ==", true},
		{"cut: dXM6cHJpdmF0", true},
		{"dXM6cHJpdmF", false},
		{"other-value, abc", false},
	};
	struct bud_error error;
	struct bud_target *target = bud_target_create(
		bud_span("https://example.com/"), &(struct bud_target_options){0}, &error);

	(void)state;
	assert_non_null(target);
	assert_int_equal(bud_target_header_add(target, "X-Other: other-value"), 0);
	assert_int_equal(bud_target_header_add(target, "Authorization: Bearer abc"), 0);
	assert_int_equal(bud_target_header_add(target, "Authorization: Basic dXM6cHJpdmF0ZQ=="), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (bud_target_is_quoted(target, bud_span(cases[i].text)) != cases[i].is_quoted)
			fail_msg("%s", cases[i].text);
	bud_target_unref(target);
}

static void assert_tls_refused(struct bud_target_options options, const char *member)
{
	struct bud_error error = {0};
	assert_null(bud_target_create(bud_span("https://a.test/"), &options, &error));
	assert_string_equal(error.member, member);
	assert_true(strlen(error.text) > 0);
}

static void names_the_pem_text_at_fault(void **state)
{
	(void)state;
	struct authority *authority = authority_create();
	struct identity one, other;
	struct bud_error error = {0};
	int64_t expires_s = 0;
	identity_init(&one, (struct identity_options){authority, "DNS:a.test", 7200});
	identity_init(&other, (struct identity_options){authority, "DNS:a.test", 3600});
	struct bud_span ca = bud_span(authority_pem(authority)), bad = bud_span("bad");
	struct bud_span certificate = bud_span(one.certificate_pem), key = bud_span(one.key_pem);
	assert_tls_refused((struct bud_target_options){.ca_pem = bad}, "ca_pem");
	assert_tls_refused((struct bud_target_options){.certificate_pem = certificate}, "key_pem");
	assert_tls_refused((struct bud_target_options){.key_pem = key}, "certificate_pem");
	assert_tls_refused((struct bud_target_options){.certificate_pem = bad, .key_pem = key},
		"certificate_pem");
	assert_tls_refused(
		(struct bud_target_options){.certificate_pem = certificate, .key_pem = bad},
		"key_pem");
	assert_tls_refused((struct bud_target_options){.certificate_pem = certificate,
				   .key_pem = bud_span(other.key_pem)},
		"key_pem");
	struct bud_target_options good = {
		.ca_pem = ca, .certificate_pem = certificate, .key_pem = key};
	struct bud_target *target = bud_target_create(bud_span("https://a.test/"), &good, &error);
	assert_non_null(target);
	bud_target_unref(target);
	assert_int_equal(bud_target_tls_check(&good, &expires_s, &error), 0);
	assert_in_range(expires_s, time(NULL) + 7000, time(NULL) + 7300);
	identity_finish(&one);
	identity_finish(&other);
	authority_destroy(authority);
}

int main(void)
{
	struct bud_error error;
	loopback.n = 1;
	if (bud_network_parse(bud_span("127.0.0.0/8"), &loopback.list[0], &error) < 0)
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_usual_urls),
		cmocka_unit_test(refuses_other_schemes),
		cmocka_unit_test(refuses_what_readers_disagree_about),
		cmocka_unit_test(refuses_odd_hosts),
		cmocka_unit_test(refuses_addresses_in_every_spelling),
		cmocka_unit_test(refuses_ports_of_other_services),
		cmocka_unit_test(refuses_what_leads_back),
		cmocka_unit_test(refuses_what_is_too_long),
		cmocka_unit_test(shows_the_canonical_form),
		cmocka_unit_test(keeps_header_fields_to_their_grammar),
		cmocka_unit_test(knows_its_credential_when_it_is_quoted),
		cmocka_unit_test(names_the_pem_text_at_fault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
