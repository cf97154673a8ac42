/* What the tests of http/ share: one server, and what they expect of it. */
#pragma once
#include "http_server.h"

extern struct http_server server;

/* cmocka's fixtures; a test with options of its own starts the server itself. */
int http_start(void **state);
int http_stop(void **state);

/* The next response has this status and body; the body may be NULL for any. */
void http_expect(int fd, int status, const char *body);
/* Until so many requests are under way, or connections open. */
void http_wait_for_requests(size_t n);
void http_wait_for_connections(size_t n);
