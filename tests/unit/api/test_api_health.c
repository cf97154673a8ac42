/* A node is ready when Redis answers, the registry is followed closely and it is not stopping; the
 * answer names everything that is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "api/health.h"
#include "core/alloc.h"
#include "store/following.h"

static struct bud_following following;
static struct bud_readiness readiness;

static int set_up(void **state)
{
	(void)state;
	following = (struct bud_following){0};
	readiness = (struct bud_readiness){.following = &following};
	following.confirmed_mono_ms = 5000;
	readiness.is_redis_up = readiness.is_serving = true;
	return 0;
}

static void expect(int64_t mono_ms, bool is_ready, const char *text)
{
	bud_auto(buffer) struct bud_buffer out = {0};

	assert_int_equal(is_ready, bud_readiness_write(&readiness, mono_ms, &out));
	assert_string_equal(text, out.at);
}

#define NOT(reason) "{\"status\":\"not ready\",\"reasons\":[" reason "]}"

static void test_ready(void **state)
{
	(void)state;
	expect(5000, true, "{\"status\":\"ready\"}");
	expect(5999, true, "{\"status\":\"ready\"}");
}

static void test_not_ready(void **state)
{
	(void)state;
	expect(6000, false, NOT("\"the subscriptions are not known to be up to date\""));
	following.is_broken = true;
	expect(5000, false,
		NOT("\"the subscriptions are gone or went back: nothing is delivered\""));
	following.is_broken = false;
	readiness.is_serving = false;
	expect(5000, false, NOT("\"the workers have not reached Redis yet\""));
	readiness.is_redis_up = false;
	expect(5000, false, NOT("\"Redis does not answer\""));
	readiness.is_draining = true;
	expect(5000, false, NOT("\"Redis does not answer\",\"the server is stopping\""));
}

static void test_loading(void **state)
{
	(void)state;
	bud_following_set_loading(&following, 12, 1000);
	expect(6000, false, NOT("\"the subscriptions are loading: 12 of 1000\""));
	following.is_broken = true;
	expect(6000, false,
		NOT("\"the subscriptions are loading: 12 of 1000\","
		    "\"the subscriptions are gone or went back: nothing is delivered\""));
	following.is_broken = false;
	bud_following_set_loading(&following, 0, 0);
	expect(5000, true, "{\"status\":\"ready\"}");
}

static void test_unready_at_the_start(void **state)
{
	bud_auto(buffer) struct bud_buffer out = {0};

	(void)state;
	following = (struct bud_following){0};
	readiness = (struct bud_readiness){.following = &following};
	assert_false(bud_readiness_write(&readiness, 1, &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_ready, set_up),
		cmocka_unit_test_setup(test_not_ready, set_up),
		cmocka_unit_test_setup(test_loading, set_up),
		cmocka_unit_test_setup(test_unready_at_the_start, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
