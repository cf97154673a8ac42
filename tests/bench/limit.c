/* The limit: what libcurl costs at least. A bare multi_socket loop on libuv, tuned by every line of
 * the table in README.md: watchers stay registered, zero timeouts run once per turn of the loop, no
 * proxy look-ups, a parsed URL, reused handles, header nodes of our own.
 *
 *   limit --port N [--count N] [--rate PER_SECOND] [--in-flight 64]
 *
 * Prints a JSON line with the CPU time per request. */
#include "bench.h"
#include "push_request.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define IN_FLIGHT_MAX 256

struct transfer {
	CURL *easy;
	struct push_headers headers;
	struct curl_slist nodes[PUSH_CONSTANT_HEADERS + PUSH_ATTEMPT_HEADERS + 1];
	char body[EVENT_ROOM];
	bool is_busy;
};

/* A watcher stays with its socket until the socket closes; it changes only when the wish does. */
struct watcher {
	uv_poll_t poll;
	curl_socket_t fd;
	int events;
};

static struct {
	uv_loop_t *loop;
	CURLM *multi;
	CURLU *url;
	uv_timer_t timer;
	uv_timer_t pace;
	uv_check_t check;
	uv_idle_t idle;
	bool timeout_due;
	struct transfer transfers[IN_FLIGHT_MAX];
	struct watcher watchers[1024]; /* by descriptor */
	long in_flight;
	long rate;
	uint64_t count;
	uint64_t started;
	uint64_t done;
	uint64_t failed;
	int64_t start_us;
} limit;

static void start_next(struct transfer *transfer);

static size_t on_body(char *at, size_t size, size_t n, void *owner)
{
	(void)at;
	(void)owner;
	return size * n;
}

static void reap(void)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(limit.multi, &left))) {
		struct transfer *transfer;
		long status = 0;
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
		if (message->data.result != CURLE_OK || status != 204)
			limit.failed++;
		limit.done++;
		curl_multi_remove_handle(limit.multi, transfer->easy);
		transfer->is_busy = false;
		if (!limit.rate)
			start_next(transfer);
	}
	if (limit.done == limit.count)
		uv_stop(limit.loop);
}

static void act(curl_socket_t fd, int events)
{
	int running;

	curl_multi_socket_action(limit.multi, fd, events, &running);
	reap();
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct watcher *watcher = poll->data;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0;

	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	act(watcher->fd, flags);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *owner, void *known)
{
	struct watcher *watcher = &limit.watchers[fd];
	int events = 0;

	(void)easy;
	(void)owner;
	(void)known;
	if (fd >= (curl_socket_t)(sizeof limit.watchers / sizeof limit.watchers[0]))
		abort();
	if (what == CURL_POLL_REMOVE)
		return 0; /* lazy: the connection is reused in a moment */
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	if (!watcher->poll.data) {
		watcher->fd = fd;
		watcher->poll.data = watcher;
		uv_poll_init(limit.loop, &watcher->poll, fd);
	}
	if (watcher->events != events) {
		watcher->events = events;
		uv_poll_start(&watcher->poll, events, on_event);
	}
	return 0;
}

static void on_timer(uv_timer_t *timer)
{
	(void)timer;
	act(CURL_SOCKET_TIMEOUT, 0);
}

static void on_idle(uv_idle_t *idle)
{
	(void)idle;
}

/* A timeout of 0 ms never becomes a timer: it runs once, at the end of this turn. */
static void on_check(uv_check_t *check)
{
	(void)check;
	if (!limit.timeout_due)
		return;
	limit.timeout_due = false;
	uv_idle_stop(&limit.idle);
	act(CURL_SOCKET_TIMEOUT, 0);
}

static int on_timeout(CURLM *multi, long ms, void *owner)
{
	(void)multi;
	(void)owner;
	limit.timeout_due = ms == 0;
	if (ms == 0) {
		uv_idle_start(&limit.idle, on_idle);
		return 0;
	}
	if (ms < 0)
		uv_timer_stop(&limit.timer);
	else
		uv_timer_start(&limit.timer, on_timer, (uint64_t)ms, 0);
	return 0;
}

static void start_next(struct transfer *transfer)
{
	size_t len;

	if (limit.started == limit.count)
		return;
	limit.started++;
	transfer->is_busy = true;
	push_headers_next(&transfer->headers, limit.started);
	len = event_write(transfer->body, "limit", limit.started, now_us());
	curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE, (long)len);
	curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, transfer->body);
	curl_multi_add_handle(limit.multi, transfer->easy);
}

static void transfer_init(struct transfer *transfer)
{
	size_t n = 0;

	push_headers_init(&transfer->headers);
	for (size_t i = 0; i < PUSH_CONSTANT_HEADERS; i++)
		transfer->nodes[n++].data = (char *)push_constant_headers[i];
	for (size_t i = 0; i < PUSH_ATTEMPT_HEADERS; i++)
		transfer->nodes[n++].data = transfer->headers.lines[i];
	transfer->nodes[n++].data = (char *)"Expect:";
	for (size_t i = 0; i + 1 < n; i++)
		transfer->nodes[i].next = &transfer->nodes[i + 1];
	transfer->easy = curl_easy_init();
	curl_easy_setopt(transfer->easy, CURLOPT_CURLU, limit.url);
	curl_easy_setopt(transfer->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->nodes);
	curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(transfer->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(transfer->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(transfer->easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(transfer->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
}

/* At a rate: each millisecond as many as are due, if a handle is free. */
static void on_pace(uv_timer_t *timer)
{
	uint64_t due = (uint64_t)((double)(now_us() - limit.start_us) * (double)limit.rate / 1e6);

	(void)timer;
	for (long i = 0; i < limit.in_flight && limit.started < due; i++) {
		if (!limit.transfers[i].is_busy)
			start_next(&limit.transfers[i]);
	}
}

static void open_loop(int port)
{
	char url[64];

	limit.loop = uv_default_loop();
	uv_timer_init(limit.loop, &limit.timer);
	uv_timer_init(limit.loop, &limit.pace);
	uv_idle_init(limit.loop, &limit.idle);
	uv_check_init(limit.loop, &limit.check);
	uv_check_start(&limit.check, on_check);
	curl_global_init(CURL_GLOBAL_ALL);
	limit.multi = curl_multi_init();
	curl_multi_setopt(limit.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(limit.multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(limit.multi, CURLMOPT_MAXCONNECTS, 1024L);
	limit.url = curl_url();
	snprintf(url, sizeof url, "http://127.0.0.1:%d/limit", port);
	curl_url_set(limit.url, CURLUPART_URL, url, 0);
}

int main(int argc, char **argv)
{
	int64_t cpu_start_us;

	limit.count = (uint64_t)option_number(argc, argv, "--count", 100000);
	limit.rate = option_number(argc, argv, "--rate", 0);
	limit.in_flight = option_number(argc, argv, "--in-flight", 64);
	if (limit.in_flight < 1 || limit.in_flight > IN_FLIGHT_MAX)
		return 2;
	open_loop((int)option_number(argc, argv, "--port", 0));
	limit.start_us = now_us();
	cpu_start_us = cpu_us();
	for (long i = 0; i < limit.in_flight; i++) {
		transfer_init(&limit.transfers[i]);
		if (!limit.rate)
			start_next(&limit.transfers[i]);
	}
	if (limit.rate)
		uv_timer_start(&limit.pace, on_pace, 1, 1);
	uv_run(limit.loop, UV_RUN_DEFAULT);
	printf("{\"program\":\"limit\",\"done\":%llu,\"failed\":%llu,\"cpu_us\":%.3f,"
	       "\"per_s\":%.0f,\"curl\":\"%s\"}\n",
		(unsigned long long)limit.done, (unsigned long long)limit.failed,
		(double)(cpu_us() - cpu_start_us) / (double)limit.done,
		(double)limit.done * 1e6 / (double)(now_us() - limit.start_us),
		curl_version_info(CURLVERSION_NOW)->version);
	return limit.failed ? 1 : 0;
}
