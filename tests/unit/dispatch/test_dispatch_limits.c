/* A window grows by one after a window of successes that was used up, never beyond its bound, and
 * halves once for attempts that failed together. A limiter lets no more through than its rate and a
 * quarter of a second's worth. A host is one however its name is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/alloc.h"
#include "dispatch/host.h"
#include "dispatch/limiter.h"
#include "dispatch/window.h"

static void grows_when_it_is_used(void **state)
{
	struct bud_window window;

	(void)state;
	bud_window_init(&window, 4);
	for (int i = 0; i < 100; i++)
		bud_window_on_success(&window, 6, 10, 0);
	assert_int_equal(window.size, 4); /* nobody needed it */
	bud_window_use(&window, 3, 4);
	for (int i = 0; i < 100; i++)
		bud_window_on_success(&window, 6, 10, 0);
	assert_int_equal(window.size, 4);
	bud_window_use(&window, 4, 4);
	for (int i = 0; i < 3; i++)
		bud_window_on_success(&window, 6, 10, 0);
	assert_int_equal(window.size, 4);
	bud_window_on_success(&window, 6, 10, 0);
	assert_int_equal(window.size, 5);
	for (int i = 0; i < 100; i++) {
		bud_window_use(&window, window.size, window.size);
		bud_window_on_success(&window, 6, 10, 0);
	}
	assert_int_equal(window.size, 6);
}

/* Full rounds of attempts that take `took_ms` by how many run at a time, until `now_ms`. */
static void run_rounds(
	struct bud_window *window, int rounds, int64_t (*took_ms)(unsigned), int64_t now_ms)
{
	for (int i = 0; i < rounds; i++) {
		bud_window_use(window, window->size, window->size);
		for (unsigned n = window->size; n > 0; n--)
			bud_window_on_success(window, 64, took_ms(window->size), now_ms);
	}
}

static int64_t always_50(unsigned running)
{
	(void)running;
	return 50;
}

static int64_t one_after_the_other(unsigned running)
{
	return 10 * (int64_t)running;
}

static int64_t best_with_24(unsigned running)
{
	return running <= 24 ? 50 : 50 * (int64_t)running / 24;
}

static void a_window_grows_while_more_at_a_time_carry_more(void **state)
{
	struct bud_window window;

	(void)state;
	bud_window_init(&window, 16);
	run_rounds(&window, 48, always_50, 0);
	assert_int_equal(window.size, 64);

	bud_window_init(&window, 16);
	run_rounds(&window, 5, one_after_the_other, 0);
	assert_int_equal(window.size, 16);
	run_rounds(&window, 100, one_after_the_other, 9999);
	assert_int_equal(window.size, 16); /* it was tried just now */
	run_rounds(&window, 2, one_after_the_other, 10000);
	assert_int_equal(window.size, 18); /* and is tried again */
	run_rounds(&window, 60, always_50, 10000);
	assert_int_equal(window.size, 64);

	bud_window_init(&window, 16);
	run_rounds(&window, 100, best_with_24, 0);
	assert_in_range(window.size, 20, 31);
}

static void halves_once_for_one_reason(void **state)
{
	struct bud_window window;

	(void)state;
	bud_window_init(&window, 16);
	assert_true(bud_window_halve(&window, 10, 0));
	assert_int_equal(window.size, 8);
	assert_false(bud_window_halve(&window, 10, 999));
	assert_true(bud_window_halve(&window, 10, 1000));
	assert_int_equal(window.size, 4);
	assert_false(bud_window_halve(&window, 15000, 15999)); /* it ran when the last one failed */
	assert_true(bud_window_halve(&window, 15000, 16000));
	assert_true(bud_window_halve(&window, 0, 17000));
	assert_int_equal(window.size, 1);
	assert_false(bud_window_halve(&window, 0, 20000));
	assert_int_equal(window.size, 1);
}

/* How many pass in `ms`, asked each ms. */
static int passed(struct bud_limiter *limiter, int64_t from_ms, int64_t ms)
{
	int64_t wait_ms = 0;
	int n = 0;

	for (int64_t now_ms = from_ms; now_ms < from_ms + ms; now_ms++) {
		while (bud_limiter_has_token(limiter, now_ms, &wait_ms)) {
			bud_limiter_take(limiter);
			n++;
		}
	}
	return n;
}

static void a_limiter_keeps_its_rate(void **state)
{
	static const double rates[] = {0.5, 1, 7, 100, 900};

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct bud_limiter limiter = {0};
		double burst = rates[i] / 4 > 1 ? rates[i] / 4 : 1;
		int64_t wait_ms = 0;
		int n;
		bud_limiter_set(&limiter, rates[i], 0);
		n = passed(&limiter, 0, 60000);
		assert_in_range(n, (int)(rates[i] * 59), (int)(rates[i] * 60 + burst) + 1);
		assert_false(bud_limiter_has_token(&limiter, 59999, &wait_ms));
		assert_in_range(wait_ms, 1, (int64_t)(1000 / rates[i]) + 1);
		assert_true(bud_limiter_has_token(&limiter, 59999 + wait_ms, &wait_ms));
		bud_limiter_take(&limiter);
		bud_limiter_give_back(&limiter);
		assert_true(bud_limiter_has_token(&limiter, 59999 + wait_ms, &wait_ms));
	}
}

static void without_a_rate_all_pass(void **state)
{
	struct bud_limiter limiter = {0};
	int64_t wait_ms = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_true(bud_limiter_has_token(&limiter, 0, &wait_ms));
		bud_limiter_take(&limiter);
	}
	bud_limiter_set(&limiter, 1, 0);
	assert_int_equal(passed(&limiter, 0, 3), 1);
	bud_limiter_set(&limiter, 0, 3);
	assert_true(bud_limiter_has_token(&limiter, 3, &wait_ms));
}

static void a_host_has_one_name(void **state)
{
	static const struct {
		const char *sink;
		const char *name;
	} cases[] = {
		{"https://Example.ORG/a?b", "example.org:443"},
		{"https://example.org.", "example.org:443"},
		{"HTTP://example.org", "example.org:80"},
		{"https://example.org:8443/x:9", "example.org:8443"},
		{"https://[::1]:8443/", "[::1]:8443"},
		{"https://[::1]/", "[::1]:443"},
		{"https://[0:0::0001]/", "[::1]:443"},
		{"https://[2001:DB8:0::1]:08443/", "[2001:db8::1]:8443"},
		{"https://127.1:8443/", "127.0.0.1:8443"},
		{"https://2130706433/", "127.0.0.1:443"},
		{"https://0x7F.0.1./", "127.0.0.1:443"},
		{"https://0177.0.0.1/", "127.0.0.1:443"},
		{"https://127.0.0.1.example/", "127.0.0.1.example:443"},
		{"https://a?x=http://b:1", "a:443"},
		{"https://example.org:/", "example.org:443"},
		{"https://example.org:0443/", "example.org:443"},
		{"https://example.org.:008443", "example.org:8443"},
		{"https://2130706433/", "127.0.0.1:443"},
		{"https://0x7f.1:8443/", "127.0.0.1:8443"},
		{"https://0177.0.0.1./", "127.0.0.1:443"},
		{"https://[0:0:0:0:0:0:0:1]/", "[::1]:443"},
		{"https://1.example.org/", "1.example.org:443"},
		{"http:", ":443"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bud_auto(buffer) struct bud_buffer name = {0};
		bud_host_write(bud_span(cases[i].sink), &name);
		assert_string_equal(name.at, cases[i].name);
	}
}

static void a_host_is_bounded(void **state)
{
	struct bud_hosts hosts = {0};
	struct bud_host *host = bud_hosts_get(&hosts, bud_span("https://a/1"));
	struct bud_host *same = bud_hosts_get(&hosts, bud_span("https://A:443/2"));

	(void)state;
	assert_ptr_equal(host, same);
	assert_true(bud_host_enter(host, 2));
	assert_true(bud_host_enter(host, 2));
	assert_false(bud_host_enter(host, 2));
	bud_host_leave(host);
	assert_true(bud_host_enter(host, 2));
	bud_host_leave(host);
	bud_host_leave(host);
	bud_host_unref(&hosts, same);
	bud_host_unref(&hosts, host);
	bud_hosts_finish(&hosts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_when_it_is_used),
		cmocka_unit_test(a_window_grows_while_more_at_a_time_carry_more),
		cmocka_unit_test(halves_once_for_one_reason),
		cmocka_unit_test(a_limiter_keeps_its_rate),
		cmocka_unit_test(without_a_rate_all_pass),
		cmocka_unit_test(a_host_has_one_name),
		cmocka_unit_test(a_host_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
