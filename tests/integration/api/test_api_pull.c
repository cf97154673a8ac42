/* GET /events: events as they were stored, in their order, behind the cursor that the answer before
 * gave; each mistake is named, and nothing is lost when Redis is away for a moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "api_rig.h"
#include "core/clock.h"
#include "store/index_key.h"

#define SUBJECT "/party/1"

/* As ingest stores it. */
static void put(const char *event, const char *owner)
{
	struct bud_index_key key;
	char name[BUD_INDEX_KEY_TEXT_BYTES];

	bud_index_key_make(&node.shard, BUD_INDEX_SUBJECT, bud_span(SUBJECT), &key);
	bud_index_key_write(&key, name);
	redis_server_do(&node.server, "EVAL %s 0 %s %s %s",
		"local id = redis.call('XADD', 'bud:{s0}:p7:events', '*', 'o', ARGV[2], 'e', "
		"ARGV[1]) "
		"local score = redis.call('INCRBY', 'bud:{s0}:by:last', 1000) "
		"redis.call('ZADD', ARGV[3], score, '07-' .. id) return 1",
		event, owner, name);
}

static void put_number(int i, const char *owner)
{
	char event[160];

	snprintf(event, sizeof(event),
		"{\"specversion\":\"1.0\",\"id\":\"%d\",\n\"source\":\"/s\",\"type\":\"t.%d\","
		"\"subject\":\"" SUBJECT "\"}",
		i, i % 2);
	put(event, owner);
}

static int ask(const char *path, const char *fields)
{
	char line[500];

	snprintf(line, sizeof(line), "GET %s", path);
	return api_ask_with(line, fields, NULL);
}

/* The path of the Link header. */
static const char *next(void)
{
	static char path[400];
	const char *link = api_field(&answer, "Link");

	assert_int_equal('<', link[0]);
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(link + 1, ">"), link + 1);
	return path;
}

static size_t items(void)
{
	return json_array_size(json_object_get(answer.body, "items"));
}

static const char *item_id(size_t i)
{
	json_t *item = json_array_get(json_object_get(answer.body, "items"), i);
	const char *id = json_string_value(json_object_get(item, "id"));

	return id ? id : "";
}

static bool has_more(void)
{
	return json_is_true(json_object_get(answer.body, "more"));
}

static void test_pages(void **state)
{
	(void)state;
	assert_int_equal(200, ask("/events?subject=%2Fparty%2F1&size=3", NULL));
	assert_int_equal(0, items());
	assert_false(has_more());
	for (int i = 0; i < 5; i++)
		put_number(i, "local");
	put_number(5, "somebody else");
	assert_int_equal(200, ask("/events?subject=%2Fparty%2F1&size=3", NULL));
	assert_int_equal(3, items());
	assert_string_equal("0", item_id(0));
	assert_true(has_more());
	assert_string_equal("no-store", api_field(&answer, "Cache-Control"));
	assert_non_null(strstr(next(), api_text(&answer, "after")));
	assert_int_equal(200, ask(next(), NULL));
	assert_int_equal(2, items());
	assert_string_equal("4", item_id(1));
	assert_false(has_more());
	assert_int_equal(200, ask(next(), NULL));
	assert_int_equal(0, items());
	put_number(6, "local");
	assert_int_equal(200, ask(next(), NULL));
	assert_string_equal("6", item_id(0));
	assert_int_equal(200, ask("/events?subject=%2Fparty%2F1&type=t.1&size=1", NULL));
	assert_string_equal("1", item_id(0));
	assert_int_equal(200, ask(next(), NULL));
	assert_string_equal("3", item_id(0));
}

static void test_formats(void **state)
{
	(void)state;
	assert_int_equal(200, ask("/events?subject=%2Fparty%2F1&size=2",
				      "Accept: application/cloudevents-batch+json\r\n"));
	assert_string_equal(
		"application/cloudevents-batch+json", api_field(&answer, "Content-Type"));
	assert_int_equal(2, json_array_size(answer.body));
	assert_int_equal(200, ask("/events?subject=%2Fparty%2F1&size=2&format=ndjson", NULL));
	assert_string_equal("application/x-ndjson", api_field(&answer, "Content-Type"));
	assert_null(strstr(strchr(answer.text, '\n') + 1, "\"id\":\"0\""));
	assert_string_equal("\n", strchr(strchr(answer.text, '\n') + 1, '\n'));
	assert_non_null(strstr(next(), "format=ndjson"));
}

static void test_refusals(void **state)
{
	char path[400];
	char cursor[64];

	(void)state;
	assert_int_equal(400, ask("/events", NULL));
	assert_string_equal("resource", api_text(&answer, "member"));
	assert_int_equal(400, ask("/events?subject=a&after=AAAAAAAAAAAAAAAAAAAAAAAA", NULL));
	assert_string_equal("after", api_text(&answer, "member"));
	assert_int_equal(200, ask("/events?subject=a", NULL));
	snprintf(cursor, sizeof(cursor), "%s", api_text(&answer, "after"));
	snprintf(path, sizeof(path), "/events?subject=b&after=%s", cursor);
	assert_int_equal(400, ask(path, NULL));
	snprintf(path, sizeof(path), "/events?resource=a&after=%s", cursor);
	assert_int_equal(400, ask(path, NULL));
	snprintf(path, sizeof(path), "/events?subject=a&type=b&size=3&after=%s", cursor);
	assert_int_equal(200, ask(path, NULL));
}

static void test_waiting(void **state)
{
	int64_t began_ms;
	int fd;

	(void)state;
	assert_int_equal(200, ask("/events?subject=%2Fparty%2F1&size=100", NULL));
	began_ms = bud_clock_mono_ms();
	fd = api_send(&node, "GET /events?subject=%2Fparty%2F1&wait_ms=30000&size=1", NULL, NULL);
	assert_int_equal(200, api_await(fd)); /* there is something: it does not wait */
	assert_int_equal(1, items());
	assert_int_equal(200, ask("/events?subject=nobody&wait_ms=50", NULL));
	assert_int_equal(0, items());
	assert_true(bud_clock_mono_ms() - began_ms >= 50);
	fd = api_send(&node, "GET /events?subject=%2Fparty%2F2&wait_ms=30000", NULL, NULL);
	while (bud_metrics_gauge(&node.metrics, BUD_GAUGE_PULL_WAITING) == 0)
		usleep(1000);
	put_number(7, "local"); /* of another subject */
	assert_int_equal(1, bud_metrics_gauge(&node.metrics, BUD_GAUGE_PULL_WAITING));
	close(fd); /* it goes on into the void, until the end */
}

static void test_redis_away(void **state)
{
	(void)state;
	redis_server_pause(&node.server);
	assert_int_equal(503, ask("/events?subject=a", NULL));
	assert_string_equal("1", api_field(&answer, "Retry-After"));
	redis_server_resume(&node.server);
	while (ask("/events?subject=%2Fparty%2F1", NULL) != 200)
		assert_int_equal(503, answer.status);
	assert_string_equal("0", item_id(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_redis_away),
	};

	return cmocka_run_group_tests(tests, api_start, api_finish);
}
