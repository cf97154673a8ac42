/* A transfer: one easy handle with what it is about to send and what has come back so far. They
 * are kept and used again. The steps a transfer goes through are in fetch.c. */
#pragma once
#include <curl/curl.h>
#include <sys/socket.h>
#include "core/limits.h"
#include "core/list.h"
#include "fetch/fetch.h"
#include "fetch/names.h"

#define BUD_RETRY_AFTER_BYTES 64
/* The same wherever the guard said no. */
#define BUD_ADDRESS_REFUSED_TEXT "the host's address is not allowed"
#define BUD_BLOCKED_TEXT         "no file or port is free, or delivery.source_address is not ours"

struct bud_guard;
struct bud_multis;

enum bud_transfer_state {
	BUD_TRANSFER_IDLE,    /* in its pool */
	BUD_TRANSFER_NAMING,  /* waits for an address */
	BUD_TRANSFER_SENDING, /* in libcurl's hands */
	BUD_TRANSFER_ENDED,   /* its owner is told next turn */
};

/* What has come of the response. */
struct bud_transfer_response {
	int status;
	size_t head_bytes;
	unsigned head_lines;
	size_t body_bytes;
	size_t retry_after_len;
	char retry_after[BUD_RETRY_AFTER_BYTES];
	struct bud_buffer head; /* if keep_headers */
	struct bud_buffer body; /* its first keep_body_bytes */
	bool head_is_too_big;
	bool body_is_too_big;
	bool address_was_refused;
	bool is_blocked; /* no socket to be had */
	/* Where the last new connection leads. */
	unsigned peer_len;
	struct sockaddr_storage peer;
};

struct bud_transfer {
	struct bud_list link;
	enum bud_transfer_state state;
	struct bud_fetch *fetch;
	CURL *easy;
	const struct bud_guard *guard;
	unsigned multi; /* whose pool it belongs to */

	/* The request. */
	struct bud_target *target; /* the last one, too: the easy handle has its URL */
	bud_fetch_fn fn;
	void *owner;
	struct bud_name_query query;
	bool was_repeated;
	unsigned sends;     /* requests that libcurl began to send since it has it */
	unsigned address_i; /* which of the name's addresses is tried */
	int64_t started_us;
	int64_t deadline_us;
	size_t keep_body_bytes;
	bool keep_headers;
	struct curl_slist *fields; /* nodes in front of the target's own */
	size_t fields_room;
	struct bud_buffer joined; /* those fields that libcurl takes as one */
	bool has_large_head;
	struct curl_slist pin_node;
	char pin[BUD_NAME_PIN_BYTES];

	/* How the easy handle is set now. */
	bool is_plain_post;
	bool is_pinned;
	bool has_own_tls;
	long set_timeout_ms;
	long set_connect_ms;

	struct bud_transfer_response response;

	/* The end. */
	enum bud_fetch_kind kind;
	const char *text;
};

struct bud_transfer_setup {
	const struct bud_guard *guard;
	const char *ca_file;
	const char *proxy; /* NULL: none */
	bool allow_http;
	struct bud_multis *multis;
};

/* Borrows all of `setup`. */
struct bud_transfer *bud_transfer_create(const struct bud_transfer_setup *setup);
void bud_transfer_destroy(struct bud_transfer *transfer);
/* False when a header line has a line break in it. */
bool bud_transfer_take_request(
	struct bud_transfer *transfer, const struct bud_fetch_request *request);
/* For this address (NULL: the host is one) and no longer than that; `more` addresses can be tried
 * after it, so connecting gets only its share of the time. */
void bud_transfer_aim(
	struct bud_transfer *transfer, const char *pin, long timeout_ms, unsigned more);
/* On a new connection, whichever are kept; until it rests. */
void bud_transfer_set_fresh(struct bud_transfer *transfer);
/* Sets kind and text from what libcurl says. */
void bud_transfer_judge(struct bud_transfer *transfer, CURLcode code);
/* False when it ended amid a head: libcurl may hold 100 KiB of an unfinished line in the easy
 * handle, and keeps that memory as long as the handle. */
bool bud_transfer_is_worth_keeping(const struct bud_transfer *transfer);
/* Forgets request and response. */
void bud_transfer_rest(struct bud_transfer *transfer);
