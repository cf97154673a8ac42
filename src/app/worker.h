/* A worker: a thread with a loop, a listener, two connections to Redis, an HTTP client, and in them
 * one ingest and one dispatch. */
#pragma once
struct bud_app;    /* app/app.h */
struct bud_worker; /* opaque */

/* Starts the thread. Takes `listen_fd`, bound and not listening. */
struct bud_worker *bud_worker_start(struct bud_app *app, unsigned index, int listen_fd);

/* From the main thread; each wakes the worker. */

/* Take up what is pending with this node. */
void bud_worker_sweep(struct bud_worker *worker);
/* Take nothing new; counts in app->n_drained when nothing is left. */
void bud_worker_drain(struct bud_worker *worker);
/* The drain took too long: park what is not delivered. */
void bud_worker_park(struct bud_worker *worker);
/* Ends the thread, waits for it and frees the worker. NULL is fine. */
void bud_worker_stop(struct bud_worker *worker);
