/* A loop with a scripted server and a client that may talk to it, and how a transfer ended. */
#pragma once
#include "config/network.h"
#include "fetch/fetch.h"
#include "fetch/target.h"
#include "scripted_server.h"

struct client_end {
	unsigned calls;
	enum bud_fetch_kind kind;
	int status;
	char retry_after[64];
	struct bud_buffer body;
	struct bud_buffer headers;
	bool body_is_cut;
	int64_t time_us;
	int64_t ended_us;
	/* Of a time-out: behind a plain timer of the same loop, so that what makes the whole loop
	 * late does not count. */
	int64_t late_us;
	const char *text;
};

struct client {
	uv_loop_t loop;
	struct scripted_server server;
	struct bud_networks loopback;
	struct bud_fetch *fetch;
	struct bud_target *target; /* http://127.0.0.1:port/hook?a=b */
	struct client_end end;
	uv_timer_t deadline; /* as long as the last request may take */
	int64_t deadline_us; /* when it fired */
	bool is_closed;
};

struct client *client_create(void);
void client_destroy(struct client *client);
/* Opens client->fetch; zeros in `options` but for the networks and http, which are allowed. */
void client_open(struct client *client, struct bud_fetch_options options);
struct bud_target *client_target(const char *format, int port);
/* Sends "hello" by POST with a keep of 64 bytes; asserts that it started. */
struct bud_transfer *client_start(struct client *client, unsigned timeout_ms);
struct bud_transfer *client_send(
	struct client *client, const struct bud_fetch_request *request, struct client_end *end);
/* Runs the loop until the transfer's end was told. */
const struct client_end *client_wait(struct client *client, struct client_end *end);
const struct client_end *client_do(struct client *client, unsigned timeout_ms);
void client_forget_end(struct client_end *end);
