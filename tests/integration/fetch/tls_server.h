/* A TLS server on 127.0.0.1 in a thread of its own, with certificates made on the spot. */
#pragma once
#include <pthread.h>
#include <stdbool.h>

struct tls_identity {
	const char *host; /* its subject's alternative name */
	bool is_self_signed;
	bool is_expired;
	bool is_tls_1_1;
	bool is_silent; /* never answers the handshake */
};

struct tls_authority; /* opaque */
struct tls_server {
	struct ssl_ctx_st *context;
	struct tls_identity identity;
	pthread_t thread;
	int listener;
	int port;
	unsigned accepts; /* handshakes that went well; read it after close */
};

/* Writes its certificate to `file`. */
struct tls_authority *tls_authority_create(const char *file);
void tls_authority_destroy(struct tls_authority *authority);
void tls_server_open(
	struct tls_server *server, struct tls_authority *authority, struct tls_identity identity);
/* Waits for the thread. The last connection must have been closed by the peer. */
void tls_server_close(struct tls_server *server);
