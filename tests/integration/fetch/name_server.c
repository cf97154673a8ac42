/* Just enough of RFC 1035: one question, A records with a TTL of 0. */
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "name_server.h"

#define UDP_BYTES_MAX 512

struct answer {
	union {
		uv_udp_send_t udp;
		uv_write_t tcp;
	} request;
	unsigned char prefix[2];
	unsigned char bytes[4096];
	size_t len;
};

static void on_sent(uv_udp_send_t *request, int status)
{
	(void)status;
	free(request);
}

/* The question's name with dots; returns the bytes it and type and class take. */
static size_t read_name(const unsigned char *question, size_t len, char out[256])
{
	size_t at = 0, n = 0;
	while (at < len && question[at]) {
		if (n)
			out[n++] = '.';
		memcpy(out + n, question + at + 1, question[at]);
		n += question[at];
		at += question[at] + 1u;
	}
	out[n] = '\0';
	return at + 5;
}

static const struct name_record *find(const struct name_server *server, const char *name)
{
	for (int i = 0; i < NAME_SERVER_NAMES; i++)
		if (server->records[i].name && strcmp(server->records[i].name, name) == 0)
			return &server->records[i];
	return NULL;
}

static void add_address(struct answer *answer, const char *address)
{
	static const unsigned char head[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4};
	memcpy(answer->bytes + answer->len, head, sizeof(head));
	int r = inet_pton(AF_INET, address, answer->bytes + answer->len + sizeof(head));
	assert(r == 1);
	answer->len += sizeof(head) + 4;
	answer->bytes[7]++;
}

/* The name is an alias of `target`, which is none of the names in the question. */
static void add_alias(struct answer *answer, const char *target)
{
	static const unsigned char head[] = {0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60};
	unsigned char *at = answer->bytes + answer->len;
	memcpy(at, head, sizeof(head));
	size_t n = sizeof(head) + 2;
	while (*target) {
		size_t label = strcspn(target, ".");
		at[n++] = (unsigned char)label;
		memcpy(at + n, target, label);
		n += label;
		target += label + (target[label] == '.');
	}
	at[n++] = 0;
	at[sizeof(head)] = 0;
	at[sizeof(head) + 1] = (unsigned char)(n - sizeof(head) - 2);
	answer->len += n;
	answer->bytes[7]++;
}

/* NULL: silence. */
static struct answer *make_answer(struct name_server *server, const char *bytes, size_t n)
{
	char name[256];
	if (n < 17)
		return NULL;
	server->questions++;
	size_t question = read_name((const unsigned char *)bytes + 12, n - 12, name);
	const struct name_record anybody = {.name = name, .addresses = {server->anybody}};
	const struct name_record *record = find(server, name);
	if (!record && server->anybody)
		record = &anybody;
	if (server->on_question)
		server->on_question(name);
	if (server->is_silent || (record && record->is_silent))
		return NULL;
	struct answer *answer = calloc(1, sizeof(*answer));
	answer->len = 12 + question;
	memcpy(answer->bytes, bytes, answer->len);
	memset(answer->bytes + 6, 0, 6);
	bool is_a = answer->bytes[answer->len - 3] == 1;
	int rcode = !record ? 3 : record->rcode;
	answer->bytes[2] = 0x81;
	answer->bytes[3] = (unsigned char)(0x80 | rcode);
	if (record && rcode == 0 && record->alias)
		add_alias(answer, record->alias);
	for (int i = 0; record && is_a && rcode == 0 && i < NAME_ADDRESSES && record->addresses[i];
		i++)
		add_address(answer, record->addresses[i]);
	return answer;
}

/* What is too long for UDP is to be asked for by TCP. */
static void on_question(
	uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
	(void)flags;
	if (n <= 0 || !from)
		return;
	struct answer *answer = make_answer(udp->data, buf->base, (size_t)n);
	if (!answer)
		return;
	if (answer->len > UDP_BYTES_MAX) {
		answer->bytes[2] |= 2;
		answer->bytes[7] = 0;
		answer->len = (size_t)n;
	}
	uv_buf_t out = uv_buf_init((char *)answer->bytes, (unsigned)answer->len);
	int r = uv_udp_send(&answer->request.udp, udp, &out, 1, from, on_sent);
	assert(r == 0);
}

static void on_written(uv_write_t *request, int status)
{
	(void)status;
	free(request);
}

static void on_connection_closed(uv_handle_t *handle)
{
	free(handle);
}

/* One question, in one piece. */
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct answer *answer = NULL;
	if (n > 2)
		answer = make_answer(stream->data, buf->base + 2, (size_t)n - 2);
	if (!answer) {
		if (n < 0)
			uv_close((uv_handle_t *)stream, on_connection_closed);
		return;
	}
	answer->prefix[0] = (unsigned char)(answer->len >> 8);
	answer->prefix[1] = (unsigned char)answer->len;
	uv_buf_t out[] = {uv_buf_init((char *)answer->prefix, 2),
		uv_buf_init((char *)answer->bytes, (unsigned)answer->len)};
	int r = uv_write(&answer->request.tcp, stream, out, 2, on_written);
	assert(r == 0);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out);

static void on_connection(uv_stream_t *listener, int status)
{
	assert(status == 0);
	uv_tcp_t *tcp = calloc(1, sizeof(*tcp));
	uv_tcp_init(listener->loop, tcp);
	tcp->data = listener->data;
	int r = uv_accept(listener, (uv_stream_t *)tcp);
	assert(r == 0);
	uv_read_start((uv_stream_t *)tcp, on_alloc, on_read);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
	(void)size;
	struct name_server *server = handle->data;
	*out = uv_buf_init(server->room, sizeof(server->room));
}

/* A port that is free for both. */
static int bind_both(int *out_udp, int *out_tcp)
{
	for (;;) {
		struct sockaddr_in at = {.sin_family = AF_INET};
		socklen_t len = sizeof(at);
		at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		*out_udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		*out_tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		int r = bind(*out_udp, (struct sockaddr *)&at, len);
		assert(r == 0);
		getsockname(*out_udp, (struct sockaddr *)&at, &len);
		if (bind(*out_tcp, (struct sockaddr *)&at, len) == 0)
			return ntohs(at.sin_port);
		close(*out_udp);
		close(*out_tcp);
	}
}

void name_server_open(struct name_server *server, uv_loop_t *loop)
{
	int udp, tcp, port = bind_both(&udp, &tcp);
	memset(server, 0, sizeof(*server));
	uv_udp_init(loop, &server->udp);
	uv_tcp_init(loop, &server->tcp);
	server->udp.data = server;
	server->tcp.data = server;
	uv_udp_open(&server->udp, udp);
	uv_tcp_open(&server->tcp, tcp);
	uv_udp_recv_start(&server->udp, on_alloc, on_question);
	int r = uv_listen((uv_stream_t *)&server->tcp, 16, on_connection);
	assert(r == 0);
	snprintf(server->address, sizeof(server->address), "127.0.0.1:%d", port);
}

void name_server_close(struct name_server *server)
{
	uv_close((uv_handle_t *)&server->udp, NULL);
	uv_close((uv_handle_t *)&server->tcp, NULL);
}
