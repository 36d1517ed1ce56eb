/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI: openai-openapi f85dbe2, paths /organization/usage/... and /organization/costs. Anthropic: Admin API
 * reference, usage_report/messages and cost_report (August 2026); `speed` among its groups wants the beta header below
 * (platform.claude.com, "Usage and Cost API", fast mode; read 2026-11-29).
 */
#include "pull/vendors.h"

static const struct pull_endpoint openai[] = {
	{"completions", "/v1/organization/usage/completions",
	 {"project_id", "user_id", "api_key_id", "model", "batch", "service_tier"}, false, false},
	{"embeddings", "/v1/organization/usage/embeddings", {"project_id", "user_id", "api_key_id", "model"}, false,
	 false},
	{"moderations", "/v1/organization/usage/moderations", {"project_id", "user_id", "api_key_id", "model"}, false,
	 false},
	{"images", "/v1/organization/usage/images", {"project_id", "user_id", "api_key_id", "model", "size", "source"},
			false, false},
	{"speeches", "/v1/organization/usage/audio_speeches", {"project_id", "user_id", "api_key_id", "model"}, false,
	 false},
	{"transcriptions", "/v1/organization/usage/audio_transcriptions",
	 {"project_id", "user_id", "api_key_id", "model"},
			false, false},
	{"vector-stores", "/v1/organization/usage/vector_stores", {"project_id"}, false, false},
	{"code-interpreter", "/v1/organization/usage/code_interpreter_sessions", {"project_id"}, false, false},
	{"file-search", "/v1/organization/usage/file_search_calls", {"project_id", "user_id", "api_key_id",
			"vector_store_id"}, false, true},
	{"web-search", "/v1/organization/usage/web_search_calls", {"project_id", "user_id", "api_key_id", "model",
			"context_level"}, false, true},
	{"costs", "/v1/organization/costs", {"project_id", "line_item", "api_key_id"}, true, false},
	{NULL},
};

static const struct pull_endpoint anthropic[] = {
	{"messages", "/v1/organizations/usage_report/messages",
	 {"workspace_id", "api_key_id", "model", "service_tier", "context_window", "inference_geo", "speed"}, false,
	 false},
	{"costs", "/v1/organizations/cost_report", {"workspace_id", "description"}, true, false},
	{NULL},
};

const struct pull_vendor pull_vendors[] = {
	{.name = "openai", .title = "OpenAI", .variable = "OPENAI_ADMIN_KEY", .base = "https://api.openai.com",
	 .group_key = "group_by", .from_key = "start_time", .to_key = "end_time", .most = {31, 168, 1440}, .most_costs =
	 180,
	 .auth = "authorization", .auth_prefix = "Bearer ", .endpoints = openai},
	{.name = "anthropic", .title = "Anthropic", .variable = "ANTHROPIC_ADMIN_KEY",
	 .base = "https://api.anthropic.com",
	 .group_key = "group_by[]", .from_key = "starting_at", .to_key = "ending_at", .rfc3339 = true,
	 .most = {31, 168, 1440},
	 .most_costs = 31, .auth = "x-api-key", .auth_prefix = "",
	 .extra = {{STR("anthropic-version"), STR("2023-06-01")}, {STR("anthropic-beta"), STR("fast-mode-2026-02-01")}},
	 .endpoints = anthropic},
	{.name = NULL},
};
