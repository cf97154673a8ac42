/* Addresses: a literal or "localhost", so that binding never waits for a name server. */
#include "http/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "http/listener.h"

int bud_address_port(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
	return ntohs(((const struct sockaddr_in *)address)->sin_port);
}

static int read_address(
	const char *host, int port, struct sockaddr_storage *out_address, socklen_t *out_len)
{
	if (port < 0 || port > 65535)
		return -EINVAL;
	if (strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	memset(out_address, 0, sizeof(*out_address));
	*out_len = sizeof(struct sockaddr_in);
	if (uv_ip4_addr(host, port, (struct sockaddr_in *)out_address) == 0)
		return 0;
	*out_len = sizeof(struct sockaddr_in6);
	return uv_ip6_addr(host, port, (struct sockaddr_in6 *)out_address) == 0 ? 0 : -EINVAL;
}

static int set_on(int fd, int level, int name)
{
	int on = 1;

	return setsockopt(fd, level, name, &on, sizeof(on));
}

/* Binds a new socket, or gives the negative errno. */
static int bind_socket(const char *host, int port, bool shared)
{
	struct sockaddr_storage address;
	socklen_t len;
	int r = read_address(host, port, &address, &len);

	if (r < 0)
		return r;
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* TCP_NODELAY is inherited by accepted sockets. */
	if (set_on(fd, SOL_SOCKET, SO_REUSEADDR) < 0 || set_on(fd, IPPROTO_TCP, TCP_NODELAY) < 0 ||
		(shared && set_on(fd, SOL_SOCKET, SO_REUSEPORT) < 0) ||
		bind(fd, (struct sockaddr *)&address, len) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int bud_listener_bind(const char *host, int port, int *out_fd, int *out_port)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int fd = bind_socket(host, port, true);

	if (fd < 0)
		return fd;
	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	*out_fd = fd;
	*out_port = bud_address_port(&address);
	return 0;
}

int bud_listener_probe(const char *host, int port)
{
	int fd = bind_socket(host, port, false);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}
