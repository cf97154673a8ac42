/* What every test of the HTTP client does first and last. */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "client.h"
#include "core/clock.h"
#include "core/error.h"

static const char *const headers[] = {"Content-Type: text/plain", "X-Attempt: 1", "X-More: 2"};

struct client *client_create(void)
{
	struct client *client = bud_new(struct client);
	struct bud_error error;
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&client->loop);
	uv_timer_init(&client->loop, &client->deadline);
	client->deadline.data = client;
	scripted_server_open(&client->server, &client->loop, "127.0.0.1", 0);
	client->loopback.n = 2; /* localhost may be both */
	int r = bud_network_parse(bud_span("127.0.0.0/8"), &client->loopback.list[0], &error);
	assert(r == 0);
	r = bud_network_parse(bud_span("::1/128"), &client->loopback.list[1], &error);
	assert(r == 0);
	client->target = client_target("http://127.0.0.1:%d/hook?a=b", client->server.port);
	return client;
}

void client_open(struct client *client, struct bud_fetch_options options)
{
	options.networks = &client->loopback;
	options.allow_http = true;
	client->fetch = bud_fetch_open(&client->loop, &options);
}

struct bud_target *client_target(const char *format, int port)
{
	char url[200];
	struct bud_error error = {0};
	struct bud_target_options options = {.allow_http = true};
	snprintf(url, sizeof(url), format, port);
	struct bud_target *target = bud_target_create(bud_span(url), &options, &error);
	if (!target)
		fprintf(stderr, "%s: %s\n", url, error.text);
	assert(target);
	return target;
}

static void on_closed(void *owner)
{
	*(bool *)owner = true;
}

void client_forget_end(struct client_end *end)
{
	bud_buffer_finish(&end->body);
	bud_buffer_finish(&end->headers);
	*end = (struct client_end){0};
}

void client_destroy(struct client *client)
{
	bud_target_unref(client->target);
	uv_close((uv_handle_t *)&client->deadline, NULL);
	scripted_server_close(&client->server);
	if (client->fetch)
		bud_fetch_close(client->fetch, on_closed, &client->is_closed);
	uv_run(&client->loop, UV_RUN_DEFAULT);
	assert(!client->fetch || client->is_closed);
	int r = uv_loop_close(&client->loop);
	assert(r == 0);
	client_forget_end(&client->end);
	free(client);
}

static void on_end(void *owner, const struct bud_fetch_result *result)
{
	struct client_end *end = owner;
	end->calls++;
	end->kind = result->kind;
	end->status = result->status;
	snprintf(end->retry_after, sizeof(end->retry_after), "%.*s", (int)result->retry_after.len,
		result->retry_after.len ? result->retry_after.at : "");
	bud_buffer_span(&end->body, result->body);
	bud_buffer_span(&end->headers, result->headers);
	end->body_is_cut = result->body_is_cut;
	end->time_us = result->time_us;
	end->ended_us = bud_clock_mono_us();
	end->text = result->text;
}

static void on_deadline(uv_timer_t *deadline)
{
	struct client *client = deadline->data;
	client->deadline_us = bud_clock_mono_us();
}

struct bud_transfer *client_send(
	struct client *client, const struct bud_fetch_request *request, struct client_end *end)
{
	struct bud_transfer *transfer = NULL;
	client_forget_end(end);
	uv_update_time(&client->loop);
	uv_timer_start(&client->deadline, on_deadline, request->timeout_ms, 0);
	int r = bud_fetch_start(client->fetch, request, on_end, end, &transfer);
	assert(r == 0);
	assert(end->calls == 0); /* never before it returns */
	return transfer;
}

struct bud_transfer *client_start(struct client *client, unsigned timeout_ms)
{
	struct bud_fetch_request request = {
		.target = client->target,
		.headers = headers,
		.headers_n = 3,
		.body = bud_span("hello"),
		.timeout_ms = timeout_ms,
		.keep_body_bytes = 64,
		.keep_headers = true,
	};
	return client_send(client, &request, &client->end);
}

const struct client_end *client_wait(struct client *client, struct client_end *end)
{
	while (end->calls == 0)
		uv_run(&client->loop, UV_RUN_ONCE);
	assert(end->calls == 1);
	while (end->kind == BUD_FETCH_TIMEOUT && uv_is_active((uv_handle_t *)&client->deadline))
		uv_run(&client->loop, UV_RUN_ONCE);
	uv_timer_stop(&client->deadline);
	end->late_us = end->ended_us - client->deadline_us;
	return end;
}

const struct client_end *client_do(struct client *client, unsigned timeout_ms)
{
	client_start(client, timeout_ms);
	return client_wait(client, &client->end);
}
