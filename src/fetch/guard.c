/* Whether an address is this machine's is asked of the kernel, by binding to it: interfaces come
 * and go, and loopback has 16 million names. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "fetch/address.h"
#include "fetch/guard.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t address_len(const union address *address)
{
	return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

static union address read_address(const struct sockaddr *from)
{
	union address address = {0};
	if (from->sa_family == AF_INET)
		memcpy(&address.v4, from, sizeof(address.v4));
	else if (from->sa_family == AF_INET6)
		memcpy(&address.v6, from, sizeof(address.v6));
	return address;
}

/* Turned into the IPv4 address that it leads to. */
static void translate(union address *address, const struct bud_networks *nat64)
{
	unsigned char bytes[BUD_ADDRESS_BYTES];
	in_port_t port = address->v6.sin6_port;
	if (address->any.sa_family != AF_INET6 ||
		!bud_networks_translate(nat64, address->v6.sin6_addr.s6_addr, bytes))
		return;
	*address = (union address){.v4 = {.sin_family = AF_INET, .sin_port = port}};
	memcpy(&address->v4.sin_addr, bytes + 12, 4);
}

static bool is_local(union address address)
{
	if (address.any.sa_family == AF_INET)
		address.v4.sin_port = 0;
	else
		address.v6.sin6_port = 0;
	int fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true; /* it cannot be told, and no connection is to be had now */
	int r = bind(fd, &address.any, address_len(&address));
	close(fd);
	return r == 0;
}

bool bud_guard_is_own(
	const uint16_t *own_ports, const struct bud_networks *nat64, const struct sockaddr *at)
{
	union address address = read_address(at);
	if (nat64)
		translate(&address, nat64);
	if (address.any.sa_family == AF_UNSPEC)
		return false;
	uint16_t port = ntohs(
		address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
	for (int i = 0; i < BUD_OWN_PORTS_MAX; i++)
		if (port != 0 && own_ports[i] == port)
			return is_local(address);
	return false;
}

bool bud_guard_allows(const struct bud_guard *guard, const struct sockaddr *address)
{
	return bud_address_is_allowed(address, &guard->networks, &guard->nat64) &&
	       !bud_guard_is_own(guard->own_ports, &guard->nat64, address);
}

bool bud_guard_is_exhaustion(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM || err == -ENOBUFS ||
	       err == -EADDRNOTAVAIL;
}

bool bud_guard_is_exhausted(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return bud_guard_is_exhaustion(-errno);
	close(fd);
	return false;
}

/* A datagram socket takes an address and a port as a connection does, but sends nothing, and its
 * ports are others. */
bool bud_guard_has_way(const struct sockaddr *address, unsigned len)
{
	int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	int r = connect(fd, address, len);
	close(fd);
	return r == 0;
}

static bool find_source(const struct bud_guard *guard, int family, union address *out_address)
{
	for (size_t i = 0; i < guard->sources.n; i++) {
		const struct bud_network *source = &guard->sources.list[i];
		if (bud_network_is_v4(source) != (family == AF_INET))
			continue;
		*out_address = (union address){0};
		out_address->any.sa_family = (sa_family_t)family;
		if (family == AF_INET)
			memcpy(&out_address->v4.sin_addr, source->address + 12, 4);
		else
			memcpy(&out_address->v6.sin6_addr, source->address, 16);
		return true;
	}
	return false;
}

/* The port is chosen when the peer is known: otherwise each would serve one connection only. */
static int bind_to(int fd, const union address *source)
{
	int on = 1;
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(fd, &source->any, address_len(source)) == 0 ? 0 : -errno;
}

int bud_guard_socket(const struct bud_guard *guard, int family)
{
	union address source;
	bool has_source = find_source(guard, family, &source);
	if (!has_source && guard->sources.n > 0)
		return -EAFNOSUPPORT;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int r = has_source ? bind_to(fd, &source) : 0;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}
