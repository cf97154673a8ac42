/* A channel per name server, so that it is ours to say who is asked first: the one that answered
 * last. c-ares alone begins with the first of the list each time and lets a dead one cost its
 * whole time-out at every look-up. Sockets of c-ares live in one poller each, which outlives them
 * by the close callback. */
#include <ares.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>
#include "core/alloc.h"
#include "core/clock.h"
#include "core/list.h"
#include "fetch/resolver.h"

#define TRY_MS        500
#define TRIES         4 /* over all servers; what fails at once is asked no server twice */
#define SERVERS_MAX   4
#define LOOK_EVERY_MS 5000

struct slot {
	struct bud_resolver *resolver;
	ares_channel channel;
};

struct bud_resolver {
	uv_loop_t *loop;
	struct slot slots[SERVERS_MAX];
	unsigned slots_n;
	unsigned first; /* the one that answered last */
	bool is_closing;
	struct bud_list pollers;
	const char *servers;
	void (*on_turn)(void *owner);
	void *owner;
	int64_t look_again_ms;
	struct stat seen; /* resolv.conf when the channel was made */
};

struct poller {
	uv_poll_t poll;
	struct bud_list link;
	struct slot *slot;
	ares_socket_t fd;
};

struct question {
	struct bud_resolver *resolver;
	bud_resolver_fn fn;
	void *owner;
	unsigned server; /* which is asked now */
	unsigned tries;
	char host[];
};

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct poller *poller = poll->data;
	struct bud_resolver *resolver = poller->slot->resolver;
	bool readable = status < 0 || (events & UV_READABLE);
	bool writable = status < 0 || (events & UV_WRITABLE);
	ares_process_fd(poller->slot->channel, readable ? poller->fd : ARES_SOCKET_BAD,
		writable ? poller->fd : ARES_SOCKET_BAD);
	resolver->on_turn(resolver->owner);
}

static void on_poller_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct poller *find_poller(struct bud_resolver *resolver, ares_socket_t fd)
{
	struct poller *poller;
	bud_list_each (poller, &resolver->pollers, link)
		if (poller->fd == fd)
			return poller;
	return NULL;
}

/* c-ares says what it waits for; nothing at all means that it is about to close the socket. */
static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
	struct slot *slot = data;
	struct bud_resolver *resolver = slot->resolver;
	struct poller *poller = find_poller(resolver, fd);
	if (!readable && !writable) {
		if (!poller)
			return;
		bud_list_remove(&poller->link);
		uv_close((uv_handle_t *)&poller->poll, on_poller_closed);
		return;
	}
	if (!poller) {
		poller = bud_new(struct poller);
		poller->slot = slot;
		poller->fd = fd;
		if (uv_poll_init(resolver->loop, &poller->poll, fd) < 0) {
			free(poller);
			return; /* the question times out */
		}
		poller->poll.data = poller;
		bud_list_append(&resolver->pollers, &poller->link);
	}
	int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
	(void)uv_poll_start(&poller->poll, events, on_poll);
}

static void look_at_file(struct stat *out_seen)
{
	struct stat seen;
	if (stat("/etc/resolv.conf", &seen) == 0)
		*out_seen = seen;
}

static void open_channel(struct bud_resolver *resolver, struct slot *slot)
{
	struct ares_options options = {.timeout = TRY_MS, .tries = 1};
	options.sock_state_cb = on_socket_state;
	options.sock_state_cb_data = slot;
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
	slot->resolver = resolver;
	if (ares_init_options(&slot->channel, &options, mask) != ARES_SUCCESS)
		abort(); /* out of memory: a file that cannot be read is no failure to c-ares */
	if (resolver->servers)
		(void)ares_set_servers_ports_csv(slot->channel, resolver->servers);
}

/* The first channel knows all servers; each keeps one of them. */
static void open_channels(struct bud_resolver *resolver)
{
	struct ares_addr_port_node *servers = NULL;
	look_at_file(&resolver->seen);
	resolver->slots_n = 0;
	resolver->first = 0;
	open_channel(resolver, &resolver->slots[0]);
	(void)ares_get_servers_ports(resolver->slots[0].channel, &servers);
	for (struct ares_addr_port_node *server = servers;
		server && resolver->slots_n < SERVERS_MAX; server = server->next) {
		struct ares_addr_port_node alone = *server;
		struct slot *slot = &resolver->slots[resolver->slots_n++];
		alone.next = NULL;
		if (slot != resolver->slots)
			open_channel(resolver, slot);
		(void)ares_set_servers_ports(slot->channel, &alone);
	}
	if (resolver->slots_n == 0)
		resolver->slots_n = 1; /* asks localhost, as c-ares does */
	ares_free_data(servers);
}

static void destroy_channels(struct bud_resolver *resolver)
{
	resolver->is_closing = true;
	for (unsigned i = 0; i < resolver->slots_n; i++)
		ares_destroy(resolver->slots[i].channel);
	resolver->is_closing = false;
}

struct bud_resolver *bud_resolver_open(
	struct uv_loop_s *loop, const char *servers, void (*on_turn)(void *owner), void *owner)
{
	struct bud_resolver *resolver = bud_new(struct bud_resolver);
	resolver->loop = loop;
	resolver->servers = servers;
	resolver->on_turn = on_turn;
	resolver->owner = owner;
	bud_list_init(&resolver->pollers);
	open_channels(resolver);
	return resolver;
}

void bud_resolver_close(struct bud_resolver *resolver)
{
	if (!resolver)
		return;
	destroy_channels(resolver);
	assert(bud_list_is_empty(&resolver->pollers));
	free(resolver);
}

/* An answer about the name, good or bad, and not a server that cannot answer. */
static bool is_final(int status)
{
	switch (status) {
	case ARES_ETIMEOUT:
	case ARES_ECONNREFUSED:
	case ARES_ESERVFAIL:
	case ARES_EREFUSED:
	case ARES_ENOTIMP:
	case ARES_EFORMERR:
	case ARES_EBADRESP:
	case ARES_EOF:
		return false;
	default:
		return true;
	}
}

static void ask_server(struct question *question);

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	(void)timeouts;
	struct question *question = arg;
	struct bud_resolver *resolver = question->resolver;
	unsigned tries_max = status == ARES_ETIMEOUT ? TRIES : resolver->slots_n;
	if (!is_final(status) && question->tries < tries_max && !resolver->is_closing) {
		question->server = (question->server + 1) % resolver->slots_n;
		ask_server(question);
		return;
	}
	if (status == ARES_SUCCESS)
		resolver->first = question->server;
	question->fn(question->owner, status, status == ARES_SUCCESS ? info : NULL);
	if (info)
		ares_freeaddrinfo(info);
	free(question);
}

/* Another one is asked from within the answer of the one before: no deeper than there are tries. */
static void ask_server(struct question *question)
{
	static const struct ares_addrinfo_hints hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	question->tries++;
	ares_getaddrinfo(question->resolver->slots[question->server].channel, question->host, NULL,
		&hints, on_answer, question);
}

void bud_resolver_ask(
	struct bud_resolver *resolver, const char *host, bud_resolver_fn fn, void *owner)
{
	size_t len = strlen(host);
	struct question *question = bud_alloc_zero(sizeof(*question) + len + 1);
	memcpy(question->host, host, len);
	question->resolver = resolver;
	question->fn = fn;
	question->owner = owner;
	question->server = resolver->first;
	ask_server(question);
}

void bud_resolver_tick(struct bud_resolver *resolver)
{
	for (unsigned i = 0; i < resolver->slots_n; i++)
		ares_process_fd(resolver->slots[i].channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

void bud_resolver_refresh(struct bud_resolver *resolver)
{
	int64_t now = bud_clock_mono_ms();
	if (resolver->servers || now < resolver->look_again_ms)
		return;
	resolver->look_again_ms = now + LOOK_EVERY_MS;
	struct stat seen = resolver->seen;
	look_at_file(&seen);
	if (seen.st_ino == resolver->seen.st_ino && seen.st_size == resolver->seen.st_size &&
		seen.st_mtim.tv_sec == resolver->seen.st_mtim.tv_sec &&
		seen.st_mtim.tv_nsec == resolver->seen.st_mtim.tv_nsec)
		return;
	destroy_channels(resolver);
	open_channels(resolver);
}
