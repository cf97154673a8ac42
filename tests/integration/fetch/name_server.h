/* A DNS server on loopback that answers every A question with the addresses set for its name. */
#pragma once
#include <stdbool.h>
#include <uv.h>

#define NAME_SERVER_NAMES 8
#define NAME_ADDRESSES    64

struct name_record {
	const char *name;
	const char *addresses[NAME_ADDRESSES]; /* IPv4 */
	const char *alias;                     /* a CNAME, which leads nowhere */
	int rcode;                             /* 2: SERVFAIL */
	bool is_silent;
};

struct name_server {
	uv_udp_t udp;
	uv_tcp_t tcp;
	struct name_record records[NAME_SERVER_NAMES];
	char address[32]; /* "127.0.0.1:port" */
	unsigned questions;
	bool is_silent;      /* to everybody */
	const char *anybody; /* the address of names that have no record; NULL: no such name */
	void (*on_question)(const char *name); /* may be NULL */
	char room[2048];
};

void name_server_open(struct name_server *server, uv_loop_t *loop);
void name_server_close(struct name_server *server);
