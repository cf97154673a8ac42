/* JSON text read strictly and in place. Strings make up most of an event, so they are passed eight
 * bytes at a time up to the next byte that needs a look. */
#include "event/json.h"

#include <assert.h>
#include <endian.h>
#include <stdint.h>

#define EVERY_BYTE(byte) (0x0101010101010101ULL * (byte))

static bool fail(struct bud_json *json, const char *at, const char *wrong)
{
	json->at = at;
	json->wrong = wrong;
	return false;
}

static bool fail_end(struct bud_json *json)
{
	return fail(json, json->end, "the JSON text ends too early");
}

void bud_json_pass_blanks(struct bud_json *json)
{
	const char *at = json->at;

	while (at < json->end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
		at++;
	json->at = at;
}

/* The first byte from `at` on that is no plain ASCII text: quote, backslash, control, >= 0x80. */
static inline const char *plain_end(const char *at, const char *end)
{
	while (end - at >= 8) {
		uint64_t eight;
		uint64_t stops;

		memcpy(&eight, at, 8);
		eight = le64toh(eight);
		/* A subtraction sets the high bit of a byte that was too small; its borrow can
		 * only spoil bytes behind the first stop, and only the first one counts. */
		stops = eight | (eight - EVERY_BYTE(0x20)) |
			((eight ^ EVERY_BYTE('"')) - EVERY_BYTE(1)) |
			((eight ^ EVERY_BYTE('\\')) - EVERY_BYTE(1));
		stops &= EVERY_BYTE(0x80);
		if (stops)
			return at + (__builtin_ctzll(stops) >> 3);
		at += 8;
	}
	for (; at < end; at++) {
		unsigned char c = (unsigned char)*at;
		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			break;
	}
	return at;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hex digits behind \u at `at`, or -1. */
static int32_t code_unit(const char *at, const char *end)
{
	int32_t unit = 0;

	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int digit = hex_digit(at[i]);
		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static bool is_first_surrogate(int32_t unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_second_surrogate(int32_t unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* `at` stands on a backslash. Returns where the escape ends, NULL after fail(). */
static const char *pass_escape(struct bud_json *json, const char *at)
{
	int32_t unit;

	if (json->end - at < 2) {
		(void)fail_end(json);
		return NULL;
	}
	if (at[1] != 'u') {
		if (at[1] != '\0' && strchr("\"\\/bfnrt", at[1]))
			return at + 2;
		(void)fail(json, at, "JSON has no such escape in a string");
		return NULL;
	}
	unit = code_unit(at, json->end);
	if (unit >= 0 && !is_first_surrogate(unit) && !is_second_surrogate(unit))
		return at + 6;
	if (is_first_surrogate(unit) && is_second_surrogate(code_unit(at + 6, json->end)))
		return at + 12;
	(void)fail(json, at,
		unit < 0 ? "\\u needs four hex digits" : "an unpaired surrogate is no character");
	return NULL;
}

/* `at` stands on a byte >= 0x80. Returns the end of this and the sequences that follow it. */
static const char *pass_sequences(struct bud_json *json, const char *at)
{
	const char *end = json->end;

	while (at < end && (unsigned char)*at >= 0x80) {
		unsigned char c = (unsigned char)*at;
		size_t len;

		if (c >= 0xc2 && c < 0xe0 && end - at >= 2 && (at[1] & 0xc0) == 0x80)
			len = 2;
		else
			len = bud_utf8_sequence_len(at, (size_t)(end - at));
		if (len == 0) {
			(void)fail(json, at, "the bytes are no valid UTF-8");
			return NULL;
		}
		at += len;
	}
	return at;
}

/* `at` stands behind the opening quote. Returns where the closing one stands, NULL after fail(). */
static inline const char *string_end(struct bud_json *json, const char *at, bool *out_has_escapes)
{
	bool has_escapes = false;

	for (;;) {
		at = plain_end(at, json->end);
		if (at == json->end) {
			(void)fail_end(json);
			return NULL;
		}
		if (*at == '"')
			break;
		if (*at == '\\') {
			has_escapes = true;
			at = pass_escape(json, at);
		} else if ((unsigned char)*at >= 0x80) {
			at = pass_sequences(json, at);
		} else {
			(void)fail(json, at, "a control character in a string must be escaped");
			return NULL;
		}
		if (!at)
			return NULL;
	}
	*out_has_escapes = has_escapes;
	return at;
}

bool bud_json_read_string(struct bud_json *json, struct bud_json_string *out_string)
{
	const char *from = json->at + 1;
	bool has_escapes;
	const char *at = string_end(json, from, &has_escapes);

	if (!at)
		return false;
	json->at = at + 1;
	*out_string = (struct bud_json_string){{from, (size_t)(at - from)}, has_escapes};
	return true;
}

static bool pass_string(struct bud_json *json)
{
	bool has_escapes;
	const char *at = string_end(json, json->at + 1, &has_escapes);

	if (!at)
		return false;
	json->at = at + 1;
	return true;
}

static const char *pass_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

bool bud_json_pass_number(struct bud_json *json)
{
	const char *end = json->end;
	const char *at = json->at;
	const char *from;

	if (at < end && *at == '-')
		at++;
	from = at;
	at = pass_digits(at, end);
	if (at == from)
		return fail(json, at, "a digit is missing here");
	if (*from == '0' && at - from > 1)
		return fail(json, from, "a number must not begin with 0");
	if (at < end && *at == '.') {
		from = ++at;
		at = pass_digits(at, end);
		if (at == from)
			return fail(json, at, "a digit is missing behind the point");
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		from = at;
		at = pass_digits(at, end);
		if (at == from)
			return fail(json, at, "a digit is missing in the exponent");
	}
	json->at = at;
	return true;
}

static bool pass_word(struct bud_json *json, const char *word, size_t len)
{
	if ((size_t)(json->end - json->at) < len || memcmp(json->at, word, len) != 0)
		return fail(json, json->at, "this is no JSON value");
	json->at += len;
	return true;
}

static bool pass_scalar(struct bud_json *json)
{
	switch (*json->at) {
	case '"':
		return pass_string(json);
	case 't':
		return pass_word(json, "true", 4);
	case 'f':
		return pass_word(json, "false", 5);
	case 'n':
		return pass_word(json, "null", 4);
	case '-':
	case '0' ... '9':
		return bud_json_pass_number(json);
	default:
		return fail(json, json->at, "a JSON value must stand here");
	}
}

/* A member's name and its colon. */
static bool pass_name(struct bud_json *json)
{
	bud_json_pass_blanks(json);
	if (json->at == json->end)
		return fail_end(json);
	if (*json->at != '"')
		return fail(json, json->at, "a member's name in quotes must stand here");
	if (!pass_string(json))
		return false;
	bud_json_pass_blanks(json);
	if (json->at == json->end)
		return fail_end(json);
	if (*json->at != ':')
		return fail(json, json->at, "a colon must stand between name and value");
	json->at++;
	return true;
}

/* The arrays and objects we are in: a bit each, the innermost lowest; 1 is an object. */
struct nesting {
	uint64_t is_object;
	unsigned depth;
};

/* Behind a value: closes what ends here, up to the comma before the next value. */
static bool pass_closings(struct bud_json *json, struct nesting *nesting)
{
	while (nesting->depth > 0) {
		bool in_object = nesting->is_object & 1;

		bud_json_pass_blanks(json);
		if (json->at == json->end)
			return fail_end(json);
		if (*json->at == ',') {
			json->at++;
			return !in_object || pass_name(json);
		}
		if (*json->at != (in_object ? '}' : ']'))
			return fail(json, json->at,
				in_object ? "a comma or } must stand here"
					  : "a comma or ] must stand here");
		json->at++;
		nesting->is_object >>= 1;
		nesting->depth--;
	}
	return true;
}

bool bud_json_pass_value(struct bud_json *json, unsigned depth_max)
{
	struct nesting nesting = {0};

	assert(depth_max <= 64);
	do {
		char c;

		bud_json_pass_blanks(json);
		if (json->at == json->end)
			return fail_end(json);
		c = *json->at;
		if (c == '{' || c == '[') {
			if (nesting.depth == depth_max)
				return fail(json, json->at, "the JSON is nested too deeply");
			nesting.depth++;
			nesting.is_object = nesting.is_object << 1 | (c == '{');
			json->at++;
			bud_json_pass_blanks(json);
			/* '}' is '{' + 2, and so are the square ones. */
			if (json->at == json->end || *json->at != c + 2) {
				if (c == '{' && !pass_name(json))
					return false;
				continue;
			}
		} else if (!pass_scalar(json)) {
			return false;
		}
		if (!pass_closings(json, &nesting))
			return false;
	} while (nesting.depth > 0);
	return true;
}

bool bud_json_is_valid(struct bud_span text, unsigned depth_max, const char **out_wrong)
{
	struct bud_json json = {text.at, text.at + text.len, NULL};

	if (!bud_json_pass_value(&json, depth_max)) {
		*out_wrong = json.wrong;
		return false;
	}
	bud_json_pass_blanks(&json);
	if (json.at != json.end) {
		*out_wrong = "something stands behind the JSON value";
		return false;
	}
	return true;
}

static size_t write_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Writes what the escape at `at` stands for and returns where it ends. The bytes may come from a
 * store that somebody damaged: a broken escape then stands for something that is not longer. */
static const char *unescape(const char *at, const char *end, struct bud_buffer *out)
{
	static const char from[] = "bfnrt";
	static const char to[] = "\b\f\n\r\t";
	char utf8[4];
	int32_t unit = code_unit(at, end);
	const char *known;

	if (end - at < 2 || (at[1] == 'u' && unit < 0)) {
		bud_buffer_byte(out, '?');
		return end;
	}
	if (at[1] != 'u') {
		known = at[1] ? strchr(from, at[1]) : NULL;
		bud_buffer_byte(out, known ? to[known - from] : at[1]);
		return at + 2;
	}
	if (is_first_surrogate(unit) && is_second_surrogate(code_unit(at + 6, end))) {
		unit = 0x10000 + ((unit - 0xd800) << 10) + (code_unit(at + 6, end) - 0xdc00);
		at += 6;
	} else if (is_first_surrogate(unit) || is_second_surrogate(unit)) {
		unit = 0xfffd;
	}
	bud_buffer_add(out, utf8, write_utf8(utf8, (uint32_t)unit));
	return at + 6;
}

void bud_json_unescape(struct bud_span raw, struct bud_buffer *out)
{
	const char *at = raw.at;
	const char *end = raw.at + raw.len;

	while (at < end) {
		const char *escape = memchr(at, '\\', (size_t)(end - at));

		if (!escape)
			escape = end;
		bud_buffer_add(out, at, (size_t)(escape - at));
		at = escape < end ? unescape(escape, end, out) : end;
	}
}
