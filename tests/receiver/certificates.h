/* Certificates made on the spot, for servers and clients of tests. */
#pragma once
#include <stdbool.h>

struct authority; /* opaque */
struct evp_pkey_st;
struct x509_st;
struct x509_store_st;

struct authority *authority_create(void);
void authority_destroy(struct authority *authority);
/* Its certificate as PEM; as long as the authority lives. */
const char *authority_pem(const struct authority *authority);
/* Makes the store accept what it signed. */
void authority_trust(const struct authority *authority, struct x509_store_st *store);

struct identity_options {
	const struct authority *authority; /* NULL: the certificate signs itself */
	const char *names;                 /* "DNS:localhost,IP:127.0.0.1" */
	int valid_s; /* from now on; negative: expired so long ago; 0: a day */
};

struct identity {
	struct evp_pkey_st *key;
	struct x509_st *certificate;
	char *key_pem;
	char *certificate_pem;
};

void identity_init(struct identity *identity, struct identity_options options);
long identity_serial(const struct identity *identity);
void identity_finish(struct identity *identity);
