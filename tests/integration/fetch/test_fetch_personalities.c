/* Whatever a receiver does, an attempt ends as the one kind that says so, at its deadline at the
 * latest, keeps at most 64 KiB, and leads nowhere else (reliability T14). */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "certificates.h"
#include "client.h"
#include "core/error.h"
#include "core/limits.h"
#include "receiver_process.h"

#define TIMEOUT_MS       400
#define RESIDENT_KIB_MAX (300l << 10) /* what a sanitizer holds back, and less than one body */
#define ANSWER_MS        10000        /* for what answers at last */
#define LATE_US          100000
#define KEPT_MAX         (64u << 10)

static struct receiver_process receiver;
static struct authority *authority;
static char folder[] = "/tmp/bud-personalities-XXXXXX";
static char ca_file[64];

/* Of the heap, by what libcurl and we hold. */
struct watch {
	struct client *client;
	uv_check_t check;
	unsigned timeout_ms;
	size_t before;
	size_t most;
};

static size_t heap_bytes(void)
{
	struct mallinfo2 use = mallinfo2();
	return use.uordblks + use.hblkhd;
}

static int set_up_all(void **state)
{
	(void)state;
	authority = authority_create();
	receiver_process_start(&receiver, authority);
	assert_non_null(mkdtemp(folder));
	snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", folder);
	FILE *out = fopen(ca_file, "w");
	assert_non_null(out);
	fputs(authority_pem(authority), out);
	fclose(out);
	return 0;
}

static int tear_down_all(void **state)
{
	(void)state;
	receiver_process_stop(&receiver);
	authority_destroy(authority);
	unlink(ca_file);
	return rmdir(folder);
}

static void on_check(uv_check_t *check)
{
	struct watch *watch = check->data;
	size_t now = heap_bytes();
	if (now > watch->most)
		watch->most = now;
}

static int set_up(void **state)
{
	struct watch *watch = bud_new(struct watch);
	watch->client = client_create();
	watch->timeout_ms = ANSWER_MS;
	client_open(watch->client, (struct bud_fetch_options){.ca_file = ca_file, .multis = 1});
	uv_check_init(&watch->client->loop, &watch->check);
	watch->check.data = watch;
	uv_check_start(&watch->check, on_check);
	*state = watch;
	return 0;
}

static int tear_down(void **state)
{
	struct watch *watch = *state;
	uv_close((uv_handle_t *)&watch->check, NULL);
	client_destroy(watch->client);
	free(watch);
	return 0;
}

static const struct client_end *ask(
	struct watch *watch, enum receiver_port port, const char *path, struct bud_span body)
{
	char url[200];
	struct bud_error error = {0};
	struct bud_target_options options = {.allow_http = true};
	snprintf(url, sizeof(url), "%s://127.0.0.1:%d%s", port >= RECEIVER_TLS ? "https" : "http",
		receiver.ports[port], path);
	struct bud_target *target = bud_target_create(bud_span(url), &options, &error);
	assert_non_null(target);
	struct bud_fetch_request request = {.target = target,
		.body = body,
		.timeout_ms = watch->timeout_ms,
		.keep_body_bytes = 4096,
		.keep_headers = true};
	client_send(watch->client, &request, &watch->client->end);
	bud_target_unref(target);
	watch->before = heap_bytes();
	watch->most = watch->before;
	return client_wait(watch->client, &watch->client->end);
}

static void assert_little_kept(struct watch *watch, const char *path)
{
	if (watch->most > watch->before + KEPT_MAX || heap_bytes() > watch->before + KEPT_MAX)
		fail_msg("%s: %zu bytes, then %zu", path, watch->most - watch->before,
			heap_bytes() - watch->before);
}

static void assert_end(struct watch *watch, enum receiver_port port, const char *path,
	enum bud_fetch_kind kind, int status)
{
	watch->timeout_ms = kind == BUD_FETCH_TIMEOUT ? TIMEOUT_MS : ANSWER_MS;
	const struct client_end *end = ask(watch, port, path, bud_span("hello"));
	if (end->kind != kind || end->status != status)
		fail_msg("%s %s: %s %d (%s), not %s %d", receiver_port_name(port), path,
			bud_fetch_kind_word(end->kind), end->status, end->text,
			bud_fetch_kind_word(kind), status);
	if (kind == BUD_FETCH_TIMEOUT &&
		(end->time_us < TIMEOUT_MS * 1000 - 5000 || end->late_us > LATE_US))
		fail_msg("%s: %lld us, late by %lld", path, (long long)end->time_us,
			(long long)end->late_us);
	if (port < RECEIVER_TLS)
		assert_little_kept(watch, path);
}

static const struct {
	const char *path;
	enum bud_fetch_kind kind;
	int status;
} personalities[] = {
	{"/ok/1", BUD_FETCH_RESPONSE, 200},
	{"/slow/200/1", BUD_FETCH_RESPONSE, 200},
	{"/slow/2000/1", BUD_FETCH_TIMEOUT, 0},
	{"/hang/1", BUD_FETCH_TIMEOUT, 0},
	{"/reset/1", BUD_FETCH_RESET, 0},
	{"/reset-head/1", BUD_FETCH_RESET, 0},
	{"/reset-body/1", BUD_FETCH_RESET, 0},
	{"/drip-head/1", BUD_FETCH_TIMEOUT, 0},
	{"/drip-body/1", BUD_FETCH_TIMEOUT, 0},
	{"/continue/1", BUD_FETCH_TIMEOUT, 0},
	{"/flood/1", BUD_FETCH_BAD_RESPONSE, 0},
	{"/status-line/1", BUD_FETCH_BAD_RESPONSE, 0},
	{"/long-line/1", BUD_FETCH_BAD_RESPONSE, 0},
	{"/big-head/1", BUD_FETCH_BAD_RESPONSE, 0},
	{"/endless-head/1", BUD_FETCH_BAD_RESPONSE, 0},
	{"/until-close/1", BUD_FETCH_RESPONSE, 200},
	{"/chunk-bad/1", BUD_FETCH_RESET, 0},
	{"/chunk-cut/1", BUD_FETCH_RESET, 0},
	{"/gzip-bomb/1", BUD_FETCH_RESPONSE, 200},
	{"/big-body/1", BUD_FETCH_RESPONSE, 200},
	{"/endless-body/1", BUD_FETCH_RESPONSE, 200},
	{"/close-after/1", BUD_FETCH_RESPONSE, 200},
	{"/early/1", BUD_FETCH_RESPONSE, 200},
};
#define PERSONALITIES (sizeof(personalities) / sizeof(personalities[0]))

static void knows_each_http_personality(void **state)
{
	struct watch *watch = *state;
	for (size_t i = 0; i < 2 * PERSONALITIES; i++) {
		const char *path = personalities[i / 2].path;
		assert_end(watch, RECEIVER_HTTP, path, personalities[i / 2].kind,
			personalities[i / 2].status);
	}
}

/* A connection is there before: OpenSSL's buffers belong to it, more than 100 KiB while it is made,
 * and what a response adds is what is bounded. */
static void knows_each_over_tls(void **state)
{
	struct watch *watch = *state;
	for (size_t i = 0; i < PERSONALITIES; i++) {
		const char *path = personalities[i].path;
		assert_end(watch, RECEIVER_TLS, "/ok/before", BUD_FETCH_RESPONSE, 200);
		assert_end(
			watch, RECEIVER_TLS, path, personalities[i].kind, personalities[i].status);
		assert_little_kept(watch, path);
	}
}

static void knows_each_port(void **state)
{
	static const struct {
		enum receiver_port port;
		enum bud_fetch_kind kind;
		int status;
	} cases[] = {
		{RECEIVER_HOLE, BUD_FETCH_TIMEOUT, 0},
		{RECEIVER_SILENT, BUD_FETCH_TIMEOUT, 0},
		{RECEIVER_TLS, BUD_FETCH_RESPONSE, 200},
		{RECEIVER_TLS_EXPIRED, BUD_FETCH_TLS_FAILED, 0},
		{RECEIVER_TLS_WRONG_HOST, BUD_FETCH_TLS_FAILED, 0},
		{RECEIVER_TLS_SELF_SIGNED, BUD_FETCH_TLS_FAILED, 0},
		{RECEIVER_TLS_OLD, BUD_FETCH_TLS_FAILED, 0},
		/* TLS 1.3 asks for our certificate after the handshake. */
		{RECEIVER_TLS_CLIENT, BUD_FETCH_RESET, 0},
	};
	struct watch *watch = *state;
	assert_end(watch, RECEIVER_TLS, "/ok/first", BUD_FETCH_RESPONSE, 200);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_end(watch, cases[i].port, "/ok/1", cases[i].kind, cases[i].status);
}

static void cuts_a_handshake_that_stalls(void **state)
{
	struct watch *watch = *state;
	struct bud_target *target =
		client_target("https://127.0.0.1:%d/", receiver.ports[RECEIVER_SILENT]);
	struct bud_fetch_request request = {.target = target, .timeout_ms = TIMEOUT_MS};
	client_send(watch->client, &request, &watch->client->end);
	bud_target_unref(target);
	const struct client_end *end = client_wait(watch->client, &watch->client->end);
	assert_int_equal(end->kind, BUD_FETCH_TIMEOUT);
	assert_true(end->late_us < LATE_US);
}

/* It depends on who is quicker whether the connection counts as made. */
static void knows_a_reset_on_accept(void **state)
{
	struct watch *watch = *state;
	for (int i = 0; i < 20; i++) {
		const struct client_end *end = ask(watch, RECEIVER_RESET, "/", bud_span("hello"));
		assert_true(end->kind == BUD_FETCH_RESET || end->kind == BUD_FETCH_CONNECT_FAILED);
	}
}

static unsigned long count(struct watch *watch, const char *path)
{
	char key[100];
	struct bud_target *target =
		client_target("http://127.0.0.1:%d/_counts", receiver.ports[RECEIVER_HTTP]);
	struct bud_fetch_request request = {.target = target,
		.method = "GET",
		.timeout_ms = 2000,
		.keep_body_bytes = BUD_RESPONSE_BODY_MAX};
	client_send(watch->client, &request, &watch->client->end);
	bud_target_unref(target);
	const struct client_end *end = client_wait(watch->client, &watch->client->end);
	assert_int_equal(end->status, 200);
	snprintf(key, sizeof(key), "\"%s\":", path);
	const char *at = strstr(end->body.at, key);
	return at ? strtoul(at + strlen(key), NULL, 10) : 0;
}

static void follows_no_redirect(void **state)
{
	struct watch *watch = *state;
	for (int status = 300; status <= 308; status++) {
		char path[40];
		snprintf(path, sizeof(path), "/s/%d/redirect", status);
		assert_end(watch, RECEIVER_HTTP, path, BUD_FETCH_RESPONSE, status);
		assert_non_null(strstr(watch->client->end.headers.at, "169.254.169.254"));
		assert_int_equal(count(watch, path), 1);
	}
}

static void hands_on_status_and_retry_after(void **state)
{
	static const int statuses[] = {200, 201, 202, 204, 299, 400, 401, 403, 404, 405, 408, 410,
		413, 415, 422, 425, 429, 500, 501, 502, 503, 504, 599, 777};
	static const char *const values[][2] = {{"120", "120"}, {"0", "0"}, {"-5", "-5"},
		{"Sun,%2006%20Nov%201994%2008:49:37%20GMT", "Sun, 06 Nov 1994 08:49:37 GMT"},
		{"99999999999999999999", "99999999999999999999"}, {"soon", "soon"}};
	struct watch *watch = *state;
	char path[120];
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		snprintf(path, sizeof(path), "/s/%d/1", statuses[i]);
		assert_end(watch, RECEIVER_HTTP, path, BUD_FETCH_RESPONSE, statuses[i]);
		assert_string_equal(watch->client->end.retry_after, "");
	}
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(path, sizeof(path), "/s/429/1?retry_after=%s", values[i][0]);
		assert_end(watch, RECEIVER_HTTP, path, BUD_FETCH_RESPONSE, 429);
		assert_string_equal(watch->client->end.retry_after, values[i][1]);
	}
}

/* The first request finds no connection; each second one finds one that dies. */
static void survives_the_keep_alive_race(void **state)
{
	struct watch *watch = *state;
	for (int i = 0; i < 9; i++)
		assert_end(watch, RECEIVER_HTTP, "/race/1", BUD_FETCH_RESPONSE, 200);
}

static void takes_an_answer_before_the_request_is_out(void **state)
{
	static char body[3 << 20];
	struct watch *watch = *state;
	memset(body, 'x', sizeof(body));
	struct bud_span span = {body, sizeof(body)};
	assert_int_equal(ask(watch, RECEIVER_HTTP, "/early/large", span)->status, 200);
	assert_int_equal(ask(watch, RECEIVER_HTTP, "/ok/large", span)->status, 200);
}

static long resident_kib(void)
{
	long pages[2] = {0};
	FILE *in = fopen("/proc/self/statm", "r");
	assert_non_null(in);
	assert_int_equal(fscanf(in, "%ld %ld", &pages[0], &pages[1]), 2);
	fclose(in);
	return pages[1] * (sysconf(_SC_PAGESIZE) / 1024);
}

/* A hundred times a body of 1 GiB, however it is packed: the process does not grow. */
static void does_not_grow_with_bodies(void **state)
{
	static const char *const paths[] = {
		"/gzip-bomb/n", "/big-body/n", "/endless-body/n", "/endless-head/n"};
	struct watch *watch = *state;
	size_t heap = 0;
	long resident = 0;
	for (int i = 0; i < 120; i++) {
		const struct client_end *end =
			ask(watch, RECEIVER_HTTP, paths[i % 4], bud_span("hello"));
		assert_true(end->body.len <= 4096);
		if (i != 19)
			continue;
		heap = heap_bytes();
		resident = resident_kib();
	}
	assert_true(heap_bytes() < heap + (1u << 20));
	assert_true(resident_kib() < resident + RESIDENT_KIB_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(knows_each_http_personality, set_up, tear_down),
		cmocka_unit_test_setup_teardown(knows_each_over_tls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(knows_each_port, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cuts_a_handshake_that_stalls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(knows_a_reset_on_accept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(follows_no_redirect, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hands_on_status_and_retry_after, set_up, tear_down),
		cmocka_unit_test_setup_teardown(survives_the_keep_alive_race, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			takes_an_answer_before_the_request_is_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(does_not_grow_with_bodies, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
