/* The sockets that a node listens on. */
#include "app/sockets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "config/config.h"
#include "core/error.h"
#include "http/listener.h"

static int bind_one(
	const struct bud_listen *listen, int *out_fd, int *out_port, struct bud_error *error)
{
	int r = listen->port == 0 ? 0 : bud_listener_probe(listen->host, listen->port);

	if (r == 0)
		r = bud_listener_bind(listen->host, listen->port, out_fd, out_port);
	if (r < 0)
		bud_error_set(error, NULL, "cannot listen on %s port %u: %s", listen->host,
			listen->port, uv_strerror(r));
	return r;
}

int bud_sockets_bind(struct bud_sockets *sockets, const struct bud_config *config, unsigned workers,
	struct bud_error *error)
{
	int r;

	sockets->public_fds = bud_alloc_zero(workers * sizeof(*sockets->public_fds));
	r = bind_one(&config->server.listen, &sockets->public_fds[0], &sockets->public_port, error);
	for (unsigned i = 1; r == 0 && i < workers; i++)
		r = bud_listener_bind(config->server.listen.host, sockets->public_port,
			&sockets->public_fds[i], &sockets->public_port);
	if (r == 0)
		r = bind_one(
			&config->admin.listen, &sockets->admin_fd, &sockets->admin_port, error);
	return r;
}

void bud_sockets_finish(struct bud_sockets *sockets)
{
	free(bud_move(sockets->public_fds));
}

static void print_address(const char *name, const struct bud_listen *listen, int port)
{
	bool is_v6 = strchr(listen->host, ':') != NULL;

	printf("%shttp://%s%s%s:%d", name, is_v6 ? "[" : "", listen->host, is_v6 ? "]" : "", port);
}

void bud_sockets_print(const struct bud_sockets *sockets, const struct bud_config *config)
{
	print_address("url=", &config->server.listen, sockets->public_port);
	print_address(" admin=", &config->admin.listen, sockets->admin_port);
}
