/* What a listener is made of, for the connections it owns. Within http/ only. */
#pragma once
#include "http/connection.h"
#include "http/listener.h"

struct bud_listener {
	uv_loop_t *loop;
	struct bud_listener_options options;
	int fd;    /* -1 once it takes no more connections */
	int spare; /* given up to turn a client away when descriptors run out; -1: none */
	int port;
	uv_poll_t poll;
	uv_timer_t tick; /* deadlines; runs while there are connections */
	uv_idle_t ready_idle;
	struct bud_list ready; /* connections with bytes to look at in the next turn */
	struct bud_list connections[BUD_CONNECTION_STATES];
	size_t n_connections;
	size_t n_requests;
	struct bud_input_pool inputs;
	struct bud_exchange_pool exchanges;
	struct bud_buffer out; /* the reply being composed */
	int64_t date_s;
	char date[40];  /* "Date: …" with CR LF */
	bool is_paused; /* accepting waits for the next tick */
	bool is_stopped;
	bool is_closing;
	unsigned n_handles; /* not closed yet */
	void (*on_closed)(void *owner);
	void *owner;
};

/* By a connection that is gone. */
void bud_listener_forget(struct bud_listener *listener);
/* Calls bud_connection_resume() in the next turn of the loop. */
void bud_listener_resume_later(struct bud_listener *listener, struct bud_connection *connection);
