/* However many names are asked for, 100 look-ups are under way and 16 384 names are kept: the one
 * asked for longest ago makes room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "config/network.h"
#include "core/alloc.h"
#include "fetch/names.h"
#include "name_server.h"

#define FLIGHTS 100
#define ENTRIES 16384
#define CROWD   300

struct bounds_test {
	uv_loop_t loop;
	struct name_server server;
	struct bud_names *names;
	struct bud_name_query queries[CROWD];
};

static unsigned told;
static bool is_asked[CROWD];

static int set_up(void **state)
{
	struct bounds_test *test = bud_new(struct bounds_test);
	uv_loop_init(&test->loop);
	name_server_open(&test->server, &test->loop);
	test->server.anybody = "8.8.8.8";
	struct bud_names_options options = {.servers = test->server.address, .kept_ms = 3600000};
	test->names = bud_names_open(&test->loop, &options);
	told = 0;
	*state = test;
	return 0;
}

static void on_closed(void *owner)
{
	*(bool *)owner = true;
}

static int tear_down(void **state)
{
	struct bounds_test *test = *state;
	bool is_closed = false;
	for (int i = 0; i < CROWD; i++)
		bud_names_forget(&test->queries[i]);
	bud_names_close(test->names, on_closed, &is_closed);
	name_server_close(&test->server);
	uv_run(&test->loop, UV_RUN_DEFAULT);
	assert_true(is_closed);
	assert_int_equal(uv_loop_close(&test->loop), 0);
	free(test);
	return 0;
}

static void on_name(struct bud_name_query *query, const struct bud_name_answer *answer)
{
	(void)query;
	told += answer->state == BUD_NAME_FOUND;
}

static void ask(struct bounds_test *test, int i, struct bud_name_query *query)
{
	char host[20];
	snprintf(host, sizeof(host), "n%d.test", i);
	query->fn = on_name;
	bud_names_ask(test->names, host, query);
}

static bool is_kept(struct bounds_test *test, int i)
{
	char host[20];
	snprintf(host, sizeof(host), "n%d.test", i);
	return bud_names_find(test->names, host) != NULL;
}

static void on_question(const char *name)
{
	int i = atoi(name + 1);
	assert_in_range(i, 0, CROWD - 1);
	is_asked[i] = true;
}

/* Nobody is answered; when each that was asked for has been asked again, the others still wait. */
static void asks_for_no_more_at_a_time(void **state)
{
	struct bounds_test *test = *state;
	unsigned n = 0;
	test->server.is_silent = true;
	test->server.on_question = on_question;
	for (int i = 0; i < CROWD; i++)
		ask(test, i, &test->queries[i]);
	while (test->server.questions < 2 * 2 * FLIGHTS) /* A and AAAA */
		uv_run(&test->loop, UV_RUN_ONCE);
	for (int i = 0; i < CROWD; i++)
		n += is_asked[i];
	assert_int_equal(n, FLIGHTS);
	assert_int_equal(told, 0);
}

static void ask_and_wait(struct bounds_test *test, int first, int n)
{
	unsigned before = told;
	for (int i = 0; i < n; i++)
		ask(test, first + i, &test->queries[i]);
	while (told < before + (unsigned)n)
		uv_run(&test->loop, UV_RUN_ONCE);
}

static void keeps_no_more(void **state)
{
	struct bounds_test *test = *state;
	ask_and_wait(test, 0, 1);
	ask_and_wait(test, 1, 1);
	for (int i = 2; i < ENTRIES; i += FLIGHTS)
		ask_and_wait(test, i, i + FLIGHTS < ENTRIES ? FLIGHTS : ENTRIES - i);
	for (int i = 0; i < ENTRIES; i++)
		assert_true(is_kept(test, i));
	ask_and_wait(test, ENTRIES, 1);
	assert_false(is_kept(test, 0));
	assert_true(is_kept(test, 1));
	assert_true(is_kept(test, ENTRIES));
	ask_and_wait(test, ENTRIES + 1, 1);
	assert_false(is_kept(test, 1));
	ask_and_wait(test, 0, 1); /* it is asked for again */
	assert_true(is_kept(test, 0));
	assert_int_equal(test->server.questions, 2 * (ENTRIES + 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(asks_for_no_more_at_a_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keeps_no_more, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
