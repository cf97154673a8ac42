/* Every option that never changes is set once; per request only what differs. */
#include <assert.h>
#include <stdlib.h>
#include "core/clock.h"
#include "fetch/guard.h"
#include "fetch/memory.h"
#include "fetch/multis.h"
#include "fetch/target.h"
#include "fetch/target_parts.h"
#include "fetch/transfer.h"

#define CONNECT_MS      5000
#define SHARE_MS_MIN    50
#define IDLE_SECONDS    60L
#define SEND_BYTES      16384L /* a record of TLS; libcurl takes 64 KiB for it otherwise */
#define HEAD_LINES_MAX  100u
#define EXPECT_BYTES    (512u << 10) /* below the size at which libcurl adds Expect by itself */
#define OWN_FIELDS      2    /* Content-Type and Expect, both to keep libcurl from its own */
#define KEPT_ROOM_BYTES 4096 /* a buffer above it is given back after the transfer */

static void note_peer(
	struct bud_transfer_response *response, const struct sockaddr *address, unsigned len)
{
	if (len > sizeof(response->peer))
		return;
	response->peer_len = len;
	memcpy(&response->peer, address, len);
}

/* Called for new connections only: the last look at the address, whoever resolved it. */
static curl_socket_t on_open_socket(
	void *owner, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct bud_transfer *transfer = owner;
	const struct bud_guard *guard = transfer->guard;
	(void)purpose;
	if (!guard->is_proxied && !bud_guard_allows(guard, &address->addr)) {
		transfer->response.is_blocked = bud_guard_is_exhausted();
		transfer->response.address_was_refused = true;
		return CURL_SOCKET_BAD;
	}
	note_peer(&transfer->response, &address->addr, address->addrlen);
	int fd = bud_guard_socket(guard, address->family);
	transfer->response.is_blocked = bud_guard_is_exhaustion(fd);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* Before each request that libcurl sends. What was lost on a kept connection it repeats by itself,
 * on one kept connection after the other, and a receiver that dies of it would get them all. A new
 * connection may have it once more. */
static int on_send(void *owner, char *to, char *from, int to_port, int from_port)
{
	struct bud_transfer *transfer = owner;
	long connects = 0;
	(void)to;
	(void)from;
	(void)to_port;
	(void)from_port;
	if (transfer->sends++ == 0)
		return CURL_PREREQFUNC_OK;
	curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
	return connects > 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static void keep(struct bud_buffer *buffer, const char *bytes, size_t len, size_t max)
{
	size_t room = max > buffer->len ? max - buffer->len : 0;
	if (len > room)
		len = room;
	if (len > 0)
		bud_buffer_add(buffer, bytes, len);
}

static void read_status(struct bud_transfer_response *response)
{
	/* Fields of an interim response are not the final one's. */
	response->retry_after_len = 0;
	bud_buffer_clear(&response->head);
}

static void read_field(struct bud_transfer_response *response, const char *line, size_t len)
{
	static const char name[] = "retry-after:";
	struct bud_span field = {line, len};
	if (!bud_span_starts_nocase(field, name))
		return;
	field.at += sizeof(name) - 1;
	field.len -= sizeof(name) - 1;
	while (field.len > 0 &&
		(field.at[field.len - 1] == '\n' || field.at[field.len - 1] == '\r'))
		field.len--;
	field = bud_span_trim(field);
	if (field.len >= BUD_RETRY_AFTER_BYTES)
		field.len = BUD_RETRY_AFTER_BYTES - 1;
	memcpy(response->retry_after, field.at, field.len);
	response->retry_after_len = field.len;
}

/* One line at a time, also those of interim responses and trailers: all count. */
static size_t on_header(char *bytes, size_t size, size_t n, void *owner)
{
	struct bud_transfer *transfer = owner;
	struct bud_transfer_response *response = &transfer->response;
	size_t len = size * n;
	response->head_bytes += len;
	response->head_lines++;
	if (response->head_bytes > BUD_RESPONSE_HEAD_MAX || response->head_lines > HEAD_LINES_MAX) {
		response->head_is_too_big = true;
		return 0;
	}
	if (len > 5 && memcmp(bytes, "HTTP/", 5) == 0)
		read_status(response);
	else if (len > 12 && (bytes[0] | 0x20) == 'r')
		read_field(response, bytes, len);
	if (transfer->keep_headers)
		bud_buffer_add(&response->head, bytes, len);
	return len;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *owner)
{
	struct bud_transfer *transfer = owner;
	struct bud_transfer_response *response = &transfer->response;
	size_t len = size * n;
	response->body_bytes += len;
	keep(&response->body, bytes, len, transfer->keep_body_bytes);
	if (response->body_bytes > BUD_RESPONSE_BODY_MAX &&
		response->body_bytes > transfer->keep_body_bytes) {
		response->body_is_too_big = true;
		return 0;
	}
	return len;
}

/* Nothing from the environment, nothing that leads elsewhere. */
static void set_limits(CURL *easy, const struct bud_transfer_setup *setup)
{
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, setup->allow_http ? "http,https" : "https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_UNRESTRICTED_AUTH, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_SECONDS);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "budstikke/" BUD_VERSION);
}

/* Without CAPATH = NULL, Debian's default path makes every new connection parse the whole bundle
 * again (11 ms). */
static void set_tls(CURL *easy, const char *ca_file)
{
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
}

/* What the proxy says to CONNECT is neither the receiver's status nor its head. */
static void set_proxy(CURL *easy, const struct bud_transfer_setup *setup)
{
	curl_easy_setopt(easy, CURLOPT_PROXY, setup->proxy);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, setup->ca_file);
	curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
}

struct bud_transfer *bud_transfer_create(const struct bud_transfer_setup *setup)
{
	struct bud_transfer *transfer = bud_new(struct bud_transfer);
	CURL *easy = curl_easy_init();
	assert(easy);
	transfer->easy = easy;
	transfer->guard = setup->guard;
	transfer->is_plain_post = true;
	bud_list_init(&transfer->link);
	set_limits(easy, setup);
	set_tls(easy, setup->ca_file);
	if (setup->proxy)
		set_proxy(easy, setup);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BYTES);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, bud_multis_close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, setup->multis);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	return transfer;
}

void bud_transfer_destroy(struct bud_transfer *transfer)
{
	if (!transfer)
		return;
	curl_easy_cleanup(transfer->easy);
	bud_target_unref(transfer->target);
	bud_buffer_finish(&transfer->response.head);
	bud_buffer_finish(&transfer->response.body);
	bud_buffer_finish(&transfer->joined);
	free(transfer->fields);
	free(transfer);
}

static bool has_line_break(const char *line)
{
	return strchr(line, '\n') || strchr(line, '\r');
}

/* Whether libcurl may look for a field of this name, which it does by how a list's entry begins:
 * the first letters of all names it knows. */
static bool is_known_to_libcurl(const char *line)
{
	return strchr("acdehprtu", line[0] | 0x20) && memcmp(line, "ce-", 3) != 0;
}

/* All other fields go as one entry of the list: libcurl sends an entry as it is, and each one costs
 * it eleven searches and an allocation. */
static void join_field(struct bud_buffer *joined, const char *line)
{
	if (joined->len > 0)
		bud_buffer_add(joined, "\r\n", 2);
	bud_buffer_text(joined, line);
}

static void link_nodes(struct bud_transfer *transfer, size_t n, struct curl_slist *behind)
{
	for (size_t i = 0; i < n; i++)
		transfer->fields[i].next = i + 1 < n ? &transfer->fields[i + 1] : behind;
}

/* Links the attempt's fields, and an empty one for each of libcurl's that we do not want, in front
 * of the target's list. No allocation once the nodes are there. */
static bool link_fields(struct bud_transfer *transfer, const struct bud_fetch_request *request)
{
	static char no_type[] = "Content-Type:", no_expect[] = "Expect:";
	size_t n = 0, bytes = request->target->head_bytes;
	bool has_type = request->target->has_type;
	if (transfer->fields_room < request->headers_n + OWN_FIELDS) {
		transfer->fields_room = request->headers_n + OWN_FIELDS;
		transfer->fields = bud_realloc(
			transfer->fields, transfer->fields_room * sizeof(transfer->fields[0]));
	}
	bud_buffer_clear(&transfer->joined);
	for (size_t i = 0; i < request->headers_n; i++) {
		const char *line = request->headers[i];
		if (has_line_break(line))
			return false;
		if (!is_known_to_libcurl(line)) {
			join_field(&transfer->joined, line);
			continue;
		}
		has_type = has_type || bud_header_line_is_type(line);
		bytes += strlen(line);
		transfer->fields[n++].data = (char *)line;
	}
	if (transfer->joined.len > 0)
		transfer->fields[n++].data = transfer->joined.at;
	if (!has_type)
		transfer->fields[n++].data = no_type;
	if (request->body.len > EXPECT_BYTES)
		transfer->fields[n++].data = no_expect;
	link_nodes(transfer, n, request->target->headers);
	transfer->has_large_head = bytes + transfer->joined.len > BUD_MEMORY_HEAD_MAX;
	return true;
}

static void set_method(struct bud_transfer *transfer, const char *method, struct bud_span body)
{
	CURL *easy = transfer->easy;
	bool is_post = !method || strcmp(method, "POST") == 0;
	if (is_post && transfer->is_plain_post)
		return;
	curl_easy_setopt(easy, CURLOPT_NOBODY, 0L);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
	transfer->is_plain_post = is_post;
	if (is_post)
		return;
	bool is_head = strcmp(method, "HEAD") == 0;
	bool has_no_body = is_head || strcmp(method, "GET") == 0 || strcmp(method, "OPTIONS") == 0;
	if (is_head)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else if (has_no_body && body.len == 0)
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, is_head ? NULL : method);
}

/* libcurl keeps connections with different authorities and certificates apart by itself. An
 * authority of the target's own replaces the bundle. */
static void set_own_tls(struct bud_transfer *transfer, struct bud_target *target)
{
	CURL *easy = transfer->easy;
	bool has_own = target->ca.data || target->certificate.data;
	if (!has_own && !transfer->has_own_tls)
		return;
	transfer->has_own_tls = has_own;
	curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, target->ca.data ? &target->ca : NULL);
	curl_easy_setopt(
		easy, CURLOPT_SSLCERT_BLOB, target->certificate.data ? &target->certificate : NULL);
	curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, target->key.data ? &target->key : NULL);
}

/* The reference stays after the transfer: libcurl is not told again while the target is the same.
 */
static void set_target(struct bud_transfer *transfer, struct bud_target *target)
{
	if (transfer->target == target)
		return;
	bud_target_unref(transfer->target);
	transfer->target = bud_target_ref(target);
	/* libcurl keeps the text of the last CURLU for its own retries: drop that first. */
	curl_easy_setopt(transfer->easy, CURLOPT_URL, NULL);
	curl_easy_setopt(transfer->easy, CURLOPT_CURLU, target->url);
	set_own_tls(transfer, target);
}

bool bud_transfer_take_request(
	struct bud_transfer *transfer, const struct bud_fetch_request *request)
{
	CURL *easy = transfer->easy;
	struct bud_target *target = request->target;
	if (!link_fields(transfer, request))
		return false;
	target->is_used = true;
	set_target(transfer, target);
	transfer->keep_headers = request->keep_headers;
	transfer->keep_body_bytes = request->keep_body_bytes;
	transfer->started_us = bud_clock_mono_us();
	transfer->deadline_us = transfer->started_us + (int64_t)request->timeout_ms * 1000;
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->fields);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.len ? request->body.at : "");
	set_method(transfer, request->method, request->body);
	return true;
}

static long share_of_connecting(long timeout_ms, unsigned more)
{
	long share_ms = (timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS) / (long)(more + 1);
	if (more == 0)
		return CONNECT_MS;
	return share_ms < SHARE_MS_MIN ? SHARE_MS_MIN : share_ms;
}

void bud_transfer_aim(
	struct bud_transfer *transfer, const char *pin, long timeout_ms, unsigned more)
{
	long connect_ms = share_of_connecting(timeout_ms, more);
	bool is_pinned = pin != NULL;
	if (is_pinned) {
		memmove(transfer->pin, pin, sizeof(transfer->pin));
		transfer->pin_node = (struct curl_slist){.data = transfer->pin};
	}
	if (is_pinned != transfer->is_pinned)
		curl_easy_setopt(
			transfer->easy, CURLOPT_CONNECT_TO, is_pinned ? &transfer->pin_node : NULL);
	if (timeout_ms != transfer->set_timeout_ms)
		curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	transfer->is_pinned = is_pinned;
	if (connect_ms != transfer->set_connect_ms)
		curl_easy_setopt(transfer->easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
	transfer->set_timeout_ms = timeout_ms;
	transfer->set_connect_ms = connect_ms;
	transfer->sends = 0;
}

void bud_transfer_set_fresh(struct bud_transfer *transfer)
{
	transfer->was_repeated = true;
	curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L);
}

bool bud_transfer_is_worth_keeping(const struct bud_transfer *transfer)
{
	switch (transfer->kind) {
	case BUD_FETCH_TIMEOUT:
	case BUD_FETCH_RESET:
	case BUD_FETCH_BAD_RESPONSE:
	case BUD_FETCH_CANCELLED:
	case BUD_FETCH_STUCK:
		return false;
	default:
		return true;
	}
}

static void empty(struct bud_buffer *buffer)
{
	if (buffer->room > KEPT_ROOM_BYTES)
		bud_buffer_finish(buffer);
	else
		bud_buffer_clear(buffer);
}

void bud_transfer_rest(struct bud_transfer *transfer)
{
	struct bud_transfer_response *response = &transfer->response;
	empty(&transfer->joined);
	empty(&response->head);
	empty(&response->body);
	*response = (struct bud_transfer_response){.head = response->head, .body = response->body};
	transfer->fn = NULL;
	transfer->owner = NULL;
	transfer->address_i = 0;
	if (transfer->was_repeated)
		curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 0L);
	transfer->was_repeated = false;
}
