/* Just enough of RFC 1035: one question, A records with a TTL of 0. */
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "name_server.h"

struct answer {
	uv_udp_send_t request;
	unsigned char bytes[1024];
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

static void on_question(
	uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
	(void)flags;
	struct name_server *server = udp->data;
	char name[256];
	if (n < 17 || !from)
		return;
	server->questions++;
	size_t question = read_name((unsigned char *)buf->base + 12, (size_t)n - 12, name);
	const struct name_record *record = find(server, name);
	if (record && record->is_silent)
		return;
	struct answer *answer = calloc(1, sizeof(*answer));
	answer->len = 12 + question;
	memcpy(answer->bytes, buf->base, answer->len);
	memset(answer->bytes + 6, 0, 6);
	bool is_a = answer->bytes[answer->len - 3] == 1;
	int rcode = !record ? 3 : record->rcode;
	answer->bytes[2] = 0x81;
	answer->bytes[3] = (unsigned char)(0x80 | rcode);
	for (int i = 0; record && is_a && rcode == 0 && i < 30 && record->addresses[i]; i++)
		add_address(answer, record->addresses[i]);
	uv_buf_t out = uv_buf_init((char *)answer->bytes, (unsigned)answer->len);
	int r = uv_udp_send(&answer->request, udp, &out, 1, from, on_sent);
	assert(r == 0);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
	(void)size;
	struct name_server *server = handle->data;
	*out = uv_buf_init(server->room, sizeof(server->room));
}

void name_server_open(struct name_server *server, uv_loop_t *loop)
{
	struct sockaddr_in at;
	int len = sizeof(at);
	memset(server, 0, sizeof(*server));
	uv_udp_init(loop, &server->udp);
	server->udp.data = server;
	uv_ip4_addr("127.0.0.1", 0, &at);
	int r = uv_udp_bind(&server->udp, (struct sockaddr *)&at, 0);
	assert(r == 0);
	uv_udp_getsockname(&server->udp, (struct sockaddr *)&at, &len);
	snprintf(server->address, sizeof(server->address), "127.0.0.1:%d", ntohs(at.sin_port));
	uv_udp_recv_start(&server->udp, on_alloc, on_question);
}

void name_server_close(struct name_server *server)
{
	uv_close((uv_handle_t *)&server->udp, NULL);
}
