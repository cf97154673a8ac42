/* Addresses to listen on. Within http/ only; bud_listener_bind() and bud_listener_probe() stand in
 * http/listener.h. */
#pragma once
#include <sys/socket.h>

int bud_address_port(const struct sockaddr_storage *address);
