/* A server that misbehaves as told: it answers each request (or each accept) with fixed bytes, at
 * once or byte by byte, and then keeps, closes, resets or never ends. Runs on the test's loop. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>
#include "core/text.h"

enum scripted_then {
	SCRIPTED_KEEP,
	SCRIPTED_CLOSE,
	SCRIPTED_RESET,
	SCRIPTED_REPEAT, /* `repeat` for ever */
};

struct scripted_act {
	const char *text; /* NULL: nothing */
	size_t text_len;  /* 0: its string length */
	enum scripted_then then;
	const char *repeat;
	unsigned drip_ms; /* one byte each; 0: at once */
	bool on_accept;   /* without waiting for a request */
	unsigned dies_at; /* the n-th request of a connection closes it without an answer */
};

struct scripted_server {
	uv_tcp_t listener;
	struct scripted_act act;
	int port;
	unsigned accepts;
	unsigned requests;
	unsigned answers;       /* that were given whole */
	struct bud_buffer last; /* the last whole request */
	struct scripted_connection *connections;
};

/* On `address` (127.0.0.1 …) and `port` (0: a free one). Not NULL-safe: it is a test. */
void scripted_server_open(
	struct scripted_server *server, uv_loop_t *loop, const char *address, int port);
void scripted_server_close(struct scripted_server *server);
