/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS on a descriptor, by OpenSSL 3. Verification of upstreams is always on: chain, name, TLS 1.2 at
 * least. There is no switch for "insecure"; a private authority is named by its file.
 */
#ifndef RR_NET_TLS_H
#define RR_NET_TLS_H

#include "base/err.h"
#include "base/str.h"

struct tls_ctx;
struct tls;

/* ca_file NULL: the system's store. */
struct tls_ctx *tls_client_ctx(const char *ca_file, struct err *e);
struct tls_ctx *tls_server_ctx(const char *cert_file, const char *key_file, struct err *e);
void tls_ctx_free(struct tls_ctx *c);

#endif
