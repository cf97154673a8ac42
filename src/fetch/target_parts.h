/* The inside of a target, for those who hand it to libcurl. */
#pragma once
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "core/text.h"

struct bud_target {
	unsigned refs;
	bool is_http;    /* without TLS */
	bool is_literal; /* the host is an address: nothing to look up */
	bool is_used;    /* its header fields are fixed by now */
	uint16_t port;
	unsigned spread; /* which multi handle it belongs to, modulo their number */
	char *host;      /* NUL-terminated, brackets around IPv6 */
	char *text;
	CURLU *url;
	struct sockaddr_storage literal;
	struct curl_slist *headers;
	size_t head_bytes; /* of the URL and these */
	bool has_type;     /* Content-Type is one of them */
	/* PEM texts with their length; NULL when there is none. libcurl only borrows them. */
	struct curl_blob ca;
	struct curl_blob certificate;
	struct curl_blob key;
};
