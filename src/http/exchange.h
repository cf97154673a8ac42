/* An exchange: one request from its first byte to its reply. Exchanges are pooled by the listener,
 * so that an idle connection holds none. Within http/ only. */
#pragma once
#include "http/authentication.h"
#include "http/message.h"
#include "http/request.h"

struct bud_connection; /* http/connection.h */

struct bud_exchange {
	struct bud_request request; /* what the handler sees */
	struct bud_message message;
	struct bud_connection *connection;
	struct bud_parser *parser;
	void *context;             /* of the route */
	struct bud_buffer fields;  /* of the reply to come */
	struct bud_buffer decoded; /* path parameters that had escapes */
	bool is_handed_out;        /* the handler has it and has not answered */
	bool is_asked;             /* who sent it: found out, or being so */
	struct bud_list link;      /* in the pool */
};

/* The pool; starts as {0} plus bud_exchange_pool_init(). */
struct bud_exchange_pool {
	struct bud_authentication authentication;
	bool refuses_other_sites;
	struct bud_list unused;
	size_t n;
};

void bud_exchange_pool_init(struct bud_exchange_pool *pool);
void bud_exchange_pool_finish(struct bud_exchange_pool *pool);
/* Never NULL; ready for the first byte of a request on `connection`. */
struct bud_exchange *bud_exchange_take(
	struct bud_exchange_pool *pool, struct bud_connection *connection);
void bud_exchange_give_back(struct bud_exchange_pool *pool, struct bud_exchange *exchange);

/* Decodes the matched parameters into the request. False: a bad escape, or it comes from a page of
 * another site. */
BUD_MUST_CHECK bool bud_exchange_set_route(const struct bud_exchange_pool *pool,
	struct bud_exchange *exchange, const struct bud_route_match *match,
	struct bud_refusal *out_refusal);
/* The head is there, the body is not: whether the request is refused for who sent it. True: it is
 * answered, and the exchange gone. */
bool bud_exchange_is_refused(struct bud_exchange_pool *pool, struct bud_exchange *exchange);
/* Fills the request from the whole message and hands it to whoever asks who sent it, then to its
 * handler. The exchange may be gone when this returns. */
void bud_exchange_hand_out(struct bud_exchange_pool *pool, struct bud_exchange *exchange);
