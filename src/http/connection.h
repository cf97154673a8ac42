/* A connection: one client's socket, its input buffer and the exchange under way. Within http/
 * only. Its states and their limits are told in connection.c. */
#pragma once
#include <uv.h>
#include "http/answer.h"
#include "http/exchange.h"
#include "http/input.h"

struct bud_listener; /* http/listener.h */

enum bud_connection_state {
	BUD_CONNECTION_IDLE,      /* between requests */
	BUD_CONNECTION_HEAD,      /* accepted, or a head is coming */
	BUD_CONNECTION_BODY,      /* a body is coming */
	BUD_CONNECTION_HANDLING,  /* a handler has the request */
	BUD_CONNECTION_WRITING,   /* the socket did not take the reply at once */
	BUD_CONNECTION_LINGERING, /* answered for the last time; lets the client read it */
	BUD_CONNECTION_CLOSING,   /* uv_close() is under way */
	BUD_CONNECTION_LEFT,      /* closed, but a handler still has the request */
	BUD_CONNECTION_STATES,
};

struct bud_connection {
	struct bud_listener *listener;
	uv_tcp_t tcp;
	enum bud_connection_state state;
	struct bud_list link; /* in the listener's list of this state */
	uint64_t since_ms;    /* uv_now() when the state began */
	struct bud_input input;
	struct bud_exchange *exchange; /* NULL between requests */
	struct bud_list ready;         /* in the listener's list while bytes wait for the loop */
	bool is_reading;
	bool is_advancing; /* advance() is on the stack */
	bool is_ended;     /* the client sends no more */
	bool keeps_alive;  /* after the reply that is being written */
};

/* Takes the accepted socket. On failure it is closed and nothing remains. */
void bud_connection_open(struct bud_listener *listener, int fd);
/* Cuts it; memory goes when the socket is closed and the handler has answered. Safe to repeat. */
void bud_connection_close(struct bud_connection *connection);
/* The deadline of its state has passed. */
void bud_connection_expire(struct bud_connection *connection);
/* Reads what waits in the buffer; called from the loop. */
void bud_connection_resume(struct bud_connection *connection);
/* The handler's answer to the exchange, which is gone afterwards. */
void bud_connection_answer(struct bud_exchange *exchange, const struct bud_answer *answer);
/* The handler gives none: the connection is cut and the exchange gone. */
void bud_connection_drop(struct bud_exchange *exchange);
