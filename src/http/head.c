/* Heads: raw lines first (bud_head_scan), then the request line, then the fields the parser found.
 */
#include "http/head.h"

/* The longest method a parser knows, and " HTTP/1.1" with its line end. */
#define LINE_EXTRA_BYTES 32

static bool refuse(struct bud_refusal *out, int status, const char *detail, const char *member)
{
	*out = (struct bud_refusal){status, detail, member};
	return false;
}

static bool is_token_byte(unsigned char c)
{
	/* RFC 9110 5.6.2, a bit per character from 0 to 127. */
	static const uint32_t token[4] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};

	return c < 128 && (token[c / 32] >> (c % 32) & 1);
}

static bool is_token(struct bud_span span)
{
	for (size_t i = 0; i < span.len; i++) {
		if (!is_token_byte((unsigned char)span.at[i]))
			return false;
	}
	return span.len > 0;
}

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* Eight bytes at once, as tokens are long: whether one is below 0x20 or is 0x7f. */
static bool may_have_control(const char *eight)
{
	uint64_t word, del;

	memcpy(&word, eight, sizeof(word));
	del = word ^ EACH_BYTE(0x7f);
	return (((word - EACH_BYTE(0x20)) & ~word) | ((del - EACH_BYTE(1)) & ~del)) &
	       EACH_BYTE(0x80);
}

static bool is_control(char character)
{
	unsigned char c = (unsigned char)character;

	return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* `line` is without its line feed. */
static bool check_line(struct bud_span line, struct bud_refusal *out_refusal)
{
	size_t i = 0;

	if (line.len == 0 || line.at[line.len - 1] != '\r')
		return refuse(out_refusal, 400, "A line of the head ends without CR.", NULL);
	while (i + 1 < line.len) {
		if (line.len - 1 - i >= 8 && !may_have_control(line.at + i))
			i += 8;
		else if (is_control(line.at[i++]))
			return refuse(out_refusal, 400, "A control character in the head.", NULL);
	}
	return true;
}

static bool check_sizes(
	const struct bud_head_scan *scan, size_t end, struct bud_refusal *out_refusal)
{
	if (scan->n_lines == 0 && end > BUD_URL_BYTES_MAX + LINE_EXTRA_BYTES)
		return refuse(out_refusal, 414, "The request line is too long.", NULL);
	if (end > BUD_HEAD_BYTES_MAX)
		return refuse(out_refusal, 431, "The head is too large.", NULL);
	if (scan->n_lines > BUD_HEAD_FIELDS_MAX + 1)
		return refuse(out_refusal, 431, "The head has too many fields.", NULL);
	return true;
}

enum bud_head_result bud_head_scan(struct bud_head_scan *scan, struct bud_span bytes,
	size_t *out_len, struct bud_refusal *out_refusal)
{
	for (;;) {
		const char *from = bytes.at + scan->seen;
		const char *feed = memchr(from, '\n', bytes.len - scan->seen);
		size_t end = feed ? (size_t)(feed - bytes.at) + 1 : bytes.len;
		struct bud_span line = {bytes.at + scan->line, end - scan->line - (feed ? 1 : 0)};

		if (!check_sizes(scan, end, out_refusal))
			return BUD_HEAD_REFUSED;
		scan->seen = end;
		if (!feed)
			return BUD_HEAD_MORE;
		if (!check_line(line, out_refusal))
			return BUD_HEAD_REFUSED;
		if (scan->n_lines > 0 && (line.at[0] == ' ' || line.at[0] == '\t')) {
			refuse(out_refusal, 400, "A folded line in the head.", NULL);
			return BUD_HEAD_REFUSED;
		}
		scan->line = end;
		scan->n_lines++;
		if (line.len == 1) {
			*out_len = end;
			return BUD_HEAD_WHOLE;
		}
	}
}

/* Takes the path and query out of the target: origin form, absolute form, or "*" (RFC 9112 3.2). */
static bool split_target(struct bud_head *head, struct bud_refusal *out_refusal)
{
	struct bud_span rest = head->target;
	const char *mark;

	if (bud_span_starts_nocase(rest, "http://") || bud_span_starts_nocase(rest, "https://")) {
		size_t at = bud_span_starts_nocase(rest, "http://") ? 7 : 8;
		while (at < rest.len && rest.at[at] != '/' && rest.at[at] != '?')
			at++;
		if (at == rest.len || rest.at[at] == '?')
			return refuse(out_refusal, 400, "The target has no path.", NULL);
		rest.at += at;
		rest.len -= at;
	} else if (rest.at[0] != '/' && !bud_span_is(rest, "*")) {
		return refuse(out_refusal, 400, "The target must begin with a slash.", NULL);
	}
	mark = memchr(rest.at, '?', rest.len);
	head->path = (struct bud_span){rest.at, mark ? (size_t)(mark - rest.at) : rest.len};
	head->query = (struct bud_span){NULL, 0};
	if (mark)
		head->query = (struct bud_span){mark + 1, rest.len - head->path.len - 1};
	return true;
}

bool bud_head_read_line(
	struct bud_head *head, struct bud_span bytes, struct bud_refusal *out_refusal)
{
	const char *end = memchr(bytes.at, '\r', bytes.len);
	size_t len = end ? (size_t)(end - bytes.at) : bytes.len;
	const char *first = memchr(bytes.at, ' ', len);
	const char *second;

	if (!first)
		return refuse(out_refusal, 400, "The request line is broken.", NULL);
	head->method = (struct bud_span){bytes.at, (size_t)(first - bytes.at)};
	second = memchr(first + 1, ' ', len - head->method.len - 1);
	if (!second || second == first + 1 || !is_token(head->method))
		return refuse(out_refusal, 400, "The request line is broken.", NULL);
	head->target = (struct bud_span){first + 1, (size_t)(second - first - 1)};
	if (len - (size_t)(second + 1 - bytes.at) != strlen("HTTP/1.1") ||
		memcmp(second + 1, "HTTP/1.", 7) != 0 || (second[8] != '0' && second[8] != '1'))
		return refuse(
			out_refusal, 400, "Only HTTP/1.0 and HTTP/1.1 are spoken here.", NULL);
	head->minor = second[8] - '0';
	if (head->target.len > BUD_URL_BYTES_MAX)
		return refuse(out_refusal, 414, "The URL is too long.", NULL);
	for (size_t i = 0; i < head->target.len; i++) {
		unsigned char c = (unsigned char)head->target.at[i];
		if (c <= 0x20 || c >= 0x7f || c == '#')
			return refuse(out_refusal, 400, "A bad character in the URL.", NULL);
	}
	return split_target(head, out_refusal);
}

/* How often the fields that decide about framing came. */
struct tally {
	unsigned hosts;
	unsigned lengths;
	unsigned encodings;
	uint64_t length;
};

static bool check_host(struct bud_span value, struct tally *tally, struct bud_refusal *out_refusal)
{
	if (++tally->hosts > 1)
		return refuse(out_refusal, 400, "Host came twice.", "Host");
	for (size_t i = 0; i < value.len; i++) {
		if (strchr(" \t,/\\?#@\"<>", value.at[i]) || (unsigned char)value.at[i] >= 0x80)
			return refuse(out_refusal, 400, "Host is not a host.", "Host");
	}
	return true;
}

static bool check_length(
	struct bud_span value, struct tally *tally, struct bud_refusal *out_refusal)
{
	if (++tally->lengths > 1)
		return refuse(out_refusal, 400, "Content-Length came twice.", "Content-Length");
	if (!bud_span_number(value, INT64_MAX, &tally->length))
		return refuse(out_refusal, 400, "Content-Length is no number.", "Content-Length");
	return true;
}

static bool check_encoding(const struct bud_head *head, struct bud_span value, struct tally *tally,
	struct bud_refusal *out_refusal)
{
	const char *name = "Transfer-Encoding";

	if (++tally->encodings > 1)
		return refuse(out_refusal, 400, "Transfer-Encoding came twice.", name);
	if (head->minor == 0)
		return refuse(out_refusal, 400, "HTTP/1.0 has no Transfer-Encoding.", name);
	if (!bud_span_is_nocase(value, "chunked"))
		return refuse(out_refusal, 400, "Transfer-Encoding may only be chunked.", name);
	return true;
}

static bool check_expect(
	struct bud_head *head, struct bud_span value, struct bud_refusal *out_refusal)
{
	if (!bud_span_is_nocase(value, "100-continue"))
		return refuse(out_refusal, 417, "Only 100-continue can be expected.", "Expect");
	head->expects_continue = head->minor > 0;
	return true;
}

/* The length of a name tells most of them apart. */
static bool check_field(struct bud_head *head, const struct bud_header *field, struct tally *tally,
	struct bud_refusal *out_refusal)
{
	struct bud_span name = field->name;

	if (!is_token(name))
		return refuse(out_refusal, 400, "A bad character in a header's name.", NULL);
	if (name.len == 4 && bud_span_is_nocase(name, "Host"))
		return check_host(field->value, tally, out_refusal);
	if (name.len == 6 && bud_span_is_nocase(name, "Expect"))
		return check_expect(head, field->value, out_refusal);
	if (name.len == 12 && bud_span_is_nocase(name, "Content-Type")) {
		if (head->content_type.at)
			return refuse(out_refusal, 400, "Content-Type came twice.", "Content-Type");
		head->content_type = field->value;
	}
	if (name.len == 14 && bud_span_is_nocase(name, "Content-Length"))
		return check_length(field->value, tally, out_refusal);
	if (name.len == 17 && bud_span_is_nocase(name, "Transfer-Encoding"))
		return check_encoding(head, field->value, tally, out_refusal);
	return true;
}

bool bud_head_check(struct bud_head *head, bool is_parsed, struct bud_refusal *out_refusal)
{
	struct tally tally = {0};

	head->content_type = (struct bud_span){NULL, 0};
	head->expects_continue = false;
	for (size_t i = 0; i < head->n_fields; i++) {
		if (!check_field(head, &head->fields[i], &tally, out_refusal))
			return false;
	}
	if (tally.lengths > 0 && tally.encodings > 0)
		return refuse(out_refusal, 400,
			"Content-Length and Transfer-Encoding exclude each other.",
			"Transfer-Encoding");
	if (!is_parsed)
		return refuse(out_refusal, 400, "The head is not HTTP/1.1.", NULL);
	if (head->minor == 1 && tally.hosts == 0)
		return refuse(out_refusal, 400, "Host is missing.", "Host");
	/* Two readings of where the body ends are what smuggling is made of. */
	if (head->chunked != (tally.encodings > 0) || head->content_length != tally.length)
		return refuse(out_refusal, 400, "The body's length is unclear.", NULL);
	return true;
}
