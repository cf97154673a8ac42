/* Needs: what a caller must be allowed to before a route takes its request. A need is met by any
 * scope of its list (settings auth.scope_...); what exactly it reaches is asked later. */
#pragma once

enum bud_need {
	BUD_NEED_IDENTITY,  /* to be known, no matter with which scopes */
	BUD_NEED_NOTHING,   /* open to everybody: who asks is not even looked at */
	BUD_NEED_PUBLISH,   /* a scope, or a PlatformAccessToken */
	BUD_NEED_SUBSCRIBE, /* also to look at and change what the caller owns */
	BUD_NEED_READ,      /* to read events */
	BUD_NEED_PLATFORM,  /* to be known, and a PlatformAccessToken */
	BUD_NEED_DIALOG,    /* what a dialog token says; no other route takes one */
	BUD_NEEDS,
};
