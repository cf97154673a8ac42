/* The blocking helper returns any status with head and body, and says what went wrong otherwise. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "client.h"
#include "core/error.h"
#include "fetch/once.h"

/* The server's loop runs in a thread, since the helper blocks this one. */
struct once_test {
	struct client *client;
	uv_thread_t thread;
	uv_async_t stop;
};

static void on_stop(uv_async_t *stop)
{
	uv_stop(stop->loop);
}

static void run_loop(void *owner)
{
	uv_run(owner, UV_RUN_DEFAULT);
}

static struct once_test test;

static int set_up(void **state)
{
	(void)state;
	test.client = client_create();
	uv_async_init(&test.client->loop, &test.stop, on_stop);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	uv_close((uv_handle_t *)&test.stop, NULL);
	client_destroy(test.client);
	return 0;
}

struct outcome {
	int r;
	int status;
	struct bud_buffer body;
	struct bud_buffer head;
	struct bud_error error;
};

static struct outcome talk(struct scripted_act act, struct bud_fetch_once_request request)
{
	struct outcome outcome = {.status = -1};
	char url[100];
	test.client->server.act = act;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/events", test.client->server.port);
	request.url = url;
	uv_thread_create(&test.thread, run_loop, &test.client->loop);
	outcome.r = bud_fetch_once(
		&request, &outcome.status, &outcome.body, &outcome.head, &outcome.error);
	uv_async_send(&test.stop);
	uv_thread_join(&test.thread);
	return outcome;
}

static void forget(struct outcome *outcome)
{
	bud_buffer_finish(&outcome->body);
	bud_buffer_finish(&outcome->head);
}

static void gets_and_posts(void **state)
{
	(void)state;
	struct scripted_act act = {.text = "HTTP/1.1 409 X\r\nETag: \"1\"\r\n"
					   "Content-Length: 3\r\n\r\nabc"};
	struct outcome outcome = talk(act, (struct bud_fetch_once_request){0});
	assert_int_equal(outcome.r, 0);
	assert_int_equal(outcome.status, 409);
	assert_string_equal(outcome.body.at, "abc");
	assert_non_null(strstr(outcome.head.at, "ETag: \"1\"\r\n"));
	assert_memory_equal(test.client->server.last.at, "GET /events HTTP/1.1\r\n", 22);
	forget(&outcome);
	const char *const headers[] = {"Content-Type: a/b", "Authorization: Bearer x"};
	outcome = talk(act, (struct bud_fetch_once_request){
				    .body = bud_span("{}"), .headers = headers, .headers_n = 2});
	assert_int_equal(outcome.status, 409);
	assert_memory_equal(test.client->server.last.at, "POST /events HTTP/1.1\r\n", 23);
	assert_non_null(strstr(test.client->server.last.at, "Content-Type: a/b\r\n"));
	assert_non_null(strstr(test.client->server.last.at, "\r\n\r\n{}"));
	forget(&outcome);
	outcome = talk(act, (struct bud_fetch_once_request){.method = "DELETE"});
	assert_int_equal(outcome.status, 409);
	assert_memory_equal(test.client->server.last.at, "DELETE /events HTTP/1.1\r\n", 25);
	forget(&outcome);
}

static void says_what_went_wrong(void **state)
{
	(void)state;
	struct outcome outcome =
		talk((struct scripted_act){0}, (struct bud_fetch_once_request){.timeout_ms = 100});
	assert_int_equal(outcome.r, -ETIMEDOUT);
	assert_int_equal(outcome.status, -1);
	assert_true(outcome.error.text[0] != '\0');
	forget(&outcome);
	outcome = talk((struct scripted_act){.text = "HTTP/1.1 200 OK\r\n\r\n",
			       .then = SCRIPTED_REPEAT,
			       .repeat = "bbbbbbbbbbbbbbbbbbbbbbbb"},
		(struct bud_fetch_once_request){.body_bytes_max = 1000});
	assert_int_equal(outcome.r, -EFBIG);
	assert_non_null(strstr(outcome.error.text, "1000 bytes"));
	assert_int_equal(outcome.body.len, 0);
	forget(&outcome);
	outcome = talk((struct scripted_act){.text = "x", .then = SCRIPTED_RESET},
		(struct bud_fetch_once_request){0});
	assert_true(outcome.r < 0);
	forget(&outcome);
	int status;
	struct bud_buffer body = {0};
	struct bud_error error;
	assert_int_equal(bud_fetch_once(&(struct bud_fetch_once_request){.url = "ftp://x/"},
				 &status, &body, NULL, &error),
		-EINVAL);
	assert_int_equal(
		bud_fetch_once(&(struct bud_fetch_once_request){.url = "http://127.0.0.1:1/"},
			&status, &body, NULL, &error),
		-ECONNREFUSED);
	bud_buffer_finish(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(gets_and_posts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(says_what_went_wrong, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
