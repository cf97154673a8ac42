/* Whatever a receiver answers, or does not, ends in the documented class, within 100 ms of the
 * deadline, without a second request and with bounded memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "client.h"
#include "core/clock.h"
#include "core/limits.h"

#define DEADLINE_MS 300
#define ANSWER_MS   20000 /* for what answers at last */

static int set_up(void **state)
{
	struct client *client = client_create();
	client_open(client, (struct bud_fetch_options){0});
	*state = client;
	return 0;
}

static int tear_down(void **state)
{
	client_destroy(*state);
	return 0;
}

static const struct client_end *answer_with(void **state, struct scripted_act act)
{
	struct client *client = *state;
	client->server.act = act;
	return client_do(client, ANSWER_MS);
}

static void assert_cut_at_deadline(void **state, struct scripted_act act)
{
	struct client *client = *state;
	client->server.act = act;
	const struct client_end *end = client_do(client, DEADLINE_MS);
	assert_int_equal(end->kind, BUD_FETCH_TIMEOUT);
	assert_int_equal(end->status, 0);
	assert_true(end->time_us >= (DEADLINE_MS - 5) * 1000);
	assert_true(end->late_us < 100000);
}

static void sends_what_was_asked(void **state)
{
	struct client *client = *state;
	assert_int_equal(bud_target_header_add(client->target, "X-Fixed: yes"), 0);
	const struct client_end *end = answer_with(state,
		(struct scripted_act){
			.text = "HTTP/1.1 200 OK\r\nX-Seen: 1\r\nContent-Length: 2\r\n\r\nok"});
	assert_int_equal(end->kind, BUD_FETCH_RESPONSE);
	assert_int_equal(end->status, 200);
	assert_string_equal(end->body.at, "ok");
	assert_non_null(strstr(end->headers.at, "X-Seen: 1\r\n"));
	assert_false(end->body_is_cut);
	char expected[400];
	snprintf(expected, sizeof(expected),
		"POST /hook?a=b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: budstikke/%s\r\n"
		"Accept: */*\r\nContent-Type: text/plain\r\nX-Attempt: 1\r\nX-More: 2\r\nX-Fixed: yes\r\n"
		"Content-Length: 5\r\n\r\nhello",
		client->server.port, BUD_VERSION);
	assert_string_equal(client->server.last.at, expected);
}

static void counts_every_final_status(void **state)
{
	struct client *client = *state;
	static const int statuses[] = {201, 202, 301, 302, 303, 307, 308, 400, 401, 404, 407, 410,
		413, 415, 417, 500, 502, 503};
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		char text[200];
		snprintf(text, sizeof(text),
			"HTTP/1.1 %d X\r\nLocation: http://127.0.0.1:%d/other\r\n"
			"WWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n",
			statuses[i], client->server.port);
		const struct client_end *end =
			answer_with(state, (struct scripted_act){.text = text});
		assert_int_equal(end->kind, BUD_FETCH_RESPONSE);
		assert_int_equal(end->status, statuses[i]);
		assert_int_equal(client->server.requests, i + 1); /* nothing is followed */
	}
	assert_int_equal(client->server.accepts, 1);
}

static void hands_out_retry_after(void **state)
{
	const struct client_end *end = answer_with(state,
		(struct scripted_act){
			.text = "HTTP/1.1 429 X\r\nretry-AFTER:  120 \r\nContent-Length: 0\r\n\r\n"});
	assert_int_equal(end->status, 429);
	assert_string_equal(end->retry_after, "120");
	end = answer_with(state,
		(struct scripted_act){
			.text = "HTTP/1.1 503 X\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n"
				"Content-Length: 0\r\n\r\n"});
	assert_string_equal(end->retry_after, "Wed, 21 Oct 2026 07:28:00 GMT");
	end = answer_with(state,
		(struct scripted_act){.text = "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"});
	assert_string_equal(end->retry_after, "");
	char text[300] = "HTTP/1.1 429 X\r\nRetry-After: ";
	memset(text + strlen(text), '9', 150);
	strcat(text, "\r\nContent-Length: 0\r\n\r\n");
	end = answer_with(state, (struct scripted_act){.text = text});
	assert_int_equal(strlen(end->retry_after), 63);
}

static void passes_over_interim_responses(void **state)
{
	const struct client_end *end = answer_with(state,
		(struct scripted_act){
			.text = "HTTP/1.1 100 Continue\r\n\r\n"
				"HTTP/1.1 103 Early Hints\r\nRetry-After: 7\r\nLink: x\r\n\r\n"
				"HTTP/1.1 204 No Content\r\n\r\n"});
	assert_int_equal(end->kind, BUD_FETCH_RESPONSE);
	assert_int_equal(end->status, 204);
	assert_string_equal(end->retry_after, "");
	assert_null(strstr(end->headers.at, "Link"));
}

static void waits_for_the_final_response(void **state)
{
	assert_cut_at_deadline(
		state, (struct scripted_act){.text = "HTTP/1.1 100 Continue\r\n\r\n"});
}

static void stops_a_flood_of_interim_responses(void **state)
{
	const struct client_end *end =
		answer_with(state, (struct scripted_act){.text = "HTTP/1.1 100 Continue\r\n\r\n",
					   .then = SCRIPTED_REPEAT,
					   .repeat = "HTTP/1.1 103 Hints\r\n\r\n"});
	assert_int_equal(end->kind, BUD_FETCH_BAD_RESPONSE);
}

static void stops_endless_heads(void **state)
{
	const struct client_end *end =
		answer_with(state, (struct scripted_act){.text = "HTTP/1.1 200 OK\r\n",
					   .then = SCRIPTED_REPEAT,
					   .repeat = "X-A: b\r\n"});
	assert_int_equal(end->kind, BUD_FETCH_BAD_RESPONSE);
	end = answer_with(state, (struct scripted_act){.text = "HTTP/1.1 200 OK\r\nX-Long: ",
					 .then = SCRIPTED_REPEAT,
					 .repeat = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"});
	assert_int_equal(end->kind, BUD_FETCH_BAD_RESPONSE);
	static char big[40000] = "HTTP/1.1 200 OK\r\nX-Big: ";
	memset(big + 24, 'b', 33000);
	strcpy(big + 24 + 33000, "\r\nContent-Length: 0\r\n\r\n");
	end = answer_with(state, (struct scripted_act){.text = big});
	assert_int_equal(end->kind, BUD_FETCH_BAD_RESPONSE);
}

/* The status counts, the connection does not survive. */
static void cuts_endless_bodies(void **state)
{
	struct client *client = *state;
	static char piece[8193];
	memset(piece, 'z', sizeof(piece) - 1);
	const struct client_end *end =
		answer_with(state, (struct scripted_act){.text = "HTTP/1.1 200 OK\r\n\r\nstart",
					   .then = SCRIPTED_REPEAT,
					   .repeat = piece});
	assert_int_equal(end->kind, BUD_FETCH_RESPONSE);
	assert_int_equal(end->status, 200);
	assert_true(end->body_is_cut);
	assert_int_equal(end->body.len, 64);
	assert_memory_equal(end->body.at, "startz", 6);
	end = answer_with(
		state, (struct scripted_act){
			       .text = "HTTP/1.1 500 X\r\nContent-Length: 1073741824\r\n\r\n",
			       .then = SCRIPTED_REPEAT,
			       .repeat = piece});
	assert_int_equal(end->kind, BUD_FETCH_RESPONSE);
	assert_int_equal(end->status, 500);
	assert_int_equal(client->server.accepts, 2);
}

static void never_decodes_a_body(void **state)
{
	const struct client_end *end = answer_with(state,
		(struct scripted_act){
			.text = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n"
				"\x1f\x8bxy"});
	assert_int_equal(end->status, 200);
	assert_memory_equal(end->body.at, "\x1f\x8bxy", 4);
}

static void cuts_at_the_deadline(void **state)
{
	struct client *client = *state;
	assert_cut_at_deadline(state, (struct scripted_act){0});
	assert_cut_at_deadline(state,
		(struct scripted_act){
			.text = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", .drip_ms = 20});
	assert_cut_at_deadline(
		state, (struct scripted_act){
			       .text = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc"});
	assert_cut_at_deadline(state, (struct scripted_act){.text = "HTTP/1.1 200 OK\r\nX: ",
					      .drip_ms = 1,
					      .then = SCRIPTED_REPEAT,
					      .repeat = "a"});
	assert_int_equal(client->server.requests, 4);
}

static void cuts_a_dripping_body(void **state)
{
	assert_cut_at_deadline(state, (struct scripted_act){.text = "HTTP/1.1 200 OK\r\n\r\n",
					      .drip_ms = 1,
					      .then = SCRIPTED_REPEAT,
					      .repeat = "b"});
}

static void tells_resets_from_the_rest(void **state)
{
	const struct scripted_act acts[] = {
		{.on_accept = true, .then = SCRIPTED_RESET},
		{.on_accept = true, .then = SCRIPTED_CLOSE},
		{.then = SCRIPTED_RESET},
		{.then = SCRIPTED_CLOSE},
		{.text = "HTTP/1.1 200 OK\r\nX-", .then = SCRIPTED_RESET},
		{.text = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
			.then = SCRIPTED_RESET},
		{.text = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
			.then = SCRIPTED_CLOSE},
		{.text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
			.then = SCRIPTED_CLOSE},
	};
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		const struct client_end *end = answer_with(state, acts[i]);
		if (i == 0 && end->kind == BUD_FETCH_CONNECT_FAILED)
			continue; /* it came before the connection was seen */
		if (end->kind != BUD_FETCH_RESET)
			fail_msg("case %zu is %s", i, bud_fetch_kind_word(end->kind));
	}
}

static void refuses_what_is_not_http(void **state)
{
	const char *texts[] = {"garbage\r\n\r\n", "HTTP/9.9 abc\r\n\r\n", "220 smtp ready\r\n",
		"<html>old</html>\n", "HTTP/1.1 2x0 OK\r\n\r\n"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct client_end *end = answer_with(
			state, (struct scripted_act){.text = texts[i], .then = SCRIPTED_CLOSE});
		if (end->kind != BUD_FETCH_BAD_RESPONSE)
			fail_msg("%s is %s %d", texts[i], bud_fetch_kind_word(end->kind),
				end->status);
	}
}

static void takes_chunks_and_bodies_without_length(void **state)
{
	const struct client_end *end = answer_with(state,
		(struct scripted_act){
			.text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n"
				"X-Trailer: 1\r\n\r\n"});
	assert_int_equal(end->status, 200);
	assert_string_equal(end->body.at, "abc");
	end = answer_with(state, (struct scripted_act){.text = "HTTP/1.0 200 OK\r\n\r\nxyz",
					 .then = SCRIPTED_CLOSE});
	assert_int_equal(end->status, 200);
	assert_string_equal(end->body.at, "xyz");
}

static void takes_an_answer_before_the_request_ends(void **state)
{
	struct client *client = *state;
	static char body[8 << 20];
	memset(body, 'x', sizeof(body));
	client->server.act = (struct scripted_act){.on_accept = true,
		.then = SCRIPTED_CLOSE,
		.text = "HTTP/1.1 413 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"};
	struct bud_fetch_request request = {
		.target = client->target, .body = {body, sizeof(body)}, .timeout_ms = ANSWER_MS};
	client_send(client, &request, &client->end);
	const struct client_end *end = client_wait(client, &client->end);
	assert_true((end->kind == BUD_FETCH_RESPONSE && end->status == 413) ||
		    end->kind == BUD_FETCH_RESET);
}

static void sends_large_bodies_without_expect(void **state)
{
	struct client *client = *state;
	static char body[4 << 20];
	memset(body, 'x', sizeof(body));
	client->server.act =
		(struct scripted_act){.text = "HTTP/1.1 202 X\r\nContent-Length: 0\r\n\r\n"};
	struct bud_fetch_request request = {
		.target = client->target, .body = {body, sizeof(body)}, .timeout_ms = ANSWER_MS};
	client_send(client, &request, &client->end);
	assert_int_equal(client_wait(client, &client->end)->status, 202);
	struct bud_buffer *last = &client->server.last;
	assert_null(strcasestr(last->at, "expect"));
	assert_null(strcasestr(last->at, "content-type"));
	assert_memory_equal(last->at + last->len - sizeof(body), body, sizeof(body));
}

static void sends_other_methods(void **state)
{
	struct client *client = *state;
	client->server.act =
		(struct scripted_act){.text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	static const struct {
		const char *method, *body, *start, *end;
	} cases[] = {
		{"GET", "", "GET /hook?a=b HTTP/1.1\r\n", "Accept: */*\r\n\r\n"},
		{"POST", "x", "POST /hook", "Content-Length: 1\r\n\r\nx"},
		{"OPTIONS", "", "OPTIONS /hook", "Accept: */*\r\n\r\n"},
		{"PUT", "yz", "PUT /hook", "Content-Length: 2\r\n\r\nyz"},
		{"HEAD", "", "HEAD /hook", "Accept: */*\r\n\r\n"},
		{NULL, "", "POST /hook", "Content-Length: 0\r\n\r\n"},
		{"DELETE", "", "DELETE /hook", "Content-Length: 0\r\n\r\n"},
		{NULL, "abc", "POST /hook", "Content-Length: 3\r\n\r\nabc"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_fetch_request request = {.target = client->target,
			.method = cases[i].method,
			.body = bud_span(cases[i].body),
			.timeout_ms = ANSWER_MS};
		client_send(client, &request, &client->end);
		assert_int_equal(client_wait(client, &client->end)->status, 200);
		struct bud_span sent = bud_buffer_as_span(&client->server.last);
		if (!bud_span_starts(sent, bud_span(cases[i].start)) ||
			!bud_span_ends(sent, bud_span(cases[i].end)))
			fail_msg("case %zu: %s", i, sent.at);
	}
	assert_int_equal(client->server.accepts, 1);
}

/* Heads on both sides of every size at which libcurl's buffer grows: none is taken for an answer's
 * line without an end. */
static void sends_large_heads_with_their_bodies(void **state)
{
	struct client *client = *state;
	client->server.act =
		(struct scripted_act){.text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	static const size_t heads[] = {100, 3900, 6900, 7100, 8100, 15800, 30000, 60000};
	static const size_t bodies[] = {1, 20000, 33000, 63 << 10, 65 << 10};
	bud_auto(buffer) struct bud_buffer line = {0}, body = {0};
	for (size_t i = 0; i < 5u * (sizeof(heads) / sizeof(heads[0])); i++) {
		bud_buffer_clear(&line);
		bud_buffer_clear(&body);
		bud_buffer_text(&line, "X-Long: ");
		while (line.len < heads[i / 5])
			bud_buffer_text(&line, "x");
		while (body.len < bodies[i % 5])
			bud_buffer_text(&body, "b");
		const char *const fields[] = {line.at};
		struct bud_fetch_request request = {.target = client->target,
			.headers = fields,
			.headers_n = 1,
			.body = bud_buffer_as_span(&body),
			.timeout_ms = ANSWER_MS};
		client_send(client, &request, &client->end);
		if (client_wait(client, &client->end)->status != 200)
			fail_msg("%zu and %zu: %s", line.len, body.len, client->end.text);
		assert_non_null(strstr(client->server.last.at, line.at));
		assert_true(bud_span_ends(
			bud_buffer_as_span(&client->server.last), bud_buffer_as_span(&body)));
	}
}

static void refuses_line_breaks_in_fields(void **state)
{
	struct client *client = *state;
	const char *const fields[] = {"X-A: b\r\nX-C: d"};
	struct bud_fetch_request request = {.target = client->target,
		.headers = fields,
		.headers_n = 1,
		.timeout_ms = ANSWER_MS};
	assert_int_equal(bud_fetch_start(client->fetch, &request, NULL, NULL, NULL), -EINVAL);
	assert_int_equal(bud_fetch_running(client->fetch), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sends_what_was_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(counts_every_final_status, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hands_out_retry_after, set_up, tear_down),
		cmocka_unit_test_setup_teardown(passes_over_interim_responses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(waits_for_the_final_response, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			stops_a_flood_of_interim_responses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stops_endless_heads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cuts_endless_bodies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(never_decodes_a_body, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cuts_at_the_deadline, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cuts_a_dripping_body, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tells_resets_from_the_rest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_what_is_not_http, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			takes_chunks_and_bodies_without_length, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			takes_an_answer_before_the_request_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			sends_large_bodies_without_expect, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sends_other_methods, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			sends_large_heads_with_their_bodies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_line_breaks_in_fields, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
