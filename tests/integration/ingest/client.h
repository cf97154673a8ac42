/* A client of the ingest's tests, on the loop's own thread: it sends at once, and is answered while
 * the loop turns. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct client {
	int fd;
	size_t len;
	char answer[16384];
};

/* Sends a POST /events to a port of this machine. `type` may go on with more header lines. */
void client_publish(
	struct client *client, uv_loop_t *loop, int port, const char *type, const char *body);
/* Whether the answer is there, whole; reads what has come. */
bool client_is_answered(struct client *client);
