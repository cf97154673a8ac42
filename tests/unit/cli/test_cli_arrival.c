/* A line says what came and whether its signature holds; what a sender writes can neither forge a
 * line nor reach the terminal as an escape sequence. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/arrival.h"
#include "core/alloc.h"
#include "crypto/secret.h"
#include "crypto/signer.h"

#define NOW_S 1772439330
#define TEXT(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static const char *const secrets[] = {"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"};
static const char event[] = "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\","
			    "\"type\":\"com.example.t\",\"subject\":\"su\"}";

struct message {
	char signature[BUD_SIGNATURE_BYTES_V1];
	char timestamp[24];
	struct bud_header headers[6];
	struct bud_arrival arrival;
};

static void make(struct message *message, const char *body, const char *content_type)
{
	struct bud_secret secret;
	struct bud_error error;

	assert_int_equal(0, bud_secret_parse(bud_span(secrets[0]), &secret, &error));
	struct bud_signer *signer = bud_signer_create(
		&(struct bud_signer_options){.secrets = &secret, .secrets_n = 1, .v1 = true});
	const struct bud_signing what = {bud_span("msg_1"), NOW_S, .body = bud_span(body)};
	struct bud_signature_headers lines;
	bud_signer_sign(signer, &what, NULL, message->signature, &lines);
	bud_signer_destroy(signer);
	snprintf(message->timestamp, sizeof(message->timestamp), "%d", NOW_S);
	message->headers[0] = (struct bud_header){TEXT("webhook-id"), TEXT("msg_1")};
	message->headers[1] =
		(struct bud_header){TEXT("Webhook-Timestamp"), bud_span(message->timestamp)};
	message->headers[2] = (struct bud_header){TEXT("webhook-signature"),
		bud_span(message->signature + strlen("webhook-signature: "))};
	message->arrival = (struct bud_arrival){.content_type = bud_span(content_type),
		.body = bud_span(body),
		.headers = message->headers,
		.headers_n = 3};
}

static void line_is(const struct bud_arrival *arrival, const char *line)
{
	bud_auto(buffer) struct bud_buffer out = {0};

	bud_arrival_write(arrival, NOW_S * INT64_C(1000), &out);
	assert_string_equal(line, out.at);
}

static void test_good_and_bad(void **state)
{
	struct message message;

	(void)state;
	make(&message, event, "application/cloudevents+json");
	bud_arrival_judge(&message.arrival, secrets, 1, NOW_S);
	assert_int_equal(BUD_ARRIVAL_VERDICT_OK, message.arrival.verdict);
	line_is(&message.arrival,
		"2026-03-02T08:15:30.000Z  com.example.t  su  /s  msg_1  signature ok");
	bud_arrival_judge(&message.arrival, NULL, 0, NOW_S);
	assert_int_equal(BUD_ARRIVAL_VERDICT_UNCHECKED, message.arrival.verdict);
	line_is(&message.arrival,
		"2026-03-02T08:15:30.000Z  com.example.t  su  /s  msg_1  signature not checked");
	bud_arrival_judge(&message.arrival, secrets, 1, NOW_S + 301);
	assert_int_equal(BUD_ARRIVAL_VERDICT_BAD, message.arrival.verdict);
	assert_non_null(strstr(message.arrival.reason, "timestamp"));
	message.arrival.body.len--;
	bud_arrival_judge(&message.arrival, secrets, 1, NOW_S);
	assert_int_equal(BUD_ARRIVAL_VERDICT_BAD, message.arrival.verdict);
	assert_non_null(strstr(message.arrival.reason, "fits"));
	line_is(&message.arrival,
		"2026-03-02T08:15:30.000Z  (not an event)  -  -  msg_1  signature BAD: "
		"none of its signatures fits a secret given here");
	message.arrival.headers_n = 2;
	bud_arrival_judge(&message.arrival, secrets, 1, NOW_S);
	assert_non_null(strstr(message.arrival.reason, "missing"));
	message.arrival.headers_n = 0;
	bud_arrival_judge(&message.arrival, secrets, 1, NOW_S);
	assert_int_equal(BUD_ARRIVAL_VERDICT_BAD, message.arrival.verdict);
	assert_int_equal(0, message.arrival.id.len);
}

static void test_binary_mode(void **state)
{
	struct message message;

	(void)state;
	make(&message, "{}", "application/json");
	message.headers[3] = (struct bud_header){TEXT("ce-specversion"), TEXT("1.0")};
	message.headers[4] = (struct bud_header){TEXT("ce-type"), TEXT("t%20t")};
	message.headers[5] = (struct bud_header){TEXT("ce-id"), TEXT("1")};
	message.arrival.headers_n = 6;
	bud_arrival_judge(&message.arrival, secrets, 1, NOW_S);
	assert_int_equal(BUD_ARRIVAL_VERDICT_OK, message.arrival.verdict);
	line_is(&message.arrival,
		"2026-03-02T08:15:30.000Z  (not an event)  -  -  msg_1  signature ok");
	struct bud_header more[7];
	memcpy(more, message.headers, sizeof(message.headers));
	more[6] = (struct bud_header){TEXT("ce-source"), TEXT("/s")};
	message.arrival.headers = more;
	message.arrival.headers_n = 7;
	line_is(&message.arrival, "2026-03-02T08:15:30.000Z  t t  -  /s  msg_1  signature ok");
}

static void test_hostile_id(void **state)
{
	struct bud_header header = {TEXT("webhook-id"), TEXT("\x1b[2J\xc2\x9b\xff\r\nx")};
	struct bud_arrival arrival = {.headers = &header, .headers_n = 1};

	(void)state;
	bud_arrival_judge(&arrival, NULL, 0, NOW_S);
	line_is(&arrival, "2026-03-02T08:15:30.000Z  (not an event)  -  -  ?[2J?????x  "
			  "signature not checked");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_and_bad),
		cmocka_unit_test(test_binary_mode),
		cmocka_unit_test(test_hostile_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
