/* Replies as bytes: one reserve, then plain copies; this runs for each event published. */
#include "http/answer.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

#include "http/status.h"

/* Status line, Date, Content-Type, Content-Length, Connection and the empty line. */
#define HEAD_BYTES_MAX         512u
#define CONTENT_TYPE_BYTES_MAX 200u
/* Up to here a copy is cheaper than a second element of writev(). */
#define BODY_COPIED_BYTES 1024u

void bud_answer_write_date(int64_t wall_s, char out[BUD_ANSWER_DATE_BYTES])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)wall_s;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(out, BUD_ANSWER_DATE_BYTES, "Date: %.3s, %02u %.3s %04u %02u:%02u:%02u GMT\r\n",
		days + 3 * tm.tm_wday, (unsigned)tm.tm_mday % 100u, months + 3 * tm.tm_mon,
		(unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)tm.tm_hour % 100u,
		(unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u);
}

static char *put(char *to, const char *text)
{
	size_t len = strlen(text);

	memcpy(to, text, len);
	return to + len;
}

static char *put_number(char *to, size_t number)
{
	char digits[24];
	char *at = digits + sizeof(digits);

	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	size_t len = (size_t)(digits + sizeof(digits) - at);
	memcpy(to, at, len);
	return to + len;
}

/* RFC 9110 8.6: no Content-Length with 204; we send none with 304 either. */
static bool has_length(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

static char *put_head(char *to, const struct bud_answer *answer, const char *date, bool keeps_alive)
{
	to = put(to, "HTTP/1.1 ");
	to = put_number(to, (size_t)answer->status);
	*to++ = ' ';
	to = put(to, bud_status_reason(answer->status));
	to = put(to, "\r\n");
	to = put(to, date);
	if (answer->content_type) {
		to = put(to, "Content-Type: ");
		to = put(to, answer->content_type);
		to = put(to, "\r\n");
	}
	if (has_length(answer->status)) {
		to = put(to, "Content-Length: ");
		to = put_number(to, answer->body.len);
		to = put(to, "\r\n");
	}
	if (!keeps_alive)
		to = put(to, "Connection: close\r\n");
	return to;
}

struct bud_span bud_answer_write(struct bud_buffer *out, const struct bud_answer *answer,
	const char *date, bool keeps_alive, bool has_body)
{
	struct bud_span rest = has_body ? answer->body : (struct bud_span){NULL, 0};
	size_t copied = rest.len <= BODY_COPIED_BYTES ? rest.len : 0;

	assert(answer->status >= 100 && answer->status <= 999);
	assert(has_length(answer->status) || answer->body.len == 0);
	assert(!answer->content_type || strlen(answer->content_type) <= CONTENT_TYPE_BYTES_MAX);
	bud_buffer_clear(out);
	char *start = bud_buffer_reserve(out, HEAD_BYTES_MAX + answer->fields.len + copied);
	char *to = put_head(start, answer, date, keeps_alive);
	if (answer->fields.len > 0) {
		memcpy(to, answer->fields.at, answer->fields.len);
		to += answer->fields.len;
	}
	to = put(to, "\r\n");
	if (copied > 0) {
		memcpy(to, rest.at, copied);
		to += copied;
		rest = (struct bud_span){NULL, 0};
	}
	out->len = (size_t)(to - start);
	out->at[out->len] = '\0';
	return rest;
}
