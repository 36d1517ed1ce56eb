/* SPDX-License-Identifier: Apache-2.0
 *
 * See config_tables.h.
 */
#include "gate/config_tables.h"

#include <stddef.h>

#define FIELD(owner, kind_, name_, least_, most_, fallback_, choices_, help_)                          \
	{.name = #name_, .kind = CONF_##kind_, .offset = offsetof(struct owner, name_), .least = least_,  \
	 .most = most_, .fallback = fallback_, .choices = choices_, .help = help_,                        \
	 .given_offset = offsetof(struct owner, name_##_given)},
#define END {.name = NULL}

static const struct conf_field tls_fields[] = {
#define TLS(...) FIELD(file_tls, __VA_ARGS__)
#include "gate/config.def"
	END,
};
static const struct conf_field rate_fields[] = {
#define RATE(...) FIELD(file_rate, __VA_ARGS__)
#include "gate/config.def"
	END,
};
static const struct conf_field currency_fields[] = {
#define CURRENCY(...) FIELD(file_currency, __VA_ARGS__)
#include "gate/config.def"
	{.name = "rates", .kind = CONF_STRUCTS, .offset = offsetof(struct file_currency, rates), .fields = rate_fields,
	 .size = sizeof(struct file_rate), .help = "dated exchange rates; there is no conversion without one"},
	END,
};
static const struct conf_field upstream_fields[] = {
#define UPSTREAM(...) FIELD(file_upstream, __VA_ARGS__)
#include "gate/config.def"
	END,
};
static const struct conf_field cap_fields[] = {
#define CAP(...) FIELD(file_cap, __VA_ARGS__)
#include "gate/config.def"
	END,
};
static const struct conf_field lever_fields[] = {
#define LEVER(...) FIELD(file_levers, __VA_ARGS__)
#include "gate/config.def"
	END,
};
static const struct conf_field alert_fields[] = {
#define ALERT(...) FIELD(file_alert, __VA_ARGS__)
#include "gate/config.def"
	END,
};
static const struct conf_field otlp_header_fields[] = {
#define OTLP_HEADER(...) FIELD(file_otlp_header, __VA_ARGS__)
#include "gate/config.def"
	END,
};
static const struct conf_field otlp_fields[] = {
#define OTLP(...) FIELD(file_otlp, __VA_ARGS__)
#include "gate/config.def"
	{.name = "headers", .kind = CONF_STRUCTS, .offset = offsetof(struct file_otlp, headers),
	 .fields = otlp_header_fields,
	 .size = sizeof(struct file_otlp_header), .help = "sent with each export"},
	END,
};
static const struct conf_field pull_fields[] = {
#define PULL(...) FIELD(file_pull, __VA_ARGS__)
#include "gate/config.def"
	END,
};
static const struct conf_field limit_fields[] = {
#define LIMIT(...) FIELD(file_limits, __VA_ARGS__)
#include "gate/config.def"
	END,
};
static const struct conf_field drain_fields[] = {
#define DRAIN(...) FIELD(file_drain, __VA_ARGS__)
#include "gate/config.def"
	END,
};
static const struct conf_field log_fields[] = {
#define LOGGING(...) FIELD(file_log, __VA_ARGS__)
#include "gate/config.def"
	END,
};

#define PART(name_, fields_, help_) \
	{.name = #name_, .kind = CONF_STRUCT, .offset = offsetof(struct file_top, name_), .fields = fields_, \
	 .help = help_}
#define PARTS(name_, fields_, size_, help_) \
	{.name = #name_, .kind = CONF_STRUCTS, .offset = offsetof(struct file_top, name_), .fields = fields_, \
	 .size = size_, .help = help_}

const struct conf_field gate_config_fields[] = {
#define TOP(...) FIELD(file_top, __VA_ARGS__)
#include "gate/config.def"
	PART(tls, tls_fields, "TLS for the data listener"),
	PART(currency, currency_fields, "reports and exchange rates"),
	{.name = "upstreams", .kind = CONF_STRUCTS, .offset = offsetof(struct file_top, upstreams),
	 .fields = upstream_fields,
	 .size = sizeof(struct file_upstream), .help = "where calls go (default: the three vendors, without keys)",
	 .given_offset = offsetof(struct file_top, upstreams_given)},
	PARTS(caps, cap_fields, sizeof(struct file_cap), "budgets"),
	PART(levers, lever_fields, "what makes calls cheaper: off, advise (only count it) or on"),
	PARTS(alerts, alert_fields, sizeof(struct file_alert), "who is told when"),
	PART(otlp, otlp_fields, "spans and metrics to an OpenTelemetry collector"),
	PARTS(pull, pull_fields, sizeof(struct file_pull), "whose bills are fetched, and how often"),
	PART(limits, limit_fields, "what a peer may do"),
	PART(drain, drain_fields, "after a client left, and at the end"),
	PART(log, log_fields, "the log on stderr"),
	END,
};
