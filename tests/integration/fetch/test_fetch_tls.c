/* A server is talked to only over TLS 1.2 or later, with a certificate from a trusted authority,
 * in force, for the host of the URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "certificates.h"
#include "client.h"
#include "receiver.h"

static char folder[] = "/tmp/bud-fetch-XXXXXX";
static char ca_file[64];
static struct authority *authority;

static int make_authority(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", folder);
	authority = authority_create();
	FILE *out = fopen(ca_file, "w");
	assert_non_null(out);
	fputs(authority_pem(authority), out);
	fclose(out);
	return 0;
}

static int drop_authority(void **state)
{
	(void)state;
	authority_destroy(authority);
	unlink(ca_file);
	return rmdir(folder);
}

struct tls_end {
	enum bud_fetch_kind kind;
	int status;
	int64_t time_us;
	uint64_t handshakes;
	char text[64];
};

/* `n` requests to that port; how the last one ended. */
static struct tls_end talk(enum receiver_port port, const char *ca, int n)
{
	struct client *client = client_create();
	client_open(client, (struct bud_fetch_options){.ca_file = ca});
	struct receiver *receiver = receiver_open(&client->loop, authority);
	struct bud_target *target =
		client_target("https://localhost:%d/ok/1", receiver_port(receiver, port));
	for (int i = 0; i < n; i++) {
		struct bud_fetch_request request = {
			.target = target, .timeout_ms = 400, .body = bud_span("x")};
		client_send(client, &request, &client->end);
		client_wait(client, &client->end);
	}
	struct tls_end end = {.kind = client->end.kind,
		.status = client->end.status,
		.time_us = client->end.time_us,
		.handshakes = receiver_handshakes(receiver, port)};
	snprintf(end.text, sizeof(end.text), "%s", client->end.text);
	bud_target_unref(target);
	receiver_close(receiver);
	client_destroy(client);
	return end;
}

static void accepts_what_the_authority_signed(void **state)
{
	(void)state;
	struct tls_end end = talk(RECEIVER_TLS, ca_file, 1);
	assert_int_equal(end.kind, BUD_FETCH_RESPONSE);
	assert_int_equal(end.status, 200);
}

static void uses_a_tls_connection_again(void **state)
{
	(void)state;
	struct tls_end end = talk(RECEIVER_TLS, ca_file, 20);
	assert_int_equal(end.status, 200);
	assert_int_equal(end.handshakes, 1);
}

static void assert_refused(enum receiver_port port, const char *ca)
{
	struct tls_end end = talk(port, ca, 1);
	assert_int_equal(end.kind, BUD_FETCH_TLS_FAILED);
	assert_int_equal(end.status, 0);
}

static void refuses_an_unknown_authority(void **state)
{
	(void)state;
	assert_refused(RECEIVER_TLS, NULL);
}

static void refuses_a_self_signed_certificate(void **state)
{
	(void)state;
	assert_refused(RECEIVER_TLS_SELF_SIGNED, ca_file);
}

static void refuses_a_certificate_for_another_host(void **state)
{
	(void)state;
	assert_refused(RECEIVER_TLS_WRONG_HOST, ca_file);
	struct tls_end end = talk(RECEIVER_TLS_WRONG_HOST, ca_file, 1);
	assert_string_equal(end.text, "the certificate was not accepted");
}

static void refuses_an_expired_certificate(void **state)
{
	(void)state;
	assert_refused(RECEIVER_TLS_EXPIRED, ca_file);
}

static void refuses_old_versions_of_tls(void **state)
{
	(void)state;
	assert_refused(RECEIVER_TLS_OLD, ca_file);
}

static void refuses_without_a_bundle(void **state)
{
	(void)state;
	assert_refused(RECEIVER_TLS, "/nowhere/ca.pem");
}

static void cuts_a_handshake_that_stalls(void **state)
{
	(void)state;
	struct tls_end end = talk(RECEIVER_SILENT, ca_file, 1);
	assert_int_equal(end.kind, BUD_FETCH_TIMEOUT);
	assert_in_range(end.time_us, 395000, 500000);
}

static void refuses_a_server_without_tls(void **state)
{
	(void)state;
	struct client *client = client_create();
	client_open(client, (struct bud_fetch_options){.ca_file = ca_file});
	client->server.act = (struct scripted_act){
		.on_accept = true, .text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	struct bud_target *target = client_target("https://localhost:%d/", client->server.port);
	struct bud_fetch_request request = {.target = target, .timeout_ms = 400};
	client_send(client, &request, &client->end);
	assert_int_equal(client_wait(client, &client->end)->kind, BUD_FETCH_TLS_FAILED);
	bud_target_unref(target);
	client_destroy(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_the_authority_signed),
		cmocka_unit_test(uses_a_tls_connection_again),
		cmocka_unit_test(refuses_an_unknown_authority),
		cmocka_unit_test(refuses_a_self_signed_certificate),
		cmocka_unit_test(refuses_a_certificate_for_another_host),
		cmocka_unit_test(refuses_an_expired_certificate),
		cmocka_unit_test(refuses_old_versions_of_tls),
		cmocka_unit_test(refuses_without_a_bundle),
		cmocka_unit_test(cuts_a_handshake_that_stalls),
		cmocka_unit_test(refuses_a_server_without_tls),
	};
	return cmocka_run_group_tests(tests, make_authority, drop_authority);
}
