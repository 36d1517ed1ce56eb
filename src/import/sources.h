/* SPDX-License-Identifier: Apache-2.0
 *
 * Every source by name, for the table in sources.c.
 */
#ifndef RR_IMPORT_SOURCES_H
#define RR_IMPORT_SOURCES_H

#include "import/import_i.h"

extern const struct import_source source_focus, source_openai_usage, source_openai_costs, source_openai_job,
	source_anthropic_usage, source_anthropic_costs, source_anthropic_people, source_claude_code, source_codex,
	source_agents, source_helicone, source_invoice, source_mapping, source_aws, source_aws_bill,
	source_aws_explorer, source_azure, source_gcp, source_gcp_table, source_litellm, source_langfuse, source_otel;

#endif
