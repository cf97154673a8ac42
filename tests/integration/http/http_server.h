/* A real listener on a thread of its own, and a raw client, for the tests of http/. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>
#include "core/text.h"
#include "http/listener.h"
#include "http/request.h"

/* Routes: POST /echo (body back, 1 MiB), POST /events (202, 64 KiB), GET /items/{id}/parts/{part},
 * PUT /items/{id}/parts/{part}, GET /big (8 MiB), GET /long (the length of X-Long), GET /late
 * (waits for POST /release), OPTIONS /own. */
struct http_server {
	pthread_t thread;
	uv_loop_t loop;
	uv_async_t wake;
	struct bud_listener *listener;
	struct bud_list late; /* requests that wait for their answer */
	int port;
	/* What the test asks of the loop's thread, then wakes it. */
	atomic_int wanted;
	atomic_size_t connections;
	atomic_size_t requests;
	atomic_size_t input_bytes;
	atomic_int replies;
	atomic_bool is_closed;
};

enum http_server_wish {
	HTTP_SERVER_LOOK, /* publish the counts */
	HTTP_SERVER_RELEASE,
	HTTP_SERVER_STOP,
	HTTP_SERVER_CLOSE,
};

/* `options` may set limits and deadlines. */
void http_server_start(struct http_server *server, struct bud_listener_options options);
/* Returns when the loop has done it. */
void http_server_ask(struct http_server *server, enum http_server_wish wish);
/* Closes if need be and joins; fails the test when anything is left in the loop. */
void http_server_join(struct http_server *server);

/* A connected socket; a read waits 30 s at most. */
int http_client_open(const struct http_server *server);
void http_client_send(int fd, const char *bytes, size_t len);
void http_client_text(int fd, const char *text);

struct http_response {
	int status; /* 0: the connection ended before a response */
	char head[4096];
	struct bud_buffer body;
};
/* Reads exactly one response; 100 is one of its own. The caller finishes `body`. */
void http_client_read(int fd, bool to_head, struct http_response *out_response);
/* Whether the server has closed, and nothing came before. */
bool http_client_is_closed(int fd);
/* Opens, sends, reads one response's status; *out_closes says whether the server closed then. */
int http_client_status(const struct http_server *server, struct bud_span bytes, bool *out_closes);
