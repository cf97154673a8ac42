/* Heads and bodies come out the same however they are split; limits hold exactly; and what decides
 * about a connection (keep-alive, Expect, where the next request starts) is read right. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "http/message.h"
#include "http/parser.h"

static struct bud_message message;
static struct bud_parser *parser;

#define HEAD "POST /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n"

/* Reads `text` whole with a body limit; the message points into `bytes` afterwards. */
static enum bud_message_state read_text(const char *text, char *bytes, size_t body_bytes_max)
{
	size_t len = strlen(text);

	memcpy(bytes, text, len + 1);
	bud_message_start(&message, parser);
	if (bud_message_read(&message, bytes, &len) != BUD_MESSAGE_HEADED)
		return message.state;
	message.body_bytes_max = body_bytes_max;
	return bud_message_read(&message, bytes, &len);
}

static void test_head(void **state)
{
	char bytes[500];

	(void)state;
	assert_int_equal(BUD_MESSAGE_WHOLE,
		read_text(HEAD "A:  b c\t\r\nExpect: 100-Continue\r\n\r\nGET", bytes, 0));
	assert_true(bud_span_is(message.head.method, "POST"));
	assert_true(bud_span_is(message.head.target, "/a?b=c"));
	assert_true(bud_span_is(message.head.path, "/a"));
	assert_true(bud_span_is(message.head.query, "b=c"));
	assert_true(bud_span_is(message.head.content_type, "text/plain"));
	assert_int_equal(4, message.head.n_fields);
	assert_true(bud_span_is(message.head.fields[2].name, "A"));
	assert_true(bud_span_is(message.head.fields[2].value, "b c"));
	assert_true(message.head.keep_alive);
	assert_true(message.head.expects_continue);
	assert_false(bud_message_has_body(&message));
	assert_string_equal("GET", bytes + message.raw);
	assert_int_equal(BUD_MESSAGE_WHOLE, read_text("GET / HTTP/1.0\r\n\r\n", bytes, 0));
	assert_false(message.head.keep_alive);
	assert_null(message.head.query.at);
	assert_int_equal(BUD_MESSAGE_WHOLE,
		read_text("GET / HTTP/1.1\r\nHost: h\r\nConnection: a, Close\r\n\r\n", bytes, 0));
	assert_false(message.head.keep_alive);
}

/* Tokens are long, and not each byte of them need be looked at by everybody; but each is. */
static void test_long_values(void **state)
{
	static const char *const names[] = {"Authorization", "authorization", "PlatformAccessToken",
		"X-Other", "Authorization-X"};
	static const size_t lengths[] = {1, 200, 241, 242, 243, 256, 300, 1000, 4000};
	char text[20000], bytes[20000], value[4001];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
			size_t len = lengths[k];
			for (size_t n = 0; n < len; n++)
				value[n] = (char)('!' + (n * 7 + k) % 94);
			value[len] = '\0';
			snprintf(text, sizeof(text),
				HEAD "%s: %s\r\nA: b\r\n%s:%s \r\nContent-Length: 2\r\n\r\nhi",
				names[i], value, names[i], value);
			assert_int_equal(BUD_MESSAGE_WHOLE, read_text(text, bytes, 5));
			assert_int_equal(6, message.head.n_fields);
			assert_true(bud_span_is(message.head.fields[2].name, names[i]));
			assert_true(bud_span_is(message.head.fields[2].value, value));
			assert_true(bud_span_is(message.head.fields[3].value, "b"));
			assert_true(bud_span_is(message.head.fields[4].value, value));
			assert_true(bud_span_is(message.body, "hi"));
			for (size_t at = 0; at < len; at += 1 + len / 20) {
				static const char bad[] = {'\x01', '\x7f', '\0', '\n', '\x1f'};
				size_t whole = strlen(text);
				char *spot = strstr(text, value) + at;
				char was = *spot;
				size_t all = whole;
				*spot = bad[at % sizeof(bad)];
				memcpy(bytes, text, whole);
				bud_message_start(&message, parser);
				assert_int_equal(BUD_MESSAGE_REFUSED,
					bud_message_read(&message, bytes, &all));
				*spot = was;
			}
		}
	}
	/* A value that begins with blanks. */
	memset(value, ' ', 300);
	memset(value + 300, 'x', 400);
	value[700] = '\0';
	snprintf(text, sizeof(text), HEAD "Authorization:%s\r\n\r\n", value);
	assert_int_equal(BUD_MESSAGE_WHOLE, read_text(text, bytes, 5));
	assert_int_equal(400, message.head.fields[2].value.len);
}

static void test_limits_are_exact(void **state)
{
	static const char counted[] = HEAD "Content-Length: 5\r\n\r\nhello";
	static const char chunked[] =
		HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\nnext";
	char bytes[500];

	(void)state;
	assert_int_equal(BUD_MESSAGE_WHOLE, read_text(counted, bytes, 5));
	assert_true(bud_span_is(message.body, "hello"));
	assert_int_equal(BUD_MESSAGE_REFUSED, read_text(counted, bytes, 4));
	assert_int_equal(413, message.refusal.status);
	assert_int_equal(BUD_MESSAGE_WHOLE, read_text(chunked, bytes, 5));
	assert_true(bud_span_is(message.body, "hello"));
	assert_string_equal("next", bytes + message.raw);
	assert_int_equal(BUD_MESSAGE_REFUSED, read_text(chunked, bytes, 4));
	assert_int_equal(413, message.refusal.status);
}

static void test_waits(void **state)
{
	char bytes[500];

	(void)state;
	assert_int_equal(BUD_MESSAGE_HEAD, read_text("POST / HTTP/1.1\r\nHost: h\r\n", bytes, 5));
	assert_int_equal(0, bud_message_need(&message));
	assert_int_equal(
		BUD_MESSAGE_BODY, read_text(HEAD "Content-Length: 5\r\n\r\nhell", bytes, 5));
	assert_true(bud_message_has_body(&message));
	assert_int_equal(strlen(bytes) + 1, bud_message_need(&message));
	assert_int_equal(
		BUD_MESSAGE_BODY, read_text(HEAD "Transfer-Encoding: chunked\r\n\r\n", bytes, 5));
	assert_int_equal(BUD_MESSAGE_BODY,
		read_text(HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhell", bytes, 5));
}

/* Every place to split, with the buffer moved in between. */
static void test_split_anywhere(void **state)
{
	static const char wire[] = HEAD "Transfer-Encoding: chunked\r\n\r\n"
					"3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: u\r\n\r\n";

	(void)state;
	for (size_t cut = 1; cut < sizeof(wire) - 1; cut++) {
		char *first = bud_alloc(cut);
		size_t len = cut;
		memcpy(first, wire, cut);
		bud_message_start(&message, parser);
		bud_message_read(&message, first, &len);
		message.body_bytes_max = 5;
		if (message.state == BUD_MESSAGE_HEADED)
			bud_message_read(&message, first, &len);
		char *second = bud_alloc(len + sizeof(wire) - 1 - cut);
		memcpy(second, first, len);
		bud_message_move(&message, first, second);
		free(first);
		memcpy(second + len, wire + cut, sizeof(wire) - 1 - cut);
		len += sizeof(wire) - 1 - cut;
		if (bud_message_read(&message, second, &len) == BUD_MESSAGE_HEADED) {
			message.body_bytes_max = 5;
			bud_message_read(&message, second, &len);
		}
		assert_int_equal(BUD_MESSAGE_WHOLE, message.state);
		assert_true(bud_span_is(message.body, "hello"));
		assert_true(bud_span_is(message.head.path, "/a"));
		assert_true(bud_span_is(message.head.fields[0].value, "h"));
		assert_int_equal(len, message.raw);
		free(second);
	}
}

/* A fault is told as soon as its line is there, not at the end of the head. */
static void test_refuses_early(void **state)
{
	char bytes[500];

	(void)state;
	assert_int_equal(BUD_MESSAGE_REFUSED, read_text("GET / HTTP/1.1\n", bytes, 0));
	assert_int_equal(400, message.refusal.status);
	assert_int_equal(BUD_MESSAGE_REFUSED,
		read_text(
			HEAD "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", bytes, 9));
	assert_int_equal(400, message.refusal.status);
	assert_non_null(message.refusal.member);
	assert_string_equal("Transfer-Encoding", message.refusal.member);
}

static int start(void **state)
{
	(void)state;
	parser = bud_parser_create();
	return 0;
}

static int stop(void **state)
{
	(void)state;
	bud_parser_destroy(parser);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_limits_are_exact),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_split_anywhere),
		cmocka_unit_test(test_refuses_early),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
