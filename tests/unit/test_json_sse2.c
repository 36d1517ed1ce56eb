/* SPDX-License-Identifier: Apache-2.0
 *
 * The tests of JSON once more, on what an x86-64 machine without AVX2 runs.
 */
#include "test_json.c"
