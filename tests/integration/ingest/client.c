#include "client.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "core/alloc.h"
#include "core/text.h"

void client_publish(
	struct client *client, uv_loop_t *loop, int port, const char *type, const char *body)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bud_auto(buffer) struct bud_buffer text = {0};

	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	client->len = 0;
	client->answer[0] = '\0';
	assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	bud_buffer_format(&text,
		"POST /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: %s\r\n"
		"Content-Length: %zu\r\n\r\n",
		type, strlen(body));
	bud_buffer_text(&text, body);
	for (size_t sent = 0; sent < text.len;) {
		ssize_t n = send(client->fd, text.at + sent, text.len - sent, MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
		uv_run(loop, UV_RUN_NOWAIT);
	}
}

bool client_is_answered(struct client *client)
{
	ssize_t n;

	while ((n = recv(client->fd, client->answer + client->len,
			sizeof(client->answer) - 1 - client->len, MSG_DONTWAIT)) > 0)
		client->len += (size_t)n;
	client->answer[client->len] = '\0';
	return n == 0;
}
