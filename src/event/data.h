/* The data of an event in the JSON format: in which member it stands, and so how it is written. */
#pragma once

enum bud_data_kind {
	BUD_DATA_KIND_NONE,
	BUD_DATA_KIND_JSON,   /* `data`: the JSON value, byte for byte */
	BUD_DATA_KIND_BASE64, /* `data_base64`: the base64 text, without quotes and escapes */
};
