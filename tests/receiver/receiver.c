/* Listeners, one per port; what the TLS ports show; the count of requests. */
#include <arpa/inet.h>
#include <assert.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "certificates.h"
#include "receiver_state.h"

#define BACKLOG  4096
#define OUR_NAME "DNS:localhost,IP:127.0.0.1"

static const char *const names[RECEIVER_PORTS] = {
	[RECEIVER_HTTP] = "http",
	[RECEIVER_HOLE] = "hole",
	[RECEIVER_RESET] = "reset",
	[RECEIVER_SILENT] = "silent",
	[RECEIVER_TLS] = "tls",
	[RECEIVER_TLS_EXPIRED] = "tls_expired",
	[RECEIVER_TLS_WRONG_HOST] = "tls_wrong_host",
	[RECEIVER_TLS_SELF_SIGNED] = "tls_self_signed",
	[RECEIVER_TLS_OLD] = "tls_old",
	[RECEIVER_TLS_CLIENT] = "tls_client",
};

const char *receiver_port_name(enum receiver_port port)
{
	return names[port];
}

static SSL_CTX *make_tls(enum receiver_port which, struct authority *authority)
{
	struct identity_options options = {.authority = authority, .names = OUR_NAME};
	struct identity identity;
	if (which == RECEIVER_TLS_EXPIRED)
		options.valid_s = -3600;
	if (which == RECEIVER_TLS_WRONG_HOST)
		options.names = "DNS:other.example";
	if (which == RECEIVER_TLS_SELF_SIGNED)
		options.authority = NULL;
	identity_init(&identity, options);
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	assert(tls);
	SSL_CTX_use_certificate(tls, identity.certificate);
	SSL_CTX_use_PrivateKey(tls, identity.key);
	identity_finish(&identity);
	if (which == RECEIVER_TLS_OLD) {
		SSL_CTX_set_security_level(tls, 0);
		SSL_CTX_set_min_proto_version(tls, TLS1_VERSION);
		SSL_CTX_set_max_proto_version(tls, TLS1_1_VERSION);
	}
	if (which == RECEIVER_TLS_CLIENT) {
		authority_trust(authority, SSL_CTX_get_cert_store(tls));
		SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	return tls;
}

static void on_connection(uv_stream_t *tcp, int status)
{
	if (status == 0)
		connection_accept(tcp->data);
}

static void open_listener(struct receiver *receiver, uv_loop_t *loop, enum receiver_port which,
	struct authority *authority)
{
	struct receiver_listener *listener = &receiver->listeners[which];
	struct sockaddr_in at;
	int len = sizeof(at);
	listener->receiver = receiver;
	listener->which = which;
	if (which == RECEIVER_HOLE)
		return;
	uv_tcp_init(loop, &listener->tcp);
	listener->tcp.data = listener;
	receiver->handles++;
	uv_ip4_addr("127.0.0.1", 0, &at);
	int r = uv_tcp_bind(&listener->tcp, (struct sockaddr *)&at, 0);
	assert(r == 0);
	r = uv_listen((uv_stream_t *)&listener->tcp, BACKLOG, on_connection);
	assert(r == 0);
	uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&at, &len);
	listener->port = ntohs(at.sin_port);
	if (which >= RECEIVER_TLS)
		listener->tls = make_tls(which, authority);
}

/* A queue of one that nobody empties: once it is full the kernel answers no SYN any more. */
static void open_hole(struct receiver *receiver)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < 1 + RECEIVER_HOLE_FILLER; i++)
		receiver->hole[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = bind(receiver->hole[0], (struct sockaddr *)&at, len);
	assert(r == 0);
	r = listen(receiver->hole[0], 0);
	assert(r == 0);
	getsockname(receiver->hole[0], (struct sockaddr *)&at, &len);
	receiver->listeners[RECEIVER_HOLE].port = ntohs(at.sin_port);
	for (int i = 1; i < 1 + RECEIVER_HOLE_FILLER; i++)
		(void)connect(receiver->hole[i], (struct sockaddr *)&at, len);
}

struct receiver *receiver_open(struct uv_loop_s *loop, struct authority *authority)
{
	struct receiver *receiver = bud_new(struct receiver);
	bud_list_init(&receiver->connections);
	receiver->handles = 1; /* receiver_close() */
	for (int i = 0; i < RECEIVER_PORTS; i++)
		open_listener(receiver, loop, i, authority);
	open_hole(receiver);
	return receiver;
}

void receiver_handle_closed(struct receiver *receiver)
{
	if (--receiver->handles > 0)
		return;
	size_t position = 0;
	struct path_count *count;
	while ((count = bud_map_next(&receiver->counts, &position)) != NULL)
		free(count);
	bud_map_finish(&receiver->counts);
	for (int i = 0; i < RECEIVER_PORTS; i++)
		SSL_CTX_free(receiver->listeners[i].tls);
	free(receiver);
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct receiver_listener *listener = handle->data;
	receiver_handle_closed(listener->receiver);
}

void receiver_close(struct receiver *receiver)
{
	connections_close(receiver);
	for (int i = 0; i < RECEIVER_PORTS; i++)
		if (i != RECEIVER_HOLE)
			uv_close((uv_handle_t *)&receiver->listeners[i].tcp, on_listener_closed);
	for (int i = 0; i < 1 + RECEIVER_HOLE_FILLER; i++)
		close(receiver->hole[i]);
	receiver_handle_closed(receiver);
}

int receiver_port(const struct receiver *receiver, enum receiver_port port)
{
	return receiver->listeners[port].port;
}

uint64_t receiver_accepts(const struct receiver *receiver, enum receiver_port port)
{
	return receiver->listeners[port].accepts;
}

uint64_t receiver_handshakes(const struct receiver *receiver, enum receiver_port port)
{
	return receiver->listeners[port].handshakes;
}

uint64_t receiver_count(const struct receiver *receiver, const char *path)
{
	const struct path_count *count = bud_map_get(&receiver->counts, bud_span(path));
	return count ? count->n : 0;
}

void receiver_add_count(struct receiver *receiver, struct bud_span path)
{
	struct path_count *count = bud_map_get(&receiver->counts, path);
	if (!count && receiver->counts.n < RECEIVER_PATHS_MAX) {
		count = bud_alloc_zero(sizeof(*count) + path.len);
		count->len = path.len;
		memcpy(count->path, path.at, path.len);
		bud_map_put(&receiver->counts, (struct bud_span){count->path, path.len}, count);
	}
	if (count)
		count->n++;
}

void receiver_write_counts(const struct receiver *receiver, struct bud_buffer *out)
{
	size_t position = 0;
	const struct path_count *count;
	const char *comma = "";
	bud_buffer_byte(out, '{');
	while ((count = bud_map_next(&receiver->counts, &position)) != NULL) {
		struct bud_span path = {count->path, count->len};
		if (!bud_utf8_is_valid(path.at, path.len))
			continue;
		bud_buffer_text(out, comma);
		bud_buffer_json(out, path);
		bud_buffer_format(out, ":%llu", (unsigned long long)count->n);
		comma = ",";
	}
	bud_buffer_byte(out, '}');
}
