/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of sources. When two know a file equally well, the first one in the table has it.
 */
#include "import/sources.h"

const struct import_source *const import_sources[] = {
	&source_focus,
	&source_openai_usage,
	&source_openai_costs,
	&source_openai_job,
	&source_anthropic_usage,
	&source_anthropic_costs,
	&source_anthropic_people,
	&source_agents,
	&source_claude_code,
	&source_codex,
	&source_aws,
	&source_aws_bill,
	&source_aws_explorer,
	&source_azure,
	&source_gcp,
	&source_gcp_table,
	&source_litellm,
	&source_helicone,
	&source_langfuse,
	&source_otel,
	&source_invoice,
	&source_mapping,
	NULL,
};

const char *import_source_name(unsigned index)
{
	return index < sizeof(import_sources) / sizeof(import_sources[0]) && import_sources[index]
		       ? import_sources[index]->name
		       : NULL;
}

const char *import_source_title(unsigned index)
{
	return import_source_name(index) ? import_sources[index]->title : NULL;
}
