/* The table of acts, and the few that take parameters from the path. */
#include <stdint.h>
#include <stdlib.h>
#include "acts.h"

#define GIB      (1u << 30)
#define NEVER    SIZE_MAX
#define METADATA "http://169.254.169.254/latest/meta-data/"
#define OK       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define HEAD     "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"

/* A gzip head and the first bytes of a deflate block with fixed codes: one zero, one match of 258
 * zeros; then 8 matches in 13 bytes, for ever. */
static const char gzip_head[] = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
				"\x1f\x8b\x08\0\0\0\0\0\0\x03"
				"\x63\x18\x05";
static const char gzip_zeros[] = "\xa3\x60\x14\x8c\x82\x51\x30\x0a\x46\xc1\x28\x18\x05";
#define GZIP_UNIT_BYTES 13
#define GZIP_UNIT_ZEROS (8 * 258)

static const struct act acts[] = {
	{.name = "ok", .text = OK},
	{.name = "hang", .end = ACT_HANG},
	{.name = "reset", .end = ACT_RESET},
	{.name = "reset-head", .text = HEAD, .end = ACT_RESET},
	{.name = "reset-body", .text = HEAD "half", .end = ACT_RESET},
	{.name = "drip-head", .text = OK, .drips = true},
	{.name = "drip-body",
		.text = HEAD,
		.unit = "x",
		.unit_bytes = 100,
		.drips = true,
		.drips_from = sizeof(HEAD) - 1},
	{.name = "continue", .text = "HTTP/1.1 100 Continue\r\n\r\n", .end = ACT_HANG},
	{.name = "flood", .unit = "HTTP/1.1 102 Processing\r\n\r\n", .unit_bytes = NEVER},
	{.name = "status-line", .text = "HELO receiver\r\n\r\n", .end = ACT_CLOSE},
	{.name = "big-head",
		.text = "HTTP/1.1 200 OK\r\nX-Big: ",
		.unit = "a",
		.unit_bytes = 1 << 20,
		.tail = "\r\nContent-Length: 0\r\n\r\n"},
	{.name = "long-line",
		.text = "HTTP/1.1 200 OK\r\nX-Long: ",
		.unit = "a",
		.unit_bytes = 90 << 10,
		.end = ACT_HANG},
	{.name = "endless-head",
		.text = "HTTP/1.1 200 OK\r\n",
		.unit = "X-More: and more\r\n",
		.unit_bytes = NEVER},
	{.name = "until-close", .text = "HTTP/1.1 200 OK\r\n\r\nno length", .end = ACT_CLOSE},
	{.name = "chunk-bad",
		.text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n",
		.end = ACT_HANG},
	{.name = "chunk-cut",
		.text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf",
		.end = ACT_CLOSE},
	{.name = "gzip-bomb",
		.text = gzip_head,
		.text_len = sizeof(gzip_head) - 1,
		.unit = gzip_zeros,
		.unit_len = GZIP_UNIT_BYTES,
		.unit_bytes = GIB / GZIP_UNIT_ZEROS * GZIP_UNIT_BYTES,
		.end = ACT_CLOSE},
	{.name = "big-body",
		.text = "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n",
		.unit = "x",
		.unit_bytes = GIB},
	{.name = "endless-body",
		.text = "HTTP/1.1 200 OK\r\n\r\n",
		.unit = "x",
		.unit_bytes = NEVER},
	{.name = "close-after", .text = OK, .end = ACT_CLOSE},
	{.name = "race", .text = OK, .dies_next = true},
	{.name = "early", .text = OK, .is_early = true},
};

static void add_decoded(struct bud_buffer *out, struct bud_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char digits[3] = "";
		if (text.at[i] != '%' || i + 2 >= text.len) {
			bud_buffer_byte(out, text.at[i] == '+' ? ' ' : text.at[i]);
			continue;
		}
		memcpy(digits, text.at + i + 1, 2);
		bud_buffer_byte(out, (char)strtoul(digits, NULL, 16));
		i += 2;
	}
}

static void write_status(struct bud_span status, struct bud_span query, struct bud_buffer *made)
{
	static const char name[] = "retry_after=";
	uint64_t number = 0;
	if (!bud_span_number(status, 999, &number) || number < 100)
		number = 500;
	bud_buffer_format(made, "HTTP/1.1 %d As Asked\r\n", (int)number);
	while (query.len > 0) {
		struct bud_span pair = bud_span_take_until(&query, '&');
		if (!bud_span_starts(pair, bud_span(name)))
			continue;
		bud_buffer_text(made, "Retry-After: ");
		add_decoded(made,
			(struct bud_span){pair.at + sizeof(name) - 1, pair.len - sizeof(name) + 1});
		bud_buffer_text(made, "\r\n");
	}
	if (number >= 300 && number < 400)
		bud_buffer_text(made, "Location: " METADATA "\r\n");
	if (number >= 200 && number != 204 && number != 304)
		bud_buffer_text(made, "Content-Length: 0\r\n");
	bud_buffer_text(made, "\r\n");
}

bool act_find(struct bud_span target, struct bud_buffer *made, struct act *out_act)
{
	struct bud_span query = target;
	struct bud_span path = bud_span_take_until(&query, '?');
	if (path.len == 0 || path.at[0] != '/')
		return false;
	path.at++;
	path.len--;
	struct bud_span name = bud_span_take_until(&path, '/');
	struct bud_span parameter = bud_span_take_until(&path, '/');
	if (bud_span_is(name, "s")) {
		write_status(parameter, query, made);
		*out_act = (struct act){.name = "s", .text = made->at};
		return true;
	}
	if (bud_span_is(name, "slow")) {
		uint64_t wait_ms = 0;
		(void)bud_span_number(parameter, 3600000, &wait_ms);
		*out_act = (struct act){.name = "slow", .text = OK, .wait_ms = (unsigned)wait_ms};
		return true;
	}
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (!bud_span_is(name, acts[i].name))
			continue;
		*out_act = acts[i];
		return true;
	}
	return false;
}
