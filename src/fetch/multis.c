/* What makes this cheap: a socket's watcher stays registered while its connection is idle and is
 * changed only when the wanted events really change; a timeout of zero runs once per turn of the
 * loop, from a check handle that an idle handle keeps from sleeping (a timer of 0 ms may run for
 * ever within one turn); a timer is moved only when it would fire too late. */
#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>
#include "core/alloc.h"
#include "core/list.h"
#include "fetch/multis.h"

/* Connections that each handle keeps: targets are not spread evenly, and a handle with more busy
 * connections than it may keep opens a new one for nearly every request. */
#define SHARES          4
#define CONNECTIONS_MIN 512

struct multi {
	CURLM *curl;
	struct bud_multis *multis;
	uv_timer_t timer;
	uint64_t due_ms;     /* by uv_now(); UINT64_MAX: never */
	struct bud_list due; /* in multis->due: wants to run this turn */
};

struct watcher {
	uv_poll_t poll;
	struct multi *multi;
	curl_socket_t fd;
	int wanted; /* by libcurl; 0: the connection is idle or about to go */
	int active; /* what the loop watches for */
};

struct bud_multis {
	uv_loop_t *loop;
	uv_check_t check;
	uv_idle_t idle;
	struct bud_list due;
	struct watcher **watchers; /* by file descriptor */
	size_t watchers_room;
	bud_multis_fn on_done;
	void *owner;
	void (*on_closed)(void *owner);
	unsigned n;
	unsigned handles;
	struct multi list[];
};

static void report_done(struct multi *multi)
{
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(multi->curl, &left)) != NULL) {
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result; /* the message dies with the removal */
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_multi_remove_handle(multi->curl, easy);
		multi->multis->on_done(multi->multis->owner, easy, code);
	}
}

static void act(struct multi *multi, curl_socket_t fd, int flags)
{
	int running;
	curl_multi_socket_action(multi->curl, fd, flags, &running);
	report_done(multi);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct watcher *watcher, int events)
{
	if (events)
		(void)uv_poll_start(&watcher->poll, events, on_poll);
	else
		uv_poll_stop(&watcher->poll);
	watcher->active = events;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watcher *watcher = poll->data;
	if (status < 0) { /* an error on the socket; the loop has stopped watching */
		watcher->active = 0;
		if (watcher->wanted)
			act(watcher->multi, watcher->fd,
				CURL_CSELECT_IN | CURL_CSELECT_OUT | CURL_CSELECT_ERR);
		return;
	}
	if ((events & watcher->wanted) == 0) {
		/* What comes on an idle connection is no answer (RFC 9112, 6.3), and libcurl 7.88
		 * would take it for that to the next request: what is shut it does not use. */
		if (!watcher->wanted)
			(void)shutdown(watcher->fd, SHUT_RDWR);
		watch(watcher, watcher->wanted);
		return;
	}
	int flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
		    (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
	act(watcher->multi, watcher->fd, flags);
}

static void on_watcher_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct watcher *add_watcher(struct multi *multi, curl_socket_t fd)
{
	struct bud_multis *multis = multi->multis;
	struct watcher *watcher = bud_new(struct watcher);
	watcher->multi = multi;
	watcher->fd = fd;
	watcher->poll.data = watcher;
	if (uv_poll_init(multis->loop, &watcher->poll, fd) < 0) {
		free(watcher);
		return NULL;
	}
	if ((size_t)fd >= multis->watchers_room) {
		size_t room = (size_t)fd * 2 + 64;
		multis->watchers =
			bud_realloc(multis->watchers, room * sizeof(multis->watchers[0]));
		for (size_t i = multis->watchers_room; i < room; i++)
			multis->watchers[i] = NULL;
		multis->watchers_room = room;
	}
	multis->watchers[fd] = watcher;
	return watcher;
}

static struct watcher *find_watcher(const struct bud_multis *multis, curl_socket_t fd)
{
	return (size_t)fd < multis->watchers_room ? multis->watchers[fd] : NULL;
}

static void drop_watcher(struct bud_multis *multis, curl_socket_t fd)
{
	struct watcher *watcher = find_watcher(multis, fd);
	if (!watcher)
		return;
	multis->watchers[fd] = NULL;
	uv_close((uv_handle_t *)&watcher->poll, on_watcher_closed);
}

static bool has_response(CURL *easy)
{
	long status = 0;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return status != 0;
}

/* libcurl says which events it waits for. Between two requests on a connection it wants nothing,
 * then the same again: so nothing is taken back here, on_poll() does that if an event comes. Not
 * so before the first response: a socket that never got connected is closed without a word to
 * bud_multis_close_socket(), and its number may be anybody's next. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *per_socket)
{
	(void)per_socket;
	struct multi *multi = data;
	if (what == CURL_POLL_REMOVE && !has_response(easy)) {
		drop_watcher(multi->multis, fd);
		return 0;
	}
	struct watcher *watcher = find_watcher(multi->multis, fd);
	int wanted =
		(what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	if (what == CURL_POLL_REMOVE)
		wanted = 0;
	if (!watcher && wanted)
		watcher = add_watcher(multi, fd);
	if (!watcher)
		return 0;
	watcher->multi = multi;
	watcher->wanted = wanted;
	if (wanted & ~watcher->active || (wanted && watcher->active & UV_WRITABLE & ~wanted))
		watch(watcher, wanted);
	return 0;
}

int bud_multis_close_socket(void *data, curl_socket_t fd)
{
	drop_watcher(data, fd);
	return close(fd);
}

static void on_timer(uv_timer_t *timer)
{
	struct multi *multi = timer->data;
	uint64_t now = uv_now(multi->multis->loop);
	if (multi->due_ms == UINT64_MAX)
		return;
	if (now < multi->due_ms) {
		uv_timer_start(timer, on_timer, multi->due_ms - now, 0);
		return;
	}
	multi->due_ms = UINT64_MAX;
	act(multi, CURL_SOCKET_TIMEOUT, 0);
}

static void on_idle(uv_idle_t *idle)
{
	(void)idle; /* its being active is enough */
}

static int on_timeout(CURLM *curl, long timeout_ms, void *data)
{
	(void)curl;
	struct multi *multi = data;
	struct bud_multis *multis = multi->multis;
	if (timeout_ms == 0) {
		multi->due_ms = UINT64_MAX;
		if (bud_list_is_empty(&multi->due))
			bud_list_append(&multis->due, &multi->due);
		uv_idle_start(&multis->idle, on_idle);
		return 0;
	}
	multi->due_ms = UINT64_MAX;
	if (timeout_ms < 0)
		return 0;
	multi->due_ms = uv_now(multis->loop) + (uint64_t)timeout_ms;
	if (!uv_is_active((uv_handle_t *)&multi->timer) ||
		uv_timer_get_due_in(&multi->timer) > (uint64_t)timeout_ms)
		uv_timer_start(&multi->timer, on_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

/* Those that want to run again at once wait for the next turn, so that sockets get theirs. */
static void on_check(uv_check_t *check)
{
	struct bud_multis *multis = check->data;
	struct bud_list now;
	bud_list_init(&now);
	while (!bud_list_is_empty(&multis->due)) {
		struct bud_list *link = multis->due.next;
		bud_list_remove(link);
		bud_list_append(&now, link);
	}
	while (!bud_list_is_empty(&now)) {
		struct multi *multi = bud_list_first(&now, struct multi, due);
		bud_list_remove(&multi->due);
		act(multi, CURL_SOCKET_TIMEOUT, 0);
	}
	if (bud_list_is_empty(&multis->due))
		uv_idle_stop(&multis->idle);
}

static void open_multi(struct multi *multi, struct bud_multis *multis, long connections)
{
	multi->multis = multis;
	multi->due_ms = UINT64_MAX;
	bud_list_init(&multi->due);
	uv_timer_init(multis->loop, &multi->timer);
	multi->timer.data = multi;
	multi->curl = curl_multi_init();
	assert(multi->curl);
	curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
	curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
	curl_multi_setopt(multi->curl, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, connections);
}

struct bud_multis *bud_multis_open(struct uv_loop_s *loop, unsigned n, unsigned connections_max,
	bud_multis_fn on_done, void *owner)
{
	struct bud_multis *multis = bud_alloc_zero(sizeof(*multis) + n * sizeof(struct multi));
	multis->loop = loop;
	multis->on_done = on_done;
	multis->owner = owner;
	multis->n = n;
	multis->handles = n + 2;
	bud_list_init(&multis->due);
	uv_check_init(loop, &multis->check);
	uv_idle_init(loop, &multis->idle);
	multis->check.data = multis;
	multis->idle.data = multis;
	uv_check_start(&multis->check, on_check);
	uv_unref((uv_handle_t *)&multis->check);
	unsigned kept = connections_max / n * SHARES;
	if (kept < CONNECTIONS_MIN)
		kept = CONNECTIONS_MIN;
	for (unsigned i = 0; i < n; i++)
		open_multi(&multis->list[i], multis, kept);
	return multis;
}

static void close_one(struct bud_multis *multis)
{
	if (--multis->handles > 0)
		return;
	void (*on_closed)(void *owner) = multis->on_closed;
	void *owner = multis->owner;
	free(multis->watchers);
	free(multis);
	on_closed(owner);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct multi *multi = handle->data;
	close_one(multi->multis);
}

static void on_handle_closed(uv_handle_t *handle)
{
	close_one(handle->data);
}

/* Cleaning up closes the idle connections, which closes their watchers. */
void bud_multis_close(struct bud_multis *multis, void (*on_closed)(void *owner), void *owner)
{
	multis->on_closed = on_closed;
	multis->owner = owner;
	for (unsigned i = 0; i < multis->n; i++) {
		curl_multi_cleanup(multis->list[i].curl);
		uv_close((uv_handle_t *)&multis->list[i].timer, on_timer_closed);
	}
	uv_close((uv_handle_t *)&multis->check, on_handle_closed);
	uv_close((uv_handle_t *)&multis->idle, on_handle_closed);
}

void bud_multis_add(struct bud_multis *multis, unsigned index, CURL *easy)
{
	CURLMcode code = curl_multi_add_handle(multis->list[index].curl, easy);
	assert(code == CURLM_OK);
}

void bud_multis_remove(struct bud_multis *multis, unsigned index, CURL *easy)
{
	curl_multi_remove_handle(multis->list[index].curl, easy);
}

void bud_multis_run(struct bud_multis *multis, unsigned index)
{
	act(&multis->list[index], CURL_SOCKET_TIMEOUT, 0);
}
