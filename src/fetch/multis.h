/* libcurl's multi handles on a uv loop: targets are spread over many, because each does work in
 * proportion to its cached connections at every transfer's end. */
#pragma once
#include <curl/curl.h>
#include <stddef.h>

struct bud_multis; /* opaque */
struct uv_loop_s;

/* A transfer has ended and its handle was removed. Never called from within the functions below
 * but bud_multis_run(). May add and remove, must not close. */
typedef void (*bud_multis_fn)(void *owner, CURL *easy, CURLcode code);

/* `n` handles. Each keeps up to four times its share of `connections_max`, and at least 256. */
struct bud_multis *bud_multis_open(struct uv_loop_s *loop, unsigned n, unsigned connections_max,
	bud_multis_fn on_done, void *owner);
/* No transfer may be left. `on_closed` is called when the memory is gone. */
void bud_multis_close(struct bud_multis *multis, void (*on_closed)(void *owner), void *owner);

/* Starts a transfer on a later turn of the loop; `index` < n is its place. */
void bud_multis_add(struct bud_multis *multis, unsigned index, CURL *easy);
void bud_multis_remove(struct bud_multis *multis, unsigned index, CURL *easy);
/* Lets libcurl look at its clocks now; a watchdog's means to tell late from lost. */
void bud_multis_run(struct bud_multis *multis, unsigned index);

/* For CURLOPT_CLOSESOCKETFUNCTION, with the multis as its data. */
int bud_multis_close_socket(void *multis, curl_socket_t fd);
