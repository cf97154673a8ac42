/* Every range the guard refuses is refused from its first to its last address, its neighbours are
 * not; forms that embed an address, metadata services and other families are refused; a network
 * that was allowed opens exactly itself. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "config/network.h"
#include "fetch/address.h"

static struct bud_networks nat64;

static bool is_allowed(const char *text, const struct bud_networks *networks)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return bud_address_is_allowed((struct sockaddr *)&v4, networks, &nat64);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return bud_address_is_allowed((struct sockaddr *)&v6, networks, &nat64);
}

static void assert_denied(const char *text)
{
	if (is_allowed(text, NULL))
		fail_msg("%s is allowed", text);
}

static void assert_allowed(const char *text)
{
	if (!is_allowed(text, NULL))
		fail_msg("%s is denied", text);
}

struct range {
	const char *before; /* the neighbours are public; NULL: they are not */
	const char *first;
	const char *last;
	const char *after;
};

static const struct range ranges_v4[] = {
	{NULL, "0.0.0.0", "0.255.255.255", "1.0.0.0"},
	{"9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
	{"100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"},
	{"126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"},
	{"169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"},
	{"172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"},
	{"191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"},
	{"192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"},
	{"192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"},
	{"192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"},
	{"198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"},
	{"198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"},
	{"203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"},
	{"223.255.255.255", "224.0.0.0", "239.255.255.255", NULL},
	{NULL, "240.0.0.0", "255.255.255.255", NULL},
	{"168.63.129.15", "168.63.129.16", "168.63.129.16", "168.63.129.17"},
};

static const struct range ranges_v6[] = {
	{NULL, "::", "::ffff:ffff", NULL},
	{NULL, "64:ff9b::", "64:ff9b::ffff:ffff", NULL},
	{NULL, "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", NULL},
	{NULL, "100::", "100::ffff:ffff:ffff:ffff", NULL},
	{NULL, "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "1fff::", "2000::"},
	{"2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
	{NULL, "2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"},
	{"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
		"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
	{"2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"},
	{"3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"},
	{"3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::", "5eff::", NULL},
	{NULL, "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
	{NULL, "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
	{NULL, "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
	{NULL, "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
	{NULL, "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
};

static void check_range(const struct range *range)
{
	assert_denied(range->first);
	assert_denied(range->last);
	if (range->before)
		assert_allowed(range->before);
	if (range->after)
		assert_allowed(range->after);
}

static void refuses_special_ranges_and_only_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ranges_v4) / sizeof(ranges_v4[0]); i++)
		check_range(&ranges_v4[i]);
	for (size_t i = 0; i < sizeof(ranges_v6) / sizeof(ranges_v6[0]); i++)
		check_range(&ranges_v6[i]);
}

static void allows_public_addresses(void **state)
{
	(void)state;
	assert_allowed("1.1.1.1");
	assert_allowed("8.8.8.8");
	assert_allowed("193.69.165.21");
	assert_allowed("2606:4700:4700::1111");
	assert_allowed("2a02:c0::1");
}

static void refuses_metadata_services(void **state)
{
	(void)state;
	assert_denied("169.254.169.254");
	assert_denied("169.254.170.2");
	assert_denied("100.100.100.200");
	assert_denied("168.63.129.16");
	assert_denied("fd00:ec2::254");
}

/* The mapped form is judged as IPv4; whatever else carries an IPv4 address is refused whole, also
 * with a public one inside. */
static void sees_through_embedded_addresses(void **state)
{
	(void)state;
	char text[64];
	for (size_t i = 0; i < sizeof(ranges_v4) / sizeof(ranges_v4[0]); i++) {
		snprintf(text, sizeof(text), "::ffff:%s", ranges_v4[i].first);
		assert_denied(text);
		snprintf(text, sizeof(text), "::ffff:%s", ranges_v4[i].last);
		assert_denied(text);
	}
	assert_allowed("::ffff:8.8.8.8");
	assert_denied("::8.8.8.8");
	assert_denied("::127.0.0.1");
	assert_denied("::ffff:0:8.8.8.8");
	assert_denied("64:ff9b::8.8.8.8");
	assert_denied("64:ff9b:1::a00:1");
	assert_denied("2002:808:808::1");
	assert_denied("2002:7f00:1::1");
	assert_denied("2001:0:4136:e378:8000:63bf:3fff:fdd2");
}

static void refuses_other_families(void **state)
{
	(void)state;
	struct sockaddr local = {.sa_family = AF_UNIX};
	assert_false(bud_address_is_allowed(&local, NULL, NULL));
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	assert_false(bud_address_is_allowed(&none, NULL, NULL));
}

static void opens_what_was_allowed_and_no_more(void **state)
{
	(void)state;
	struct bud_networks networks = {.n = 3};
	struct bud_error error;
	const char *texts[] = {"127.0.0.0/8", "10.1.2.0/24", "fd12::/16"};
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
			bud_network_parse(bud_span(texts[i]), &networks.list[i], &error), 0);
	assert_true(is_allowed("127.0.0.1", &networks));
	assert_true(is_allowed("::ffff:127.0.0.1", &networks));
	assert_false(is_allowed("::1", &networks));
	assert_false(is_allowed("::127.0.0.1", &networks));
	assert_true(is_allowed("10.1.2.255", &networks));
	assert_false(is_allowed("10.1.3.0", &networks));
	assert_false(is_allowed("10.1.1.255", &networks));
	assert_true(is_allowed("fd12:ffff::1", &networks));
	assert_false(is_allowed("fd13::", &networks));
	assert_true(is_allowed("8.8.8.8", &networks));
	networks.n = 0;
	assert_false(is_allowed("127.0.0.1", &networks));
}

static struct bud_networks read_networks(const char *const *texts, size_t n)
{
	struct bud_networks networks = {.n = n};
	struct bud_error error;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(
			bud_network_parse(bud_span(texts[i]), &networks.list[i], &error), 0);
	return networks;
}

/* The forms are those of RFC 6052 2.4, with addresses that are public and some that are not. */
static void judges_what_is_behind_nat64(void **state)
{
	static const char *const prefixes[] = {"2001:db8::/32", "2001:db8:100::/40",
		"2001:db8:122::/48", "2001:db8:122:300::/56", "2001:db8:122:344::/64",
		"2001:db8:122:344::/96", "64:ff9b::/96"};
	static const char *const forms[][3] = {
		/* 8.8.8.33, 192.0.2.33, 10.1.2.3 */
		{"2001:db8:808:821::", "2001:db8:c000:221::", "2001:db8:a01:203::"},
		{"2001:db8:108:808:21::", "2001:db8:1c0:2:21::", "2001:db8:10a:102:3::"},
		{"2001:db8:122:808:8:2100::", "2001:db8:122:c000:2:2100::",
			"2001:db8:122:a01:2:300::"},
		{"2001:db8:122:308:8:821::", "2001:db8:122:3c0:0:221::",
			"2001:db8:122:30a:1:203::"},
		{"2001:db8:122:344:8:808:2100::", "2001:db8:122:344:c0:2:2100::",
			"2001:db8:122:344:a:102:300::"},
		{"2001:db8:122:344::8.8.8.33", "2001:db8:122:344::192.0.2.33",
			"2001:db8:122:344::10.1.2.3"},
		{"64:ff9b::8.8.8.33", "64:ff9b::192.0.2.33", "64:ff9b::10.1.2.3"},
	};
	static const char *const open[] = {"10.0.0.0/8"};
	struct bud_networks opened = read_networks(open, 1);
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		assert_denied(forms[i][0]);
		nat64 = read_networks(&prefixes[i], 1);
		assert_allowed(forms[i][0]);
		assert_denied(forms[i][1]);
		assert_denied(forms[i][2]);
		assert_true(is_allowed(forms[i][2], &opened));
		nat64.n = 0;
	}
	nat64 = read_networks(&prefixes[4], 1);
	assert_denied("2001:db8:122:344:108:808:2100::"); /* bits 64 to 71 */
	nat64 = read_networks(prefixes + 6, 1);
	assert_denied("64:ff9b::127.0.0.1");
	assert_denied("64:ff9b::169.254.169.254");
	assert_denied("64:ff9b:1::8.8.8.8");
	assert_allowed("2606:4700:4700::1111");
	nat64.n = 0;
	assert_denied("64:ff9b::8.8.8.8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_special_ranges_and_only_them),
		cmocka_unit_test(allows_public_addresses),
		cmocka_unit_test(refuses_metadata_services),
		cmocka_unit_test(sees_through_embedded_addresses),
		cmocka_unit_test(refuses_other_families),
		cmocka_unit_test(opens_what_was_allowed_and_no_more),
		cmocka_unit_test(judges_what_is_behind_nat64),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
