/* Handlers of the Altinn Events API; `context` is the struct bud_altinn_api. Within api/ only. */
#pragma once
#include <stdbool.h>

struct bud_identity; /* auth/identity.h */
struct bud_request;  /* http/request.h */

/* Publishing. */
void bud_altinn_handle_publish(void *context, struct bud_request *request);
void bud_altinn_handle_app_publish(void *context, struct bud_request *request);

/* Reading. */
void bud_altinn_handle_events(void *context, struct bud_request *request);
void bud_altinn_handle_org(void *context, struct bud_request *request);
void bud_altinn_handle_party(void *context, struct bud_request *request);

/* Subscriptions. */
void bud_altinn_handle_subscribe(void *context, struct bud_request *request);
void bud_altinn_handle_list(void *context, struct bud_request *request);
/* GET and DELETE of one. */
void bud_altinn_handle_one(void *context, struct bud_request *request);

/* Whether a service owner asks: by its claim, or by the name of an API key. */
bool bud_altinn_is_org(const struct bud_identity *identity);

#define BUD_ALTINN_BASE "/events/api/v1"
