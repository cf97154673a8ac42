/* A transfer's path: start -> NAMING (unless the address is known) -> SENDING -> told; whatever
 * ends without libcurl goes through ENDED, which is told on the next turn of the loop. A tick of
 * 25 ms guards every deadline by our own clock while anything runs. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <ares.h>
#include <uv.h>
#include "config/network.h"
#include "core/clock.h"
#include "fetch/guard.h"
#include "fetch/memory.h"
#include "fetch/fetch.h"
#include "fetch/multis.h"
#include "fetch/target_parts.h"
#include "fetch/target.h"
#include "fetch/transfer.h"

#define CA_FILE           "/etc/ssl/certs/ca-certificates.crt"
#define CONNECTIONS_MAX   1024
#define MULTIS            32
#define TICK_MS           25
#define GRACE_US          50000 /* what libcurl's own timer may be late before we call it stuck */
#define LOOK_EVERY_US     1000000
#define REQUEST_BYTES_MAX (1u << 31)

struct place {
	struct bud_list pool; /* transfers at rest */
	unsigned sending;
	bool must_look;
};

struct bud_fetch {
	uv_loop_t *loop;
	uv_timer_t tick;
	uv_idle_t teller; /* tells those that ended, once */
	struct bud_guard guard;
	char *ca_file;
	char *proxy; /* NULL: none */
	char *name_servers;
	struct bud_transfer_setup setup;
	struct bud_names *names;
	struct bud_multis *multis;
	struct place *places;
	unsigned multis_n;
	unsigned running_max;
	size_t running;
	struct bud_list naming;
	struct bud_list sending;
	struct bud_list ended;
	int64_t looked_us;
	bool is_closing;
	unsigned open_parts;
	void (*on_closed)(void *owner);
	void *owner;
};

static void set_state(struct bud_transfer *transfer, enum bud_transfer_state state)
{
	struct bud_fetch *fetch = transfer->fetch;
	struct place *place = &fetch->places[transfer->multi];
	struct bud_list *lists[] = {
		[BUD_TRANSFER_IDLE] = &place->pool,
		[BUD_TRANSFER_NAMING] = &fetch->naming,
		[BUD_TRANSFER_SENDING] = &fetch->sending,
		[BUD_TRANSFER_ENDED] = &fetch->ended,
	};
	if (transfer->state == BUD_TRANSFER_SENDING)
		place->sending--;
	if (state == BUD_TRANSFER_SENDING)
		place->sending++;
	transfer->state = state;
	bud_list_remove(&transfer->link);
	bud_list_append(lists[state], &transfer->link);
}

/* Tells the owner. The transfer is at rest only after that, since the result points into it. */
static void tell(struct bud_transfer *transfer)
{
	struct bud_transfer_response *response = &transfer->response;
	bool is_response = transfer->kind == BUD_FETCH_RESPONSE;
	struct bud_fetch_result result = {
		.kind = transfer->kind,
		.text = transfer->text,
		.time_us = bud_clock_mono_us() - transfer->started_us,
	};
	if (is_response) {
		result.status = response->status;
		result.retry_after.at = response->retry_after;
		result.retry_after.len = response->retry_after_len;
		result.headers = bud_buffer_as_span(&response->head);
		result.body = bud_buffer_as_span(&response->body);
		result.body_is_cut = response->body_bytes > response->body.len;
	}
	set_state(transfer, BUD_TRANSFER_ENDED);
	bud_list_remove(&transfer->link);
	transfer->fetch->running--;
	if (transfer->has_large_head)
		bud_memory_exempt(-1);
	transfer->fn(transfer->owner, &result);
	if (!bud_transfer_is_worth_keeping(transfer)) {
		bud_transfer_destroy(transfer);
		return;
	}
	bud_transfer_rest(transfer);
	set_state(transfer, BUD_TRANSFER_IDLE);
}

static void shut(struct bud_fetch *fetch);

static void on_teller(uv_idle_t *teller)
{
	struct bud_fetch *fetch = teller->data;
	struct bud_list now;
	bud_list_init(&now);
	while (!bud_list_is_empty(&fetch->ended)) {
		struct bud_list *link = fetch->ended.next;
		bud_list_remove(link);
		bud_list_append(&now, link);
	}
	uv_idle_stop(teller);
	while (!bud_list_is_empty(&now))
		tell(bud_list_first(&now, struct bud_transfer, link));
	if (fetch->is_closing && fetch->running == 0)
		shut(fetch);
}

static void end(struct bud_transfer *transfer, enum bud_fetch_kind kind, const char *text)
{
	transfer->kind = kind;
	transfer->text = text;
	set_state(transfer, BUD_TRANSFER_ENDED);
	uv_idle_start(&transfer->fetch->teller, on_teller);
}

static void on_tick(uv_timer_t *tick);

static void give_to_curl(struct bud_transfer *transfer, const char *pin, unsigned more)
{
	struct bud_fetch *fetch = transfer->fetch;
	int64_t left_us = transfer->deadline_us - bud_clock_mono_us();
	if (left_us <= 0) {
		end(transfer, BUD_FETCH_TIMEOUT, "no complete response in time");
		return;
	}
	bud_transfer_aim(transfer, pin, (long)((left_us + 999) / 1000), more);
	set_state(transfer, BUD_TRANSFER_SENDING);
	bud_multis_add(fetch->multis, transfer->multi, transfer->easy);
}

/* Whether an address is our own cannot be told without a socket. */
static void refuse(struct bud_transfer *transfer)
{
	if (bud_guard_is_exhausted())
		end(transfer, BUD_FETCH_BLOCKED, BUD_BLOCKED_TEXT);
	else
		end(transfer, BUD_FETCH_ADDRESS_REFUSED, BUD_ADDRESS_REFUSED_TEXT);
}

static void go_on(struct bud_transfer *transfer, const struct bud_name_answer *answer)
{
	switch (answer->state) {
	case BUD_NAME_FOUND:
		give_to_curl(transfer, answer->pins[0], answer->n - 1);
		break;
	case BUD_NAME_REFUSED:
		end(transfer, BUD_FETCH_ADDRESS_REFUSED, BUD_ADDRESS_REFUSED_TEXT);
		break;
	case BUD_NAME_FAILED:
		end(transfer, BUD_FETCH_NAME_FAILED, "the host name does not resolve");
		break;
	case BUD_NAME_BLOCKED:
		end(transfer, BUD_FETCH_BLOCKED, BUD_BLOCKED_TEXT);
		break;
	}
}

static void on_name(struct bud_name_query *query, const struct bud_name_answer *answer)
{
	go_on(bud_container(query, struct bud_transfer, query), answer);
}

static void find_address(struct bud_transfer *transfer)
{
	struct bud_fetch *fetch = transfer->fetch;
	const struct bud_target *target = transfer->target;
	if (target->is_literal) {
		const struct sockaddr *address = (const struct sockaddr *)&target->literal;
		if (bud_guard_allows(&fetch->guard, address))
			give_to_curl(transfer, NULL, 0);
		else
			refuse(transfer);
		return;
	}
	const struct bud_name_answer *answer = bud_names_find(fetch->names, target->host);
	if (answer) {
		go_on(transfer, answer);
		return;
	}
	if (fetch->guard.is_proxied) {
		give_to_curl(transfer, NULL, 0);
		return;
	}
	set_state(transfer, BUD_TRANSFER_NAMING);
	transfer->query.fn = on_name;
	bud_names_ask(fetch->names, target->host, &transfer->query);
}

/* Nothing was sent when a connection failed, so the next address is worth a try. */
static bool try_next_address(struct bud_transfer *transfer)
{
	struct bud_fetch *fetch = transfer->fetch;
	if (transfer->target->is_literal || fetch->is_closing)
		return false;
	const struct bud_name_answer *answer = bud_names_find(fetch->names, transfer->target->host);
	if (!answer || answer->state != BUD_NAME_FOUND || transfer->address_i + 1 >= answer->n)
		return false;
	unsigned i = ++transfer->address_i;
	give_to_curl(transfer, answer->pins[i], answer->n - 1 - i);
	return true;
}

/* A kept connection was closed while the request was under way: once more, on a new one. libcurl
 * does that itself where it has no other kept one, but 7.88 counts over the life of a handle and
 * gives up every sixth time. */
static bool repeat(struct bud_transfer *transfer)
{
	long connects = 0;
	curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
	if (connects > 0 || transfer->was_repeated || transfer->response.head_bytes > 0 ||
		transfer->fetch->is_closing)
		return false;
	bud_transfer_set_fresh(transfer);
	give_to_curl(transfer, transfer->is_pinned ? transfer->pin : NULL, 0);
	return true;
}

static void on_done(void *owner, CURL *easy, CURLcode code)
{
	(void)owner;
	struct bud_transfer *transfer = NULL;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
	bud_transfer_judge(transfer, code);
	if (transfer->kind == BUD_FETCH_CONNECT_FAILED && try_next_address(transfer))
		return;
	if (transfer->kind == BUD_FETCH_RESET && repeat(transfer))
		return;
	bool was_reached = transfer->kind == BUD_FETCH_RESPONSE ||
			   transfer->kind == BUD_FETCH_RESET ||
			   transfer->kind == BUD_FETCH_BAD_RESPONSE;
	if (transfer->address_i > 0 && was_reached)
		bud_names_prefer(transfer->fetch->names, transfer->target->host, transfer->pin);
	tell(transfer);
}

/* First libcurl gets the chance to see for itself (that tells owners, so lists change); only what
 * is late after that is stuck. */
static void look_after_curl(struct bud_fetch *fetch, int64_t now)
{
	struct bud_transfer *transfer, *after;
	bool must_look = now - fetch->looked_us >= LOOK_EVERY_US;
	if (must_look)
		fetch->looked_us = now;
	bud_list_each (transfer, &fetch->sending, link)
		if (now > transfer->deadline_us + GRACE_US)
			fetch->places[transfer->multi].must_look = true;
	for (unsigned i = 0; i < fetch->multis_n; i++) {
		struct place *place = &fetch->places[i];
		if (place->must_look || (must_look && place->sending > 0))
			bud_multis_run(fetch->multis, i);
		place->must_look = false;
	}
	bud_list_each_safe (transfer, after, &fetch->sending, link) {
		if (now <= transfer->deadline_us + GRACE_US)
			continue;
		bud_multis_remove(fetch->multis, transfer->multi, transfer->easy);
		end(transfer, BUD_FETCH_STUCK, "no end in time");
	}
}

static void on_tick(uv_timer_t *tick)
{
	struct bud_fetch *fetch = tick->data;
	struct bud_transfer *transfer, *after;
	int64_t now = bud_clock_mono_us();
	bud_list_each_safe (transfer, after, &fetch->naming, link) {
		if (now <= transfer->deadline_us)
			continue;
		bud_names_forget(&transfer->query);
		end(transfer, BUD_FETCH_TIMEOUT, "the host name did not resolve in time");
	}
	look_after_curl(fetch, now);
	if (fetch->running == 0)
		uv_timer_stop(tick);
}

static void init_libraries(void)
{
	bud_memory_init();
	ares_library_init(ARES_LIB_INIT_ALL);
}

static void init_guard(struct bud_guard *guard, const struct bud_fetch_options *options)
{
	static_assert(sizeof(guard->own_ports) == sizeof(options->own_ports), "the same ports");
	if (options->networks)
		guard->networks = *options->networks;
	if (options->nat64)
		guard->nat64 = *options->nat64;
	if (options->sources)
		guard->sources = *options->sources;
	memcpy(guard->own_ports, options->own_ports, sizeof(guard->own_ports));
	guard->is_proxied = options->proxy && options->proxy[0];
}

struct bud_fetch *bud_fetch_open(struct uv_loop_s *loop, const struct bud_fetch_options *options)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, init_libraries);
	struct bud_fetch *fetch = bud_new(struct bud_fetch);
	fetch->loop = loop;
	init_guard(&fetch->guard, options);
	if (fetch->guard.is_proxied)
		fetch->proxy = bud_strdup(options->proxy);
	fetch->ca_file = bud_strdup(options->ca_file ? options->ca_file : CA_FILE);
	if (options->name_servers)
		fetch->name_servers = bud_strdup(options->name_servers);
	fetch->multis_n = options->multis ? options->multis : MULTIS;
	fetch->running_max = options->connections_max ? options->connections_max : CONNECTIONS_MAX;
	fetch->places = bud_alloc_zero(fetch->multis_n * sizeof(struct place));
	for (unsigned i = 0; i < fetch->multis_n; i++)
		bud_list_init(&fetch->places[i].pool);
	bud_list_init(&fetch->naming);
	bud_list_init(&fetch->sending);
	bud_list_init(&fetch->ended);
	uv_timer_init(loop, &fetch->tick);
	uv_idle_init(loop, &fetch->teller);
	fetch->tick.data = fetch;
	fetch->teller.data = fetch;
	fetch->names =
		bud_names_open(loop, &(struct bud_names_options){.networks = &fetch->guard.networks,
					     .nat64 = &fetch->guard.nat64,
					     .servers = fetch->name_servers,
					     .kept_ms = options->name_kept_ms});
	fetch->multis = bud_multis_open(loop, fetch->multis_n, fetch->running_max, on_done, fetch);
	fetch->open_parts = 4;
	fetch->setup = (struct bud_transfer_setup){.guard = &fetch->guard,
		.ca_file = fetch->ca_file,
		.proxy = fetch->proxy,
		.allow_http = options->allow_http,
		.multis = fetch->multis};
	return fetch;
}

static void on_part_closed(void *owner)
{
	struct bud_fetch *fetch = owner;
	if (--fetch->open_parts > 0)
		return;
	void (*on_closed)(void *owner) = fetch->on_closed;
	void *closed_owner = fetch->owner;
	free(fetch->places);
	free(fetch->ca_file);
	free(fetch->proxy);
	free(fetch->name_servers);
	free(fetch);
	if (on_closed)
		on_closed(closed_owner);
}

static void on_handle_closed(uv_handle_t *handle)
{
	on_part_closed(handle->data);
}

static void shut(struct bud_fetch *fetch)
{
	struct bud_transfer *transfer, *after;
	for (unsigned i = 0; i < fetch->multis_n; i++)
		bud_list_each_safe (transfer, after, &fetch->places[i].pool, link)
			bud_transfer_destroy(transfer);
	bud_names_close(fetch->names, on_part_closed, fetch);
	bud_multis_close(fetch->multis, on_part_closed, fetch);
	uv_close((uv_handle_t *)&fetch->tick, on_handle_closed);
	uv_close((uv_handle_t *)&fetch->teller, on_handle_closed);
}

void bud_transfer_cancel(struct bud_transfer *transfer)
{
	if (transfer->state == BUD_TRANSFER_ENDED)
		return;
	if (transfer->state == BUD_TRANSFER_NAMING)
		bud_names_forget(&transfer->query);
	if (transfer->state == BUD_TRANSFER_SENDING)
		bud_multis_remove(transfer->fetch->multis, transfer->multi, transfer->easy);
	end(transfer, BUD_FETCH_CANCELLED, "cancelled");
}

void bud_fetch_close(struct bud_fetch *fetch, void (*on_closed)(void *owner), void *owner)
{
	if (!fetch)
		return;
	assert(!fetch->is_closing);
	struct bud_transfer *transfer, *after;
	fetch->is_closing = true;
	fetch->on_closed = on_closed;
	fetch->owner = owner;
	bud_list_each_safe (transfer, after, &fetch->naming, link)
		bud_transfer_cancel(transfer);
	bud_list_each_safe (transfer, after, &fetch->sending, link)
		bud_transfer_cancel(transfer);
	uv_idle_start(&fetch->teller, on_teller);
}

/* The last one that came to rest is the warmest. */
static struct bud_transfer *take_transfer(struct bud_fetch *fetch, unsigned multi)
{
	struct bud_list *pool = &fetch->places[multi].pool;
	if (!bud_list_is_empty(pool)) {
		struct bud_transfer *transfer =
			bud_container(pool->prev, struct bud_transfer, link);
		bud_list_remove(&transfer->link);
		return transfer;
	}
	struct bud_transfer *transfer = bud_transfer_create(&fetch->setup);
	transfer->fetch = fetch;
	transfer->multi = multi;
	return transfer;
}

int bud_fetch_start(struct bud_fetch *fetch, const struct bud_fetch_request *request,
	bud_fetch_fn fn, void *owner, struct bud_transfer **out_transfer)
{
	if (fetch->is_closing)
		return -ECANCELED;
	if (request->target->is_http && !fetch->setup.allow_http)
		return -EPROTONOSUPPORT;
	if (fetch->running >= fetch->running_max)
		return -EAGAIN;
	if (request->body.len >= REQUEST_BYTES_MAX)
		return -EINVAL;
	assert(request->keep_body_bytes <= BUD_RESPONSE_KEPT_MAX);
	struct bud_transfer *transfer =
		take_transfer(fetch, request->target->spread % fetch->multis_n);
	if (!bud_transfer_take_request(transfer, request)) {
		set_state(transfer, BUD_TRANSFER_IDLE);
		return -EINVAL;
	}
	transfer->fn = fn;
	transfer->owner = owner;
	fetch->running++;
	if (transfer->has_large_head)
		bud_memory_exempt(1);
	if (!uv_is_active((uv_handle_t *)&fetch->tick))
		uv_timer_start(&fetch->tick, on_tick, TICK_MS, TICK_MS);
	if (out_transfer)
		*out_transfer = transfer;
	find_address(transfer);
	return 0;
}

size_t bud_fetch_running(const struct bud_fetch *fetch)
{
	return fetch->running;
}

const char *bud_fetch_kind_word(enum bud_fetch_kind kind)
{
	static const char *const words[] = {
		[BUD_FETCH_RESPONSE] = "response",
		[BUD_FETCH_NAME_FAILED] = "name_failed",
		[BUD_FETCH_ADDRESS_REFUSED] = "address_refused",
		[BUD_FETCH_CONNECT_FAILED] = "connect_failed",
		[BUD_FETCH_TLS_FAILED] = "tls_failed",
		[BUD_FETCH_TIMEOUT] = "timeout",
		[BUD_FETCH_RESET] = "reset",
		[BUD_FETCH_BAD_RESPONSE] = "bad_response",
		[BUD_FETCH_CANCELLED] = "cancelled",
		[BUD_FETCH_STUCK] = "stuck",
		[BUD_FETCH_BLOCKED] = "blocked",
	};
	return words[kind];
}
