/* Networks must contain exactly the addresses of their prefix, IPv4 never by way of an IPv6
 * network, and what is written must parse to the same. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "config/network.h"

static struct bud_network network(const char *text)
{
	struct bud_network network;

	assert_int_equal(bud_network_parse(bud_span(text), &network, NULL), 0);
	return network;
}

static bool contains(const char *text, const char *address)
{
	struct bud_network its = network(text);
	unsigned char bytes[16] = {[10] = 0xff, [11] = 0xff};

	if (inet_pton(AF_INET, address, bytes + 12) != 1)
		assert_int_equal(inet_pton(AF_INET6, address, bytes), 1);
	return bud_network_contains(&its, bytes);
}

static void test_contains(void **state)
{
	(void)state;
	assert_true(contains("10.0.0.0/8", "10.255.255.255"));
	assert_false(contains("10.0.0.0/8", "11.0.0.0"));
	assert_true(contains("172.16.0.0/12", "172.31.0.1"));
	assert_false(contains("172.16.0.0/12", "172.32.0.1"));
	assert_true(contains("127.0.0.1", "127.0.0.1"));
	assert_false(contains("127.0.0.1", "127.0.0.2"));
	assert_true(contains("0.0.0.0/0", "8.8.8.8"));
	assert_false(contains("0.0.0.0/0", "2001:db8::1"));
	assert_true(contains("::/0", "2001:db8::1"));
	assert_false(contains("::/0", "8.8.8.8"));
	assert_true(contains("fd00::/8", "fd12::1"));
	assert_false(contains("fd00::/8", "fe80::1"));
	assert_true(contains("2001:db8::/33", "2001:db8:7fff::"));
	assert_false(contains("2001:db8::/33", "2001:db8:8000::"));
	assert_true(contains("::1/128", "::1"));
	assert_true(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
}

static void test_a_list_contains(void **state)
{
	struct bud_networks list = {.n = 0};
	unsigned char address[16] = {[10] = 0xff, [11] = 0xff, [12] = 10};

	(void)state;
	assert_false(bud_networks_contain(&list, address));
	list.list[list.n++] = network("192.168.0.0/16");
	assert_false(bud_networks_contain(&list, address));
	list.list[list.n++] = network("10.0.0.0/8");
	assert_true(bud_networks_contain(&list, address));
}

static void test_write(void **state)
{
	static const char *const texts[] = {"10.0.0.0/8", "0.0.0.0/0", "127.0.0.1/32", "::/0",
		"fd00::/8", "::1/128", "2001:db8::/33"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		bud_auto(buffer) struct bud_buffer out = {0};
		struct bud_network its = network(texts[i]);
		bud_network_write(&its, &out);
		assert_string_equal(out.at, texts[i]);
	}
}

static void test_refused(void **state)
{
	static const char *const texts[] = {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33",
		"10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.1/8", "10.0.0", "010.0.0.0/8", "::/129",
		"fd00::1/8", "x", "[::1]/128", "localhost", "10.0.0.0 /8",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999/1"};
	struct bud_network its = {.prefix_bits = 77};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (bud_network_parse(bud_span(texts[i]), &its, NULL) != -EINVAL)
			fail_msg("%s was taken", texts[i]);
	assert_int_equal(its.prefix_bits, 77);
}

static void test_listen(void **state)
{
	static const char *const texts[] = {
		"127.0.0.1:8080", "[::1]:0", "0.0.0.0:65535", "[::]:80"};
	static const bool loopback[] = {true, true, false, false};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		bud_auto(buffer) struct bud_buffer out = {0};
		struct bud_listen listen;
		assert_int_equal(bud_listen_parse(bud_span(texts[i]), &listen, NULL), 0);
		assert_int_equal(bud_listen_is_loopback(&listen), loopback[i]);
		bud_listen_write(&listen, &out);
		assert_string_equal(out.at, texts[i]);
	}
}

static void test_listen_refused(void **state)
{
	static const char *const texts[] = {"", ":", ":80", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", "[::1]", "[::1:80",
		"[127.0.0.1]:80", "example.com:80", "http://127.0.0.1:80", "127.0.0.1:80 ",
		"[localhost]:80", "[]:80"};
	struct bud_listen listen;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (bud_listen_parse(bud_span(texts[i]), &listen, NULL) != -EINVAL)
			fail_msg("%s was taken", texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contains),
		cmocka_unit_test(test_a_list_contains),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_listen_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
