/* `budstikke receive`: a sample receiver. It checks each webhook's signature, prints a line and
 * answers as it was told to: at once, later, with an error, or not at all.
 *
 * Life: listen -> webhooks -> stop (a signal, --count, or nobody reads our lines): what waits is
 * answered, connections get a moment to end -> the loop runs empty. */
#include "cli/cli.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <uv.h>

#include "auth/need.h"
#include "cli/arguments.h"
#include "cli/arrival.h"
#include "cli/seen.h"
#include "config/network.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/list.h"
#include "crypto/secret.h"
#include "http/listener.h"
#include "http/reply.h"
#include "http/request.h"

#define STOP_TICK_MS   20
#define STOP_TICKS_MAX 25 /* half a second for clients to hang up */

static const char about[] =
	"A sample receiver: prints a line for each webhook, and whether its signature is\n"
	"right. A wrong one is answered 401; without --secret none is checked. SIGINT or\n"
	"SIGTERM ends it with a summary.\n";

static const char examples[] =
	"  budstikke receive --secret whsec_... --count 5\n"
	"  budstikke receive --status 503              # a receiver in trouble\n"
	"  budstikke receive --delay-ms 20000          # one that is too slow\n"
	"  budstikke receive --drop                    # one that hangs up\n";

struct counts {
	uint64_t received;
	uint64_t accepted; /* verified, or there was no secret to verify with */
	uint64_t bad;
	uint64_t repeats;
};

struct receiver {
	uv_loop_t loop;
	uv_signal_t interrupt;
	uv_signal_t terminate;
	uv_timer_t stop;
	struct bud_listener *listener;
	struct bud_route_table routes;
	struct bud_list waiting; /* to be answered later */
	int stop_ticks;
	struct counts counts;
	struct bud_seen seen;
	/* As asked for. */
	const char *listen;
	struct bud_words secrets;
	int64_t status;
	int64_t delay_ms;
	int64_t count; /* 0: no end */
	bool drops;
	bool is_quiet;
};

struct waiting {
	struct bud_list link;
	uv_timer_t timer;
	struct bud_request *request;
	struct receiver *receiver;
};

/* Answers */

static void answer(struct receiver *receiver, struct bud_request *request)
{
	if (receiver->drops)
		bud_request_drop(request);
	else
		bud_reply(request, (int)receiver->status, NULL, (struct bud_span){NULL, 0});
}

static void on_waiting_closed(uv_handle_t *timer)
{
	free(timer->data);
}

static void answer_waiting(struct waiting *waiting)
{
	bud_list_remove(&waiting->link);
	answer(waiting->receiver, waiting->request);
	uv_close((uv_handle_t *)&waiting->timer, on_waiting_closed);
}

static void on_delay_over(uv_timer_t *timer)
{
	answer_waiting(timer->data);
}

static void answer_later(struct receiver *receiver, struct bud_request *request)
{
	struct waiting *waiting = bud_new(struct waiting);

	waiting->request = request;
	waiting->receiver = receiver;
	uv_timer_init(&receiver->loop, &waiting->timer);
	waiting->timer.data = waiting;
	bud_list_append(&receiver->waiting, &waiting->link);
	uv_timer_start(&waiting->timer, on_delay_over, (uint64_t)receiver->delay_ms, 0);
}

/* The end */

static void finish(struct receiver *receiver)
{
	bud_listener_close(bud_move(receiver->listener), NULL, NULL);
	uv_close((uv_handle_t *)&receiver->interrupt, NULL);
	uv_close((uv_handle_t *)&receiver->terminate, NULL);
	uv_close((uv_handle_t *)&receiver->stop, NULL);
}

static void on_stop_tick(uv_timer_t *timer)
{
	struct receiver *receiver = timer->data;

	if (receiver->stop_ticks++ == 0)
		bud_listener_stop(receiver->listener);
	while (!bud_list_is_empty(&receiver->waiting))
		answer_waiting(bud_list_first(&receiver->waiting, struct waiting, link));
	if (bud_listener_connections(receiver->listener) == 0 ||
		receiver->stop_ticks > STOP_TICKS_MAX)
		finish(receiver);
}

/* From the loop's next turn on: a handler may be on the stack. */
static void stop(struct receiver *receiver)
{
	if (!uv_is_active((uv_handle_t *)&receiver->stop))
		uv_timer_start(&receiver->stop, on_stop_tick, 1, STOP_TICK_MS);
}

static void on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	stop(signal->data);
}

/* Webhooks */

static void print(struct receiver *receiver, const struct bud_arrival *arrival, bool is_repeat)
{
	bud_auto(buffer) struct bud_buffer line = {0};

	if (receiver->is_quiet)
		return;
	bud_arrival_write(arrival, bud_clock_wall_ms(), &line);
	if (is_repeat)
		bud_buffer_text(&line, "  repeat");
	if (arrival->verdict == BUD_ARRIVAL_VERDICT_BAD)
		bud_buffer_text(&line, "  answered 401");
	else if (receiver->drops)
		bud_buffer_text(&line, "  dropped");
	else if (receiver->status >= 300)
		bud_buffer_format(&line, "  answered %" PRId64, receiver->status);
	/* With nobody to read them there is nothing left to do. */
	if (printf("%s\n", line.at) < 0 || fflush(stdout) != 0)
		stop(receiver);
}

static void on_webhook(void *context, struct bud_request *request)
{
	struct receiver *receiver = context;
	struct counts *counts = &receiver->counts;
	struct bud_arrival arrival = {.content_type = request->content_type,
		.body = request->body,
		.headers = request->headers,
		.headers_n = request->n_headers};
	struct bud_error error;

	bud_arrival_judge(
		&arrival, receiver->secrets.list, receiver->secrets.n, bud_clock_wall_ms() / 1000);
	bool is_good = arrival.verdict != BUD_ARRIVAL_VERDICT_BAD;
	bool is_repeat =
		is_good && arrival.id.len > 0 && !bud_seen_add(&receiver->seen, arrival.id);
	counts->received++;
	counts->accepted += is_good;
	counts->bad += !is_good;
	counts->repeats += is_repeat;
	print(receiver, &arrival, is_repeat);
	if (!is_good) {
		(void)bud_error_set(&error, "webhook-signature", "%s", arrival.reason);
		bud_reply_problem(request, 401, "bad-signature", "The signature is bad", &error);
		return;
	}
	if (receiver->delay_ms > 0)
		answer_later(receiver, request);
	else
		answer(receiver, request);
	if (receiver->count > 0 && counts->accepted - counts->repeats == (uint64_t)receiver->count)
		stop(receiver);
}

/* A sink may have any path. */
static const struct bud_route routes[] = {
	{"POST", "*", on_webhook, BUD_BATCH_BYTES_MAX, BUD_NEED_NOTHING},
};

/* The start */

static int check(const struct receiver *receiver, struct bud_listen *out_listen)
{
	struct bud_error error;

	if (bud_listen_parse(bud_span(receiver->listen), out_listen, &error) < 0) {
		fprintf(stderr, "budstikke receive: --listen %s: %s\n", receiver->listen,
			error.text);
		return BUD_CLI_EXIT_USAGE;
	}
	for (size_t i = 0; i < receiver->secrets.n; i++) {
		bud_auto(secret) struct bud_secret secret = {.len = 0};
		struct bud_span text = bud_span(receiver->secrets.list[i]);
		if (bud_secret_parse(text, &secret, &error) == 0)
			continue;
		fprintf(stderr, "budstikke receive: --secret: %s\n", error.text);
		return BUD_CLI_EXIT_USAGE;
	}
	return BUD_CLI_EXIT_OK;
}

static int open_listener(struct receiver *receiver, struct bud_listen *listen)
{
	struct bud_listener_options options = {.host = listen->host,
		.port = listen->port,
		.tables = &receiver->routes,
		.n_tables = 1};
	int r = listen->port ? bud_listener_probe(listen->host, listen->port) : 0;

	receiver->routes =
		(struct bud_route_table){routes, sizeof(routes) / sizeof(routes[0]), receiver};
	if (r == 0)
		receiver->listener = bud_listener_open(&receiver->loop, &options, &r);
	if (r == 0)
		listen->port = (uint16_t)bud_listener_port(receiver->listener);
	return r;
}

static void start(struct receiver *receiver)
{
	uv_signal_init(&receiver->loop, &receiver->interrupt);
	uv_signal_init(&receiver->loop, &receiver->terminate);
	uv_timer_init(&receiver->loop, &receiver->stop);
	receiver->interrupt.data = receiver->terminate.data = receiver->stop.data = receiver;
	uv_signal_start(&receiver->interrupt, on_signal, SIGINT);
	uv_signal_start(&receiver->terminate, on_signal, SIGTERM);
}

static void print_start(const struct bud_listen *listen)
{
	bud_auto(buffer) struct bud_buffer text = {0};

	bud_listen_write(listen, &text);
	printf("listening url=http://%s/\n", text.at);
	fflush(stdout);
}

static int run(struct receiver *receiver)
{
	struct bud_listen listen;
	int exit_code = check(receiver, &listen);

	if (exit_code != BUD_CLI_EXIT_OK)
		return exit_code;
	/* A client or a reader that goes away must not end us. */
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&receiver->loop);
	bud_list_init(&receiver->waiting);
	int r = open_listener(receiver, &listen);
	if (r < 0) {
		fprintf(stderr, "budstikke receive: cannot listen on %s: %s\n", receiver->listen,
			uv_strerror(r));
		uv_loop_close(&receiver->loop);
		return BUD_CLI_EXIT_FAILED;
	}
	start(receiver);
	print_start(&listen);
	uv_run(&receiver->loop, UV_RUN_DEFAULT);
	uv_loop_close(&receiver->loop);
	printf("received %" PRIu64 ", %s %" PRIu64 ", bad %" PRIu64 ", repeats %" PRIu64 "\n",
		receiver->counts.received, receiver->secrets.n > 0 ? "verified" : "not checked",
		receiver->counts.accepted, receiver->counts.bad, receiver->counts.repeats);
	return BUD_CLI_EXIT_OK;
}

int bud_cli_receive(int argc, char **argv)
{
	struct receiver receiver = {.listen = "127.0.0.1:9090", .status = 200};
	const struct bud_option options[] = {
		{"--listen", BUD_OPTION_TEXT, &receiver.listen, "ADDRESS",
			"Where to listen; otherwise 127.0.0.1:9090. Port 0 takes a free one.", 0,
			0},
		{"--secret", BUD_OPTION_LIST, &receiver.secrets, "SECRET",
			"Check signatures with this secret (whsec_...), or with one of these.", 0,
			0},
		{"--status", BUD_OPTION_NUMBER, &receiver.status, "N",
			"Answer with this status; otherwise 200.", 200, 599},
		{"--delay-ms", BUD_OPTION_NUMBER, &receiver.delay_ms, "N",
			"Answer this much later.", 0, 3600000},
		{"--drop", BUD_OPTION_SWITCH, &receiver.drops, NULL,
			"Hang up where the answer would be.", 0, 0},
		{"--count", BUD_OPTION_NUMBER, &receiver.count, "N",
			"End after N webhooks with a good signature, repeats aside.", 1, INT64_MAX},
		{"--quiet", BUD_OPTION_SWITCH, &receiver.is_quiet, NULL,
			"No line per webhook, only the summary.", 0, 0},
	};
	const struct bud_arguments arguments = {"receive [OPTION]...", about, options,
		sizeof(options) / sizeof(options[0]), examples, NULL};
	int exit_code;

	if (bud_arguments_take(&arguments, argc, argv, &exit_code))
		exit_code = run(&receiver);
	bud_words_finish(&receiver.secrets);
	bud_seen_finish(&receiver.seen);
	return exit_code;
}
