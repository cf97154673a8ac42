/* Pauses between nodes: tells others what this node found out about endpoints, follows what they
 * and people say, and publishes what is known of each endpoint. Run by the control thread. */
#pragma once

struct bud_endpoints;      /* dispatch/endpoint.h */
struct bud_pause_follower; /* opaque */
struct bud_store;          /* store/store.h */
struct uv_loop_s;

struct bud_pause_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	struct bud_endpoints *endpoints;
	const char *node;
};

/* Copies the options; borrows what they point to until it is closed. */
struct bud_pause_follower *bud_pause_follower_open(const struct bud_pause_options *options);
/* The store's connection is up: all pauses that hold are learned at once. */
void bud_pause_follower_on_up(struct bud_pause_follower *follower);
/* After the store's connection is closed. Asynchronous; NULL is fine. */
void bud_pause_follower_close(struct bud_pause_follower *follower);
