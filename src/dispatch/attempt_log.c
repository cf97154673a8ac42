/* Collects attempt log lines. */
#include "dispatch/attempt_log.h"

#include "core/alloc.h"
#include "core/clock.h"
#include "core/limits.h"
#include "dispatch/delivery.h"
#include "dispatch/outcome.h"
#include "dispatch/receiver.h"
#include "event/event.h"
#include "fetch/fetch.h"
#include "store/attempts.h"

#define LINES_MAX (sizeof(((struct bud_receiver *)0)->log_lens) / sizeof(size_t))

void bud_attempt_log_init(struct bud_attempt_log *log, struct bud_store *store)
{
	*log = (struct bud_attempt_log){.store = store};
	bud_list_init(&log->dirty);
}

static void flush(struct bud_attempt_log *log, struct bud_receiver *receiver)
{
	struct bud_span lines[LINES_MAX];
	const char *at = receiver->log_text.at;

	for (size_t i = 0; i < receiver->log_n; i++) {
		lines[i] = (struct bud_span){at, receiver->log_lens[i]};
		at += receiver->log_lens[i];
	}
	if (receiver->log_n > 0)
		(void)bud_attempts_add(log->store, bud_span(receiver->id), lines, receiver->log_n);
	receiver->log_n = 0;
	bud_buffer_clear(&receiver->log_text);
	bud_list_remove(&receiver->log_link);
	bud_receiver_unref(receiver);
}

static void add_number(struct bud_buffer *line, const char *name, int64_t number)
{
	char digits[24];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	bud_buffer_text(line, name);
	bud_buffer_add(line, digits + i, sizeof(digits) - i);
}

/* What a response said, cut to what is kept, as long as it is text. */
static void add_response(struct bud_buffer *line, struct bud_span body)
{
	if (body.len > BUD_RESPONSE_KEPT_BYTES)
		body.len = BUD_RESPONSE_KEPT_BYTES;
	while (body.len > 0 && !bud_utf8_is_valid(body.at, body.len) &&
		(unsigned char)body.at[body.len - 1] >= 0x80)
		body.len--;
	if (body.len == 0 || !bud_utf8_is_valid(body.at, body.len))
		return;
	bud_buffer_text(line, ",\"response\":");
	bud_buffer_json(line, body);
}

static void write_line(struct bud_buffer *line, const char *time,
	const struct bud_delivery *delivery, const struct bud_fetch_result *result,
	enum bud_outcome_kind outcome)
{
	bool is_ok = outcome == BUD_OUTCOME_DELIVERED;

	bud_buffer_text(line, "{\"time\":\"");
	bud_buffer_text(line, time);
	bud_buffer_text(line, "\",\"event\":");
	bud_buffer_json(line, delivery->event->id);
	bud_buffer_text(line, ",\"source\":");
	bud_buffer_json(line, delivery->event->source);
	bud_buffer_text(line, ",\"webhook_id\":\"");
	bud_buffer_text(line, delivery->id_line + sizeof("webhook-id: ") - 1);
	add_number(line, "\",\"attempt\":", delivery->attempt);
	bud_buffer_text(line, ",\"result\":\"");
	bud_buffer_text(line, is_ok ? "delivered" : bud_fetch_kind_word(result->kind));
	bud_buffer_byte(line, '"');
	if (result->kind == BUD_FETCH_RESPONSE)
		add_number(line, ",\"status\":", result->status);
	add_number(line, ",\"time_ms\":", result->time_us / 1000);
	if (!is_ok && result->kind != BUD_FETCH_RESPONSE) {
		bud_buffer_text(line, ",\"detail\":");
		bud_buffer_json(line, bud_span(result->text));
	}
	if (!is_ok) {
		bud_buffer_text(line, ",\"outcome\":\"");
		bud_buffer_text(line, bud_outcome_word(outcome));
		bud_buffer_byte(line, '"');
	}
	if (!is_ok && result->body.len > 0)
		add_response(line, result->body);
	bud_buffer_byte(line, '}');
}

void bud_attempt_log_add(struct bud_attempt_log *log, const struct bud_delivery *delivery,
	const struct bud_fetch_result *result, enum bud_outcome_kind outcome, int64_t wall_ms)
{
	struct bud_receiver *receiver = delivery->receiver;
	size_t from = receiver->log_text.len;

	if (wall_ms != log->written_ms) {
		log->written_ms = wall_ms;
		bud_clock_write(wall_ms, log->written);
	}
	write_line(&receiver->log_text, log->written, delivery, result, outcome);
	receiver->log_lens[receiver->log_n++] = receiver->log_text.len - from;
	if (receiver->log_n == 1)
		bud_list_append(&log->dirty, &bud_receiver_ref(receiver)->log_link);
	if (receiver->log_n == LINES_MAX)
		flush(log, receiver);
}

void bud_attempt_log_flush(struct bud_attempt_log *log)
{
	while (!bud_list_is_empty(&log->dirty))
		flush(log, bud_list_first(&log->dirty, struct bud_receiver, log_link));
}
