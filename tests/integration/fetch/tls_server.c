/* One connection at a time, as many requests on it as come. */
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "core/alloc.h"
#include "tls_server.h"

struct tls_authority {
	EVP_PKEY *key;
	X509 *certificate;
};

static void add_extension(X509 *certificate, int what, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, what, value);
	assert(extension);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

/* Signed by itself when there is no authority; for ever but when `is_expired`. */
static X509 *make_certificate(
	EVP_PKEY *key, const struct tls_authority *authority, const char *host, bool is_expired)
{
	X509 *certificate = X509_new();
	static long serial = 1;
	char names[200];
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
	X509_gmtime_adj(X509_getm_notAfter(certificate), is_expired ? -3600 : 86400);
	X509_set_pubkey(certificate, key);
	X509_NAME *name = X509_get_subject_name(certificate);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
		(const unsigned char *)(host ? host : "authority"), -1, -1, 0);
	X509_set_issuer_name(
		certificate, authority ? X509_get_subject_name(authority->certificate) : name);
	if (host) {
		snprintf(names, sizeof(names), "DNS:%s", host);
		add_extension(certificate, NID_subject_alt_name, names);
	} else {
		add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
		add_extension(certificate, NID_key_usage, "critical,keyCertSign");
	}
	int r = X509_sign(certificate, authority ? authority->key : key, EVP_sha256());
	assert(r > 0);
	return certificate;
}

struct tls_authority *tls_authority_create(const char *file)
{
	struct tls_authority *authority = bud_new(struct tls_authority);
	authority->key = EVP_EC_gen("P-256");
	authority->certificate = make_certificate(authority->key, NULL, NULL, false);
	FILE *out = fopen(file, "w");
	assert(out);
	PEM_write_X509(out, authority->certificate);
	fclose(out);
	return authority;
}

void tls_authority_destroy(struct tls_authority *authority)
{
	X509_free(authority->certificate);
	EVP_PKEY_free(authority->key);
	free(authority);
}

static void answer_requests(SSL *ssl)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	char room[4096];
	while (SSL_read(ssl, room, sizeof(room)) > 0)
		if (SSL_write(ssl, answer, sizeof(answer) - 1) <= 0)
			return;
}

static void *serve(void *owner)
{
	struct tls_server *server = owner;
	int fd;
	while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
		SSL *ssl = SSL_new(server->context);
		SSL_set_fd(ssl, fd);
		char byte;
		if (server->identity.is_silent) {
			while (read(fd, &byte, 1) > 0)
				;
		} else if (SSL_accept(ssl) == 1) {
			server->accepts++;
			answer_requests(ssl);
		}
		SSL_free(ssl);
		close(fd);
	}
	return NULL;
}

static void set_identity(struct tls_server *server, const struct tls_authority *authority)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate =
		make_certificate(key, server->identity.is_self_signed ? NULL : authority,
			server->identity.host, server->identity.is_expired);
	server->context = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(server->context, certificate);
	SSL_CTX_use_PrivateKey(server->context, key);
	if (server->identity.is_tls_1_1) {
		SSL_CTX_set_security_level(server->context, 0);
		SSL_CTX_set_min_proto_version(server->context, TLS1_VERSION);
		SSL_CTX_set_max_proto_version(server->context, TLS1_1_VERSION);
	}
	X509_free(certificate);
	EVP_PKEY_free(key);
}

void tls_server_open(
	struct tls_server *server, struct tls_authority *authority, struct tls_identity identity)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	memset(server, 0, sizeof(*server));
	server->identity = identity;
	set_identity(server, authority);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = bind(server->listener, (struct sockaddr *)&at, len);
	assert(r == 0);
	r = listen(server->listener, 16);
	assert(r == 0);
	getsockname(server->listener, (struct sockaddr *)&at, &len);
	server->port = ntohs(at.sin_port);
	r = pthread_create(&server->thread, NULL, serve, server);
	assert(r == 0);
}

void tls_server_close(struct tls_server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	SSL_CTX_free(server->context);
}
