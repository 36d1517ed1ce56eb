/* SPDX-License-Identifier: Apache-2.0
 *
 * Training: FLOP, GPU time and money of one run.
 *
 *   C = 6 N D            forward 2 N D, backward 4 N D (Kaplan et al. 2020, arXiv 2001.08361; Hoffmann et al. 2022)
 *     + 12 L d s D       attention, per token of a sequence of s (Megatron-LM, arXiv 2104.04473)
 *   GPU-hours = C / (peak x MFU x 3600)
 *   money = GPU-hours x rate + storage + checkpoints + evaluation + labelling + people
 *
 * LoRA leaves out the weight gradients of the frozen matrices: about 4 N D. QLoRA is the same FLOP, 30-40 % slower
 * (give slowdown 1.35). MFU is no constant: what Llama 3.1 disclosed implies 14 % (8B, 1.46 M H100-hours), 25 %
 * (70B, 7.0 M) and 35 % (405B, 30.84 M); DeepSeek-V3 35 % of the bf16 peak (2.664 M H800-hours).
 *
 * Worked example: 70e9 parameters x 15e12 tokens = 6.3e24 FLOP; at 400 TFLOP/s 1.575e10 GPU-seconds,
 * 4.375 M GPU-hours, $8.75 M at $2 an hour; at the 25 % that Llama-3.1-70B really had, 7.0 M hours and $14 M.
 */
#include "plan/families.h"

/* Dense bf16 peaks from vendors' data sheets (the sparse figures that are often printed are twice these). Only the
 * names that people type; the simulator's table has the rest. Read 2026-11. */
static const struct formula_word gpus[] = {
	{"h100", 989e12, "NVIDIA H100 SXM data sheet, dense bf16"},
	{"h100-pcie", 756.5e12, "NVIDIA H100 PCIe data sheet, dense bf16"},
	{"h100-nvl", 835e12, "NVIDIA H100 NVL data sheet, dense bf16"},
	{"h200", 989e12, "NVIDIA H200 data sheet, dense bf16"},
	{"h20", 148e12, "NVIDIA H20 data sheet, dense bf16"},
	{"h800", 989e12, "NVIDIA H800: as H100 SXM, dense bf16"},
	{"b200", 2250e12, "NVIDIA B200 data sheet, dense bf16"},
	{"b300", 2250e12, "NVIDIA B300 data sheet, dense bf16"},
	{"gb200", 2500e12, "NVIDIA GB200 data sheet, dense bf16"},
	{"gb300", 2500e12, "NVIDIA GB300 data sheet, dense bf16"},
	{"a100", 312e12, "NVIDIA A100 data sheet, dense bf16"},
	{"l40s", 362e12, "NVIDIA L40S data sheet, dense bf16"},
	{"l4", 121e12, "NVIDIA L4 data sheet, dense bf16"},
	{"a10g", 70e12, "NVIDIA A10G data sheet, dense bf16"},
	{"a10", 125e12, "NVIDIA A10 data sheet, dense bf16"},
	{"rtx-4090", 165.2e12, "NVIDIA Ada whitepaper, dense bf16"},
	{"rtx-5090", 209.5e12, "NVIDIA Blackwell whitepaper, dense bf16"},
	{"rtx-pro-6000", 467.8e12, "NVIDIA RTX PRO 6000 data sheet, dense bf16"},
	{"mi300x", 1307e12, "AMD MI300X data sheet, dense bf16"},
	{"mi325x", 1307e12, "AMD MI325X data sheet, dense bf16"},
	{"mi355x", 2517e12, "AMD MI355X data sheet, dense bf16"},
	{"tpu-v5e", 197e12, "Google TPU v5e page, dense bf16"},
	{"tpu-v6e", 918e12, "Google TPU v6e page, dense bf16"},
	{"trainium2", 667e12, "AWS Trainium2 page, dense bf16"},
	{"inferentia2", 190e12, "AWS Inferentia2 page, dense bf16"},
	{"gaudi3", 1835e12, "Intel Gaudi 3 data sheet, dense bf16"},
	{NULL, 0, NULL},
};
static const struct formula_word methods[] = {
	{"full", 6, "forward 2 + backward 4"},
	{"lora", 4, "no weight gradients of the frozen matrices"},
	{"qlora", 4, "as LoRA; give slowdown 1.35 for the dequantisation"},
	{NULL, 0, NULL},
};

enum { PARAMS, TOKENS, EPOCHS, METHOD, LAYERS, WIDTH, SEQUENCE, PEAK, MFU, SLOWDOWN, RATE, STORAGE, CHECKPOINTS, EVAL,
       LABELLING, PEOPLE };
static const struct formula_input inputs[] = {
	{"params", "parameters", 0, ANY, true, NAN_, true, "N, the parameters that are trained or passed through"},
	{"tokens", "tokens", 0, ANY, true, NAN_, true, "D, the tokens of the data set"},
	{"epochs", "times", 0, 1e4, true, 1, false, "passes over the tokens", "one pass"},
	{"flop_per_param_token", "FLOP", 2, 12, false, 6, false, "6 for full training, 4 for LoRA; or a word",
	 "6 N D, Kaplan et al. 2020", "method", methods},
	{"layers", "layers", 0, 1e4, false, 0, false, "L, to count attention (0: left out)", "left out"},
	{"width", "wide", 0, 1e6, false, 0, false, "d, the model's width, for attention", "left out"},
	{"sequence", "tokens", 0, 1e8, false, 0, false, "s, the sequence length, for attention", "left out"},
	{"peak_flops", "FLOP/s", 0, ANY, true, 989e12, false, "dense peak of one GPU; or its name",
	 "NVIDIA H100 SXM, dense bf16, read 2026-11", "gpu", gpus},
	{"mfu", "share", 0, 1, true, 0.35, false, "model FLOP utilisation",
	 "Llama-3.1-405B and DeepSeek-V3 as disclosed: 35 %"},
	{"slowdown", "times", 1, 100, false, 1, false, "for QLoRA 1.3 to 1.4, for restarts more", "none"},
	{"rate", "money/h", 0, ANY, false, NAN_, true, "rent of one GPU for an hour"},
	{"storage", "money", 0, ANY, false, 0, false, "storage of data and results", "not counted"},
	{"checkpoints", "money", 0, ANY, false, 0, false, "storage of checkpoints", "not counted"},
	{"eval", "money", 0, ANY, false, 0, false, "evaluation runs and graders", "not counted"},
	{"labelling", "money", 0, ANY, false, 0, false, "labels and human review", "not counted"},
	{"people", "money", 0, ANY, false, 0, false, "people for the time of the run", "not counted"},
	{0},
};
enum { FLOP, GPU_SECONDS, GPU_HOURS, COMPUTE, COST, COST_AT_14, COST_AT_35 };
static const struct formula_output outputs[] = {
	{"flop", "FLOP", "(flop_per_param_token * params + 12 * layers * width * sequence) * tokens * epochs"},
	{"gpu_seconds", "s", "flop * slowdown / (peak_flops * mfu)"},
	{"gpu_hours", "h", "gpu_seconds / 3600"},
	{"compute_cost", "money", "gpu_hours * rate"},
	{"cost", "money", "compute_cost + storage + checkpoints + eval + labelling + people"},
	{"cost_at_mfu_14", "money", "cost - compute_cost + compute_cost * mfu / 0.14", true},
	{"cost_at_mfu_35", "money", "cost - compute_cost + compute_cost * mfu / 0.35", true},
	{0},
};

double train_flop(double params, double tokens, double flop_per_param_token, double attention_flop_per_token)
{
	return (flop_per_param_token * params + attention_flop_per_token) * tokens;
}

double train_gpu_seconds(double flop, double peak_flop_per_s, double mfu)
{
	return flop / (peak_flop_per_s * mfu);
}

static void compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	double attention = 12 * in[LAYERS] * in[WIDTH] * in[SEQUENCE];
	out[FLOP] = train_flop(in[PARAMS], in[TOKENS] * in[EPOCHS], in[METHOD], attention);
	out[GPU_SECONDS] = train_gpu_seconds(out[FLOP], in[PEAK], in[MFU]) * in[SLOWDOWN];
	out[GPU_HOURS] = out[GPU_SECONDS] / 3600;
	out[COMPUTE] = out[GPU_HOURS] * in[RATE];
	out[COST] = out[COMPUTE] + in[STORAGE] + in[CHECKPOINTS] + in[EVAL] + in[LABELLING] + in[PEOPLE];
	/* The span of disclosed runs: what the same work costs at their worst and their best. */
	out[COST_AT_14] = out[COST] - out[COMPUTE] + out[COMPUTE] * in[MFU] / 0.14;
	out[COST_AT_35] = out[COST] - out[COMPUTE] + out[COMPUTE] * in[MFU] / 0.35;
}

static void say(const struct formula_run *r, struct sb *verdict, struct sb *why)
{
	char a[64], b[64], c[64], d[64];
	sb_addf(verdict, "The run costs %s, once.", value_text(r->out[COST], "money", r->currency, a));
	sb_addf(why,
		"%s GPU-hours at an MFU of %s. Disclosed runs had 14 %% to 35 %%: the same work would cost %s to %s.",
		value_text(r->out[GPU_HOURS], "", r->currency, a), value_text(r->in[MFU], "share", r->currency, b),
		value_text(r->out[COST_AT_35], "money", r->currency, c),
		value_text(r->out[COST_AT_14], "money", r->currency, d));
}

const struct formula formula_train = {
	.name = "train", .summary = "what a training run costs: FLOP, GPU-hours, money",
	.source = "C = 6 N D: Kaplan et al. 2020, Hoffmann et al. 2022; attention: Megatron-LM 2021",
	.inputs = inputs, .outputs = outputs, .compute = compute, .say = say, .command = true,
};

/* MFU and the ratio of training to inference: "400 TFLOP/s is about 40 % of an H100" (40.4 % of 989);
 * inference is 2 FLOP per parameter and token, training 6, so 1 : 3. */
enum { ACHIEVED, MFU_PEAK, TRAIN_FLOP, INFER_FLOP };
static const struct formula_input mfu_inputs[] = {
	{"achieved_flops", "FLOP/s", 0, ANY, true, NAN_, false, "FLOP a second that were reached"},
	{"peak_flops", "FLOP/s", 0, ANY, true, 989e12, false, "dense peak of one GPU; or its name",
	 "NVIDIA H100 SXM, dense bf16, read 2026-11", "gpu", gpus},
	{"training_flop", "FLOP", 0, ANY, true, 6, false, "FLOP per parameter and token in training", "6 N D"},
	{"inference_flop", "FLOP", 0, ANY, true, 2, false, "FLOP per parameter and token in inference", "2 N"},
	{0},
};
static const struct formula_output mfu_outputs[] = {
	{"mfu", "share", "achieved_flops / peak_flops"},
	{"training_to_inference", "times", "training_flop / inference_flop"},
	{0},
};

static void mfu_compute(const double in[], const struct formula_row row[], unsigned rows, double out[])
{
	out[0] = in[ACHIEVED] / in[MFU_PEAK];
	out[1] = in[TRAIN_FLOP] / in[INFER_FLOP];
}

const struct formula formula_mfu = {
	.name = "mfu", .summary = "the share of a GPU's peak that was reached; FLOP of training against inference",
	.source = "MFU: Chowdhery et al. 2022 (PaLM); peaks: vendors' data sheets",
	.inputs = mfu_inputs, .outputs = mfu_outputs, .compute = mfu_compute,
};
