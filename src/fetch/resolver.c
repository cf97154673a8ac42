/* Sockets of c-ares live in one poller each, which outlives them by the close callback. */
#include <ares.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <uv.h>
#include "core/alloc.h"
#include "core/clock.h"
#include "core/list.h"
#include "fetch/resolver.h"

#define TRY_MS        500
#define TRIES         2
#define LOOK_EVERY_MS 5000

struct bud_resolver {
	uv_loop_t *loop;
	ares_channel channel;
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
	struct bud_resolver *resolver;
	ares_socket_t fd;
};

struct question {
	bud_resolver_fn fn;
	void *owner;
};

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct poller *poller = poll->data;
	struct bud_resolver *resolver = poller->resolver;
	bool readable = status < 0 || (events & UV_READABLE);
	bool writable = status < 0 || (events & UV_WRITABLE);
	ares_process_fd(resolver->channel, readable ? poller->fd : ARES_SOCKET_BAD,
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
	struct bud_resolver *resolver = data;
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
		poller->resolver = resolver;
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

static void open_channel(struct bud_resolver *resolver)
{
	struct ares_options options = {.timeout = TRY_MS, .tries = TRIES};
	options.sock_state_cb = on_socket_state;
	options.sock_state_cb_data = resolver;
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
	look_at_file(&resolver->seen);
	if (ares_init_options(&resolver->channel, &options, mask) != ARES_SUCCESS)
		abort(); /* out of memory: a file that cannot be read is no failure to c-ares */
	if (resolver->servers)
		(void)ares_set_servers_ports_csv(resolver->channel, resolver->servers);
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
	open_channel(resolver);
	return resolver;
}

void bud_resolver_close(struct bud_resolver *resolver)
{
	if (!resolver)
		return;
	ares_destroy(resolver->channel);
	assert(bud_list_is_empty(&resolver->pollers));
	free(resolver);
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	(void)timeouts;
	struct question *question = arg;
	question->fn(question->owner, status, status == ARES_SUCCESS ? info : NULL);
	if (info)
		ares_freeaddrinfo(info);
	free(question);
}

void bud_resolver_ask(
	struct bud_resolver *resolver, const char *host, bud_resolver_fn fn, void *owner)
{
	struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct question *question = bud_new(struct question);
	question->fn = fn;
	question->owner = owner;
	ares_getaddrinfo(resolver->channel, host, NULL, &hints, on_answer, question);
}

void bud_resolver_tick(struct bud_resolver *resolver)
{
	ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
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
	ares_destroy(resolver->channel);
	open_channel(resolver);
}
