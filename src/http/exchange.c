/* Exchanges: the pool, and the request filled from its message. */
#include "http/exchange.h"

#include <stdlib.h>
#include <strings.h>

#include "core/clock.h"
#include "http/parser.h"
#include "http/percent.h"

/* Above, memory goes back to the system. */
#define UNUSED_MAX        256u
#define BUFFER_KEPT_BYTES 4096u

void bud_exchange_pool_init(struct bud_exchange_pool *pool)
{
	bud_list_init(&pool->unused);
	pool->n = 0;
}

static void destroy(struct bud_exchange *exchange)
{
	bud_parser_destroy(exchange->parser);
	bud_buffer_finish(&exchange->fields);
	bud_buffer_finish(&exchange->decoded);
	free(exchange);
}

void bud_exchange_pool_finish(struct bud_exchange_pool *pool)
{
	struct bud_exchange *exchange;
	struct bud_exchange *after;

	bud_list_each_safe (exchange, after, &pool->unused, link)
		destroy(exchange);
	bud_exchange_pool_init(pool);
}

struct bud_exchange *bud_exchange_take(
	struct bud_exchange_pool *pool, struct bud_connection *connection)
{
	struct bud_exchange *exchange;

	if (bud_list_is_empty(&pool->unused)) {
		exchange = bud_new(struct bud_exchange);
		exchange->parser = bud_parser_create();
		bud_list_init(&exchange->link);
	} else {
		exchange = bud_list_first(&pool->unused, struct bud_exchange, link);
		bud_list_remove(&exchange->link);
		pool->n--;
	}
	exchange->connection = connection;
	exchange->is_handed_out = false;
	exchange->is_asked = false;
	bud_message_start(&exchange->message, exchange->parser);
	return exchange;
}

static void clear(struct bud_buffer *buffer)
{
	if (buffer->room > BUFFER_KEPT_BYTES)
		bud_buffer_finish(buffer);
	else
		bud_buffer_clear(buffer);
}

void bud_exchange_give_back(struct bud_exchange_pool *pool, struct bud_exchange *exchange)
{
	if (exchange->is_asked && pool->authentication.leave)
		pool->authentication.leave(pool->authentication.owner, &exchange->request);
	if (pool->n >= UNUSED_MAX) {
		destroy(exchange);
		return;
	}
	clear(&exchange->fields);
	clear(&exchange->decoded);
	exchange->connection = NULL;
	/* The last one used is the one still in the processor's cache. */
	bud_list_append(pool->unused.next, &exchange->link);
	pool->n++;
}

static struct bud_span find_field(const struct bud_head *head, const char *name)
{
	for (size_t i = 0; i < head->n_fields; i++)
		if (bud_span_is_nocase(head->fields[i].name, name))
			return head->fields[i].value;
	return (struct bud_span){NULL, 0};
}

/* Of what can change something. Browsers name the page's site, or say "null"; others say nothing.
 */
static bool is_of_other_site(const struct bud_head *head)
{
	struct bud_span origin = find_field(head, "Origin");
	struct bud_span host;
	const char *slashes;

	if (!origin.at || bud_span_is(head->method, "GET") || bud_span_is(head->method, "HEAD") ||
		bud_span_is(head->method, "OPTIONS"))
		return false;
	host = find_field(head, "Host");
	slashes = memmem(origin.at, origin.len, "://", 3);
	if (!slashes)
		return true;
	origin.len -= (size_t)(slashes + 3 - origin.at);
	origin.at = slashes + 3;
	return host.len == 0 || origin.len != host.len ||
	       strncasecmp(origin.at, host.at, host.len) != 0;
}

/* False: a bad escape. */
static bool decode_parameters(struct bud_exchange *exchange, const struct bud_route_match *match)
{
	struct bud_request *request = &exchange->request;
	size_t room = 0;

	request->n_parameters = match->n_parameters;
	for (size_t i = 0; i < match->n_parameters; i++)
		room += match->parameters[i].len;
	/* Reserved once: the spans point into it. They are copies, so moved input is no matter. */
	if (room > 0)
		(void)bud_buffer_reserve(&exchange->decoded, room);
	for (size_t i = 0; i < match->n_parameters; i++) {
		size_t start = exchange->decoded.len;
		if (bud_percent_decode(match->parameters[i], false, &exchange->decoded) < 0)
			return false;
		request->parameters[i] = (struct bud_span){
			exchange->decoded.at + start, exchange->decoded.len - start};
	}
	return true;
}

bool bud_exchange_set_route(const struct bud_exchange_pool *pool, struct bud_exchange *exchange,
	const struct bud_route_match *match, struct bud_refusal *out_refusal)
{
	static const struct bud_refusal bad_escape = {
		400, "A bad percent-escape in the path.", "path"};
	static const struct bud_refusal other_site = {
		403, "A web page of another site may not change anything here.", "Origin"};

	exchange->request.route = match->route;
	exchange->context = match->context;
	if (pool->refuses_other_sites && is_of_other_site(&exchange->message.head)) {
		*out_refusal = other_site;
		return false;
	}
	if (!decode_parameters(exchange, match)) {
		*out_refusal = bad_escape;
		return false;
	}
	return true;
}

static void complete(struct bud_exchange *exchange)
{
	struct bud_request *request = &exchange->request;
	const struct bud_message *message = &exchange->message;

	request->method = message->head.method;
	request->path = message->head.path;
	request->query = message->head.query;
	request->content_type = message->head.content_type;
	request->headers = message->head.fields;
	request->n_headers = message->head.n_fields;
	request->body = message->body;
	request->whole_us = bud_clock_mono_us();
	request->owner = NULL;
	bud_list_init(&request->link);
}

/* Nobody yet. */
static void begin_asking(struct bud_exchange_pool *pool, struct bud_exchange *exchange)
{
	exchange->is_asked = true;
	exchange->request.identity = pool->authentication.everybody;
	exchange->request.platform = NULL;
}

bool bud_exchange_is_refused(struct bud_exchange_pool *pool, struct bud_exchange *exchange)
{
	const struct bud_authentication *authentication = &pool->authentication;
	enum bud_head_look look;

	if (!authentication->look)
		return false;
	complete(exchange);
	begin_asking(pool, exchange);
	look = authentication->look(authentication->owner, &exchange->request);
	if (look == BUD_HEAD_UNDECIDED)
		exchange->is_asked = false;
	return look == BUD_HEAD_ANSWERED;
}

void bud_exchange_hand_out(struct bud_exchange_pool *pool, struct bud_exchange *exchange)
{
	const struct bud_authentication *authentication = &pool->authentication;
	struct bud_request *request = &exchange->request;

	complete(exchange);
	exchange->is_handed_out = true;
	if (exchange->is_asked) { /* its head was enough */
		bud_request_admit(request);
		return;
	}
	begin_asking(pool, exchange);
	if (authentication->ask)
		authentication->ask(authentication->owner, request);
	else
		bud_request_admit(request);
}

void bud_request_admit(struct bud_request *request)
{
	struct bud_exchange *exchange = bud_container(request, struct bud_exchange, request);

	request->route->handle(exchange->context, request);
}
