/* SPDX-License-Identifier: Apache-2.0
 *
 * config.def expanded: the structs that a file is bound to, and the tables that bind it. For config.c
 * only; the gateway reads struct gate_config.
 */
#ifndef RR_GATE_CONFIG_TABLES_H
#define RR_GATE_CONFIG_TABLES_H

#include "base/conf.h"

#define TYPE_BOOL bool
#define TYPE_STR struct str
#define TYPE_SECRET struct conf_secret
#define TYPE_U64 uint64_t
#define TYPE_NUM double
#define TYPE_SHARE double
#define TYPE_MONEY struct conf_money
#define TYPE_TIME int64_t
#define TYPE_DURATION int64_t
#define TYPE_BYTES uint64_t
#define TYPE_ENUM unsigned

/* Each setting is a member, and beside it whether the file gives it. The pad keeps every `_given` off offset 0. */
#define MEMBER(kind, name, ...) TYPE_##kind name; bool name##_given;
struct file_tls {
	bool pad;
#define TLS MEMBER
#include "gate/config.def"
};
struct file_rate {
	bool pad;
#define RATE MEMBER
#include "gate/config.def"
};
struct file_currency {
	bool pad;
#define CURRENCY MEMBER
#include "gate/config.def"
	struct conf_array rates;
};
struct file_upstream {
	bool pad;
#define UPSTREAM MEMBER
#include "gate/config.def"
};
struct file_cap {
	bool pad;
#define CAP MEMBER
#include "gate/config.def"
};
struct file_levers {
	bool pad;
#define LEVER MEMBER
#include "gate/config.def"
};
struct file_alert {
	bool pad;
#define ALERT MEMBER
#include "gate/config.def"
};
struct file_otlp_header {
	bool pad;
#define OTLP_HEADER MEMBER
#include "gate/config.def"
};
struct file_otlp {
	bool pad;
#define OTLP MEMBER
#include "gate/config.def"
	struct conf_array headers;
};
struct file_pull {
	bool pad;
#define PULL MEMBER
#include "gate/config.def"
};
struct file_limits {
	bool pad;
#define LIMIT MEMBER
#include "gate/config.def"
};
struct file_drain {
	bool pad;
#define DRAIN MEMBER
#include "gate/config.def"
};
struct file_log {
	bool pad;
#define LOGGING MEMBER
#include "gate/config.def"
};
struct file_top {
	bool pad;
#define TOP MEMBER
#include "gate/config.def"
	struct file_tls tls;
	struct file_currency currency;
	struct conf_array upstreams, caps, alerts, pull;
	bool upstreams_given;
	struct file_levers levers;
	struct file_otlp otlp;
	struct file_limits limits;
	struct file_drain drain;
	struct file_log log;
};

extern const struct conf_field gate_config_fields[];

#endif
