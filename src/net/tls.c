/* SPDX-License-Identifier: Apache-2.0
 *
 * See tls.h, tls_io.h. OpenSSL sits on the descriptor itself (no memory BIOs: one copy less).
 *
 * 1. A client context verifies chain and name, always; there is no function here that could turn it off.
 * 2. TLS 1.2 at least, no renegotiation, no compression; ALPN offers h2 and http/1.1, or the latter alone.
 * 3. An end without close_notify is TLS_RESET, never TLS_END: a body that lasts until close cannot be cut
 *    by somebody on the path.
 * 4. OpenSSL writes with write(2), so making a context ignores SIGPIPE for the process.
 */
#include "net/tls_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct tls_ctx {
	SSL_CTX *ssl;
};

struct tls {
	SSL *ssl;
	bool h2;     /* may be spoken */
	bool broken; /* after a fatal error nothing may be sent, not even close_notify */
	bool ended;  /* the last read met an end or an error behind the bytes that it returned */
	char fault[256];
};

static int fail(struct err *e, const char *what, const char *file)
{
	char why[160] = "";
	ERR_error_string_n(ERR_get_error(), why, sizeof why);
	ERR_clear_error();
	return err_set(e, RR_TLS, "%s%s%s: %s", what, file ? " " : "", file ? file : "", why);
}

static struct tls_ctx *ctx_new(const SSL_METHOD *method, struct err *e)
{
	struct tls_ctx *c = calloc(1, sizeof *c);
	if (!c || !(c->ssl = SSL_CTX_new(method))) {
		free(c);
		err_set(e, RR_NOMEM, "no memory for TLS");
		return NULL;
	}
	signal(SIGPIPE, SIG_IGN);
	SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION);
	SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					 SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(c->ssl, 1);
	return c;
}

/* Ours, dearest first; http/1.1 alone begins behind h2. */
static const unsigned char alpn[] = "\x02h2\x08http/1.1";
enum { ALPN_H2 = 3 };

struct tls_ctx *tls_client_ctx(const char *ca_file, struct err *e)
{
	struct tls_ctx *c = ctx_new(TLS_client_method(), e);
	if (!c)
		return NULL;
	SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF); /* the pool keeps tickets per origin */
	if (ca_file ? !SSL_CTX_load_verify_file(c->ssl, ca_file) : !SSL_CTX_set_default_verify_paths(c->ssl)) {
		fail(e, "cannot read the authorities in", ca_file ? ca_file : "the system's store");
		err_hint(e, "give a PEM file with the certificate of the authority that signed the upstream's");
	} else {
		return c;
	}
	tls_ctx_free(c);
	return NULL;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
		       unsigned in_n, void *arg)
{
	const struct tls *t = SSL_get_app_data(ssl);
	unsigned from = t && t->h2 ? 0 : ALPN_H2;
	(void)arg;
	if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_n, alpn + from,
				  (unsigned)sizeof alpn - 1 - from, in, in_n) ==
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_OK;
	return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 3.2 */
}

struct tls_ctx *tls_server_ctx(const char *cert_file, const char *key_file, struct err *e)
{
	struct tls_ctx *c = ctx_new(TLS_server_method(), e);
	if (!c)
		return NULL;
	SSL_CTX_set_alpn_select_cb(c->ssl, choose_alpn, NULL);
	SSL_CTX_set_session_id_context(c->ssl, (const unsigned char *)"runrate", 7);
	if (SSL_CTX_use_certificate_chain_file(c->ssl, cert_file) != 1)
		fail(e, "cannot read the certificate in", cert_file);
	else if (SSL_CTX_use_PrivateKey_file(c->ssl, key_file, SSL_FILETYPE_PEM) != 1)
		fail(e, "cannot read the private key in", key_file);
	else if (SSL_CTX_check_private_key(c->ssl) != 1)
		fail(e, "the certificate and the private key do not belong together:", key_file);
	else
		return c;
	tls_ctx_free(c);
	return NULL;
}

void tls_ctx_free(struct tls_ctx *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ssl);
	free(c);
}

static struct tls *new_session(struct tls_ctx *c, int fd)
{
	struct tls *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->ssl = SSL_new(c->ssl);
	if (!t->ssl || !SSL_set_fd(t->ssl, fd)) {
		tls_free(t);
		ERR_clear_error();
		return NULL;
	}
	return t;
}

struct tls *tls_new_client(struct tls_ctx *c, int fd, const char *host, const struct tls_ticket *ticket, bool h2)
{
	unsigned char address[16];
	bool literal = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
	struct tls *t = new_session(c, fd);
	unsigned from = h2 ? 0 : ALPN_H2;
	int ok;
	if (!t)
		return NULL;
	SSL_set_connect_state(t->ssl);
	SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (literal)
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), host);
	else
		ok = SSL_set1_host(t->ssl, host) && SSL_set_tlsext_host_name(t->ssl, host);
	if (ok)
		ok = !SSL_set_alpn_protos(t->ssl, alpn + from, (unsigned)sizeof alpn - 1 - from);
	if (ok && ticket)
		SSL_set_session(t->ssl, (SSL_SESSION *)(uintptr_t)ticket);
	if (!ok) {
		tls_free(t);
		ERR_clear_error();
		return NULL;
	}
	return t;
}

struct tls *tls_new_server(struct tls_ctx *c, int fd, bool h2)
{
	struct tls *t = new_session(c, fd);
	if (!t)
		return NULL;
	t->h2 = h2;
	SSL_set_app_data(t->ssl, t);
	SSL_set_accept_state(t->ssl);
	return t;
}

bool tls_is_h2(const struct tls *t)
{
	const unsigned char *p = NULL;
	unsigned n = 0;
	SSL_get0_alpn_selected(t->ssl, &p, &n);
	return n == 2 && !memcmp(p, "h2", 2);
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	free(t);
}

static int outcome(struct tls *t, int rc)
{
	int saved = errno;
	long verdict;
	unsigned long code;
	switch (SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_END;
	case SSL_ERROR_SYSCALL:
		t->broken = true;
		str_copy(t->fault, sizeof t->fault, str_of(saved ? strerror(saved) : "closed without a farewell"));
		ERR_clear_error();
		return TLS_RESET;
	default:
		break;
	}
	t->broken = true;
	code = ERR_peek_error();
	verdict = SSL_get_verify_result(t->ssl);
	if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		str_copy(t->fault, sizeof t->fault, STR("closed without a farewell"));
		ERR_clear_error();
		return TLS_RESET;
	}
	if (verdict != X509_V_OK)
		str_copy(t->fault, sizeof t->fault, str_of(X509_verify_cert_error_string(verdict)));
	else if (ERR_reason_error_string(code))
		str_copy(t->fault, sizeof t->fault, str_of(ERR_reason_error_string(code)));
	else
		str_copy(t->fault, sizeof t->fault, STR("the TLS library refused"));
	ERR_clear_error();
	return TLS_FAULT;
}

int tls_handshake(struct tls *t)
{
	int rc;
	ERR_clear_error();
	errno = 0;
	rc = SSL_do_handshake(t->ssl);
	if (rc != 1) {
		rc = outcome(t, rc);
		return rc == TLS_END ? TLS_RESET : rc;
	}
	/* Belt and braces: SSL_VERIFY_PEER has already refused, and a server must show a certificate. */
	if (!SSL_is_server(t->ssl) &&
	    (SSL_get_verify_result(t->ssl) != X509_V_OK || !SSL_get0_peer_certificate(t->ssl))) {
		str_copy(t->fault, sizeof t->fault, STR("the peer's certificate is not trusted"));
		t->broken = true;
		return TLS_FAULT;
	}
	return 1;
}

long tls_read(struct tls *t, char *p, size_t n)
{
	size_t got = 0, once;
	int rc;
	while (got < n) {
		ERR_clear_error();
		errno = 0;
		rc = SSL_read_ex(t->ssl, p + got, n - got, &once);
		if (rc != 1) {
			int why = SSL_get_error(t->ssl, rc);
			t->ended = got && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
			if (got) /* what ended it shows again at the next read, which no descriptor will announce */
				return (long)got;
			return outcome(t, rc);
		}
		got += once;
		if (!SSL_has_pending(t->ssl))
			break;
	}
	return (long)got;
}

long tls_write(struct tls *t, const char *p, size_t n)
{
	size_t once;
	int rc;
	ERR_clear_error();
	errno = 0;
	rc = SSL_write_ex(t->ssl, p, n, &once);
	return rc == 1 ? (long)once : outcome(t, rc);
}

bool tls_has_more(const struct tls *t)
{
	return t->ended || SSL_has_pending(t->ssl);
}

void tls_shut(struct tls *t)
{
	if (t->broken || !SSL_is_init_finished(t->ssl))
		return;
	ERR_clear_error();
	SSL_shutdown(t->ssl);
	ERR_clear_error();
}

const char *tls_fault(const struct tls *t)
{
	return t->fault;
}

bool tls_resumed(const struct tls *t)
{
	return SSL_session_reused(t->ssl);
}

struct tls_ticket *tls_ticket_get(struct tls *t)
{
	SSL_SESSION *s = SSL_get1_session(t->ssl);
	if (s && !SSL_SESSION_is_resumable(s)) {
		SSL_SESSION_free(s);
		s = NULL;
	}
	return (struct tls_ticket *)s;
}

void tls_ticket_free(struct tls_ticket *k)
{
	SSL_SESSION_free((SSL_SESSION *)k);
}
